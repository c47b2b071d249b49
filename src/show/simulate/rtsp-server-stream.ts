import { beginsKeyFrame } from '../../lib/rtp.js'

export interface RtspTrack {
  /** The end of the track's URI in SETUP, from SDP's `a=control`. */
  control: string
  /** `H264`, `H265`, `JPEG`, … from SDP's `a=rtpmap`. */
  encoding: string
}

/** A client that plays a stream. */
export interface RtspReader {
  /** @param rtcp  whether it is RTCP instead of RTP
   *  @param joins whether a reader that has missed something may start with this packet */
  send(track: number, rtcp: boolean, packet: Buffer, joins: boolean): void
  /** The stream has ended. */
  end(): void
}

/** What one feed publishes and any number of readers play. Keeps no packets: a reader that joins later waits for the next key frame. */
export class RtspStream {
  readonly tracks: readonly RtspTrack[]
  readonly sdp: string
  readonly #readers = new Set<RtspReader>()
  /** Called for each reader that begins to play. */
  onReader: () => void = () => undefined

  /** @param announced the session description as the publisher announced it (RFC 4566) */
  constructor(announced: string) {
    const lines = announced.split(/\r?\n/).filter((line) => line !== '')
    this.tracks = readTracks(lines)
    this.sdp = `${lines.map(forReaders).join('\r\n')}\r\n`
  }

  get readers(): number {
    return this.#readers.size
  }

  add(reader: RtspReader): void {
    this.#readers.add(reader)
    this.onReader()
  }

  remove(reader: RtspReader): void {
    this.#readers.delete(reader)
  }

  /** Hands a packet of the publisher to every reader. */
  forward(track: number, rtcp: boolean, packet: Buffer): void {
    const encoding = this.tracks[track]?.encoding
    if (encoding === undefined || this.#readers.size === 0) return
    const joins = !rtcp && beginsKeyFrame(encoding, packet)
    for (const reader of this.#readers) reader.send(track, rtcp, packet, joins)
  }

  /** Ends every reader. */
  close(): void {
    const readers = [...this.#readers]
    this.#readers.clear()
    for (const reader of readers) reader.end()
  }
}

function readTracks(lines: readonly string[]): RtspTrack[] {
  const tracks: RtspTrack[] = []
  for (const line of lines) {
    const track = tracks.at(-1)
    if (line.startsWith('m=')) tracks.push({ control: `streamid=${tracks.length}`, encoding: staticEncoding(line) })
    else if (track && line.startsWith('a=control:')) track.control = line.slice('a=control:'.length).trim()
    else if (track && line.startsWith('a=rtpmap:'))
      track.encoding = /^a=rtpmap:\d+ ([^/\s]+)/.exec(line)?.[1]?.toUpperCase() ?? ''
  }
  return tracks
}

/** Payload type 26 is JPEG without an rtpmap line (RFC 3551). */
const staticEncoding = (media: string): string => (/ 26(\s|$)/.test(media) ? 'JPEG' : '')

/** The address in the publisher's description is its own; readers get theirs from their connection. */
const forReaders = (line: string): string => (line.startsWith('c=') ? 'c=IN IP4 0.0.0.0' : line)
