/**
 * Which of a decoder's pictures are damaged, by what FFmpeg and GStreamer say on standard error. Packets that are missing are
 * told by FFmpeg's RTSP demuxer, whatever the codec; H.265's decoder says next to nothing of them.
 */

/** What FFmpeg (4.4 to 7) says of data that is missing or cannot be decoded. Complaints about mere metadata are not among it. */
const damage = new RegExp(
  [
    // The demuxers.
    'RTP: missed \\d+ packets|missing packets; dropping|without a start chunk; dropping|corrupt input packet',
    // Any decoder, by ffmpeg itself.
    'corrupt decoded frame|error while decoding stream|error submitting packet to decoder',
    // H.264, and the concealment that it shares with others.
    'error while decoding MB|concealing \\d+ DC|reference picture missing|missing reference picture|slice header error',
    'decode_slice_header|non-existing [SP]PS|no frame!|corrupted macroblock|block unavailable for requested',
    // H.265.
    'could not find ref with POC|error constructing the frame RPS|PPS id out of range|undecodable NALU|first slice in a frame missing',
    // JPEG.
    '\\] (?:error [dy][c=]|error count: |overread \\d|bad vlc|mjpeg_decode_dc)|no JPEG data found',
    // GStreamer's elements.
    'failed to decode (?:frame|data)|corrupt(?:ed)? frame'
  ].join('|'),
  'i'
)

/** The filters of `ffmpegDecoder` that tell of each key frame, and of each picture that is put out. */
export const showinfoFilters = { key: 'showinfo@key', picture: 'showinfo@out' } as const

/** A line of them about a picture; more lines about the same one may follow. */
const pictureLine = /^\[showinfo@(key|out) [^\]]*\] *n: *\d+ /
/** FFmpeg's muxer framecrc: stream, times, duration, size, checksum and flags of a packet; without flags it is a key frame. */
const packetLine = /^\d+,[ \d,-]+, 0x[0-9a-f]{8}(, F=0x)?/

/** What these programs are made to say of every picture: to be read and not to be kept. */
export const pictureTalk = /^\[showinfo@\w+ |^\d+,[ \d,-]+, 0x[0-9a-f]{8}|^#[a-z_]+ \d+: |^#software: /

const rules = {
  /**
   * So many pictures after a complaint may be those it is about, for demuxer and decoder run ahead of what is put out: a key
   * frame among them repairs nothing.
   */
  suspected: 2,
  /** Damage that no key frame repairs is over after so long without another complaint: some streams have no key frames. */
  longestMs: 8000,
  /** Pictures that are announced and have not arrived. */
  mostAhead: 32,
  /**
   * How far the pictures may be behind the reports of packets, where the pictures themselves are not reported: so long, and at least as
   * many of them as that time has. On a busy machine none may come for longer than that, and then many at once.
   */
  lag: { packets: 4, ms: 1000 }
} as const

/**
 * Follows a decoder's standard error. Pictures are damaged from a complaint until a key frame: each picture between them is
 * made from the one before. With the lines of `showinfoFilters` each picture is told by itself; without them, which is so with
 * GStreamer behind FFmpeg, by the time of its coming, and rather too many are damaged than too few.
 */
export class DamageMarks {
  /** Of pictures that are announced and not taken. */
  readonly #marks: boolean[] = []
  #toldSingly = false
  /** When the last complaint came that no key frame has made good. */
  #since: number | undefined
  /** After that, packets with which pictures from before may still come, and when the last of them did. */
  #late = 0
  #repairedAt = Number.NEGATIVE_INFINITY
  /** Pictures still to come that may be from before that. */
  #owed = 0
  #suspected = 0
  readonly #owedAfterRepair: number

  /** @param fps how many pictures a second are taken */
  constructor(fps: number) {
    this.#owedAfterRepair = Math.max(1, Math.round((fps * rules.lag.ms) / 1000))
  }

  /** @param line of standard error, as it came @param at when, by a clock that nothing sets, in ms */
  hear(line: string, at: number): void {
    const told = pictureLine.exec(line)
    if (told) {
      this.#toldSingly = true
      if (told[1] === 'key') this.#repair()
      else this.#mark(this.#pass(at))
      return
    }
    const packet = packetLine.exec(line)
    if (packet) {
      if (this.#late > 0 && --this.#late === 0) this.#repaired(at)
      if (!packet[1] && this.#repair()) this.#late = rules.lag.packets
      this.#pass(at)
    } else if (damage.test(line)) {
      this.#since = at
      this.#suspected = rules.suspected
      this.#late = 0
    }
  }

  /** Whether the next picture is damaged. To be asked once for each, in their order, when all that was said before it has been heard. */
  take(at: number): boolean {
    if (this.#toldSingly) return this.#marks.shift() ?? this.#since !== undefined
    this.#expire(at)
    if (this.#since !== undefined || this.#late > 0) return true
    const isOwed = this.#owed > 0
    if (isOwed) this.#owed--
    return isOwed || at - this.#repairedAt < rules.lag.ms
  }

  #repaired(at: number): void {
    this.#repairedAt = at
    this.#owed = this.#owedAfterRepair
  }

  #mark(damaged: boolean): void {
    this.#marks.push(damaged)
    // Of pictures that never come, should a build of FFmpeg drop some.
    if (this.#marks.length > rules.mostAhead) this.#marks.shift()
  }

  /** A picture goes by. */
  #pass(at: number): boolean {
    this.#expire(at)
    if (this.#suspected > 0) this.#suspected--
    return this.#since !== undefined
  }

  /** A key frame goes by. @returns whether it makes good what was damaged */
  #repair(): boolean {
    if (this.#since === undefined || this.#suspected > 0) return false
    this.#since = undefined
    return true
  }

  #expire(at: number): void {
    if (this.#since !== undefined && at - this.#since > rules.longestMs) this.#since = undefined
  }
}
