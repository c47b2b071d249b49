import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Size } from '../../core/types.js'
import { decoderEnvironment, type probeFfmpeg } from '../../stages/camera/index.js'

type Ffmpeg = Awaited<ReturnType<typeof probeFfmpeg>>
type Child = ChildProcessByStdio<null, Readable, Readable>

/** RGB24. */
type Picture = Size & { data: Uint8Array<ArrayBuffer> }

/** A picture of a video, upright and with square pixels. */
export type VideoFrame = Picture & {
  /** In seconds from the video's first picture. */
  timeS: number
  /** Number of the stretch that it is of. */
  stretch: number
}

export interface VideoStretch {
  startS: number
  /** Infinity for the end of the video. */
  endS: number
  /** The first picture of each stretch of that length is taken; 0 takes all. */
  everyS: number
}

/** A video's properties, as ffprobe reports them. */
export interface VideoProbe {
  /** Null where the file does not say. */
  durationS: number | null
  hasVideo: boolean
  hasAudio: boolean
}

/** Where times are compared: a clock of a million ticks a second is the finest that containers have. */
const instantS = 1e-6

/** Without a byte for so long, the decoder hangs. */
const silenceMs = 60_000
/** A stretch that begins later is sought, from so long before it; what lies as near to the one before is decoded with it. */
const soughtFromS = 10
export const soughtBeforeS = 5

/**
 * So many stretches at most are for one decoder: each is up to 200 bytes of an argument, of which Linux takes no more than 128 KiB
 * (execve(2), MAX_ARG_STRLEN).
 */
export const mostStretches = 400

const ended = { done: true, value: undefined } as const

/** Files only, whatever a playlist says, and no option by a file's name. */
const input = (file: string): string[] => ['-protocol_whitelist', 'file', '-i', `file:${file}`]

/** Reads a file's header. @throws the signal's reason */
export async function probeVideo(ffmpeg: Ffmpeg, file: string, signal: AbortSignal): Promise<VideoProbe> {
  const child = start(ffmpeg, ['-hide_banner', '-nostdin', ...input(file)])
  const lines = await linesUntilEnd(child, file, signal)
  const isStream = (kind: string): boolean =>
    lines.some((line) => new RegExp(`^\\s*Stream #\\S+.*: ${kind}:`).test(line) && !line.includes('(attached pic)'))
  const clock = lines.map((line) => /^\s*Duration: (\d+):(\d\d):(\d\d\.\d+)/.exec(line)).find((match) => match !== null)
  const durationS = clock ? Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]) : null
  return { durationS, hasVideo: isStream('Video'), hasAudio: isStream('Audio') }
}

async function linesUntilEnd(child: Child, file: string, signal: AbortSignal): Promise<string[]> {
  const owned = new OwnedChild(child, file, signal)
  const timer = setTimeout(() => owned.kill(), silenceMs)
  child.stdout.resume()
  try {
    await owned.ended
  } finally {
    clearTimeout(timer)
    owned.release()
  }
  signal.throwIfAborted()
  return owned.lines
}

/**
 * Pictures of a video, by time: of each stretch the first one in each `everyS` seconds, whatever its rate of pictures. One decoder reads all
 * stretches, and what lies between them.
 * @param stretches one to `mostStretches`, in order, none over another
 * @throws InputError where the file cannot be decoded, or hangs; the signal's reason
 */
export async function* framesOf(
  ffmpeg: Ffmpeg,
  file: string,
  stretches: readonly VideoStretch[],
  signal: AbortSignal
): AsyncGenerator<VideoFrame> {
  const [{ startS }] = stretches as [VideoStretch]
  const sought = startS > soughtFromS ? startS - soughtBeforeS : 0
  const child = start(ffmpeg, decodingArguments(ffmpeg, file, stretches, sought))
  const times = new PictureTimes(sought)
  const owned = new OwnedChild(child, file, signal, (line) => times.read(line))
  void owned.ended.then(() => times.end())
  const pictures = new PpmReader()
  let given = 0
  try {
    const chunks = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    for (;;) {
      const timer = setTimeout(() => owned.kill('gave nothing for 60 s'), silenceMs)
      // A child that is killed leaves a destroyed stream.
      const next = await chunks.next().catch(() => ended)
      clearTimeout(timer)
      if (next.done) break
      for (const picture of pictures.push(next.value)) {
        const timeS = await times.at(given++)
        if (timeS !== undefined) yield { ...picture, timeS, stretch: stretchIndexAt(stretches, timeS) }
        signal.throwIfAborted()
      }
    }
    await owned.ended
    signal.throwIfAborted()
    const why = owned.failure
    if (why !== undefined) throw new InputError('PL-STUDY-VIDEO', `cannot be decoded (${why})`, printable(file))
  } finally {
    owned.kill()
    await owned.ended
    owned.release()
  }
}

/** The last that has begun. */
const stretchIndexAt = (stretches: readonly VideoStretch[], timeS: number): number =>
  Math.max(
    0,
    stretches.findLastIndex(({ startS }) => timeS >= startS - 2 * instantS)
  )

function decodingArguments(ffmpeg: Ffmpeg, file: string, stretches: readonly VideoStretch[], sought: number): string[] {
  const end = stretches.at(-1)!.endS - sought
  const chosen = anyOf(stretches.map((stretch) => conditionOf(stretch, sought)))
  const filters = [`select='${chosen}'`, 'showinfo=checksum=0', "scale=w='max(2,round(iw*sar))':h=ih"]
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'info', '-threads', '1'],
    ...(sought > 0 ? ['-ss', sought.toFixed(6)] : []),
    ...(Number.isFinite(end) ? ['-t', (end + 1).toFixed(6)] : []),
    ...input(file),
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-vf', filters.join(','), ...ffmpeg.passthrough],
    ...['-f', 'image2pipe', '-c:v', 'ppm', '-pix_fmt', 'rgb24', 'pipe:1']
  ]
}

/** A sum of halves: one after the other, terms would nest as deep as they are many, and FFmpeg takes no more than 100 levels. */
function anyOf(conditions: readonly string[]): string {
  if (conditions.length === 1) return `(${conditions[0]})`
  const half = conditions.length >> 1
  return `(${anyOf(conditions.slice(0, half))}+${anyOf(conditions.slice(half))})`
}

/** When a picture of a stretch is taken, as FFmpeg's filter `select` reads it. The picture taken before may be of an earlier stretch: its step is below 0. */
function conditionOf({ startS, endS, everyS }: VideoStretch, sought: number): string {
  const start = (startS - sought).toFixed(6)
  const end = endS - sought
  const step = (time: string): string => `floor((${time}-${start})/${everyS}+0.0001)`
  return [
    `gte(t,${start}-${instantS.toFixed(6)})`,
    ...(Number.isFinite(end) ? [`lt(t,${end.toFixed(6)}-${instantS.toFixed(6)})`] : []),
    ...(everyS > 0 ? [`(isnan(prev_selected_t)+gt(${step('t')},${step('prev_selected_t')}))`] : [])
  ].join('*')
}

/** In a process group of its own, so that Ctrl-C ends it by way of its owner. */
function start({ command }: Ffmpeg, args: readonly string[]): Child {
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: decoderEnvironment(), detached: true })
}

/** Lines of standard error that are kept to tell why it ended. */
const keptLines = 200

/** A decoder's process, which ends when its signal aborts. */
class OwnedChild {
  readonly lines: string[] = []
  readonly ended: Promise<void>
  #failure: string | undefined
  readonly #child: Child
  readonly #signal: AbortSignal
  readonly #onAbort = (): void => this.kill()

  /**
   * @param file    that it reads
   * @param onFrame takes the lines of the filter showinfo
   */
  constructor(child: Child, file: string, signal: AbortSignal, onFrame: (line: string) => void = () => undefined) {
    this.#child = child
    this.#signal = signal
    child.on('error', (error) => {
      this.#failure = error.message
    })
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.startsWith('[Parsed_showinfo')) onFrame(line)
      else if (this.lines.push(line) > keptLines) this.lines.shift()
    })
    this.ended = once(child, 'close').then(
      ([code, killedBy]) => {
        // What was said before a signal is no reason, and may be the title of a video.
        if (code !== 0)
          this.#failure ??= code === null ? `ended by ${killedBy}` : (lastWords(this.lines, file) ?? `code ${code}`)
      },
      () => undefined
    )
    signal.addEventListener('abort', this.#onAbort, { once: true })
    if (signal.aborted) this.kill()
  }

  /** Why it ended other than well; known once it has ended. */
  get failure(): string | undefined {
    return this.#failure
  }

  kill(why?: string): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    if (why !== undefined) this.#failure = why
    this.#child.kill('SIGKILL')
    this.#child.stdout.destroy()
  }

  release(): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
  }
}

/** What FFmpeg said last, in 200 characters at most, and without the file's name, which may be a person's. */
function lastWords(lines: readonly string[], file: string): string | undefined {
  const said = withoutName(withoutName(lines.join('\n'), `file:${file}`), file)
  return said
    .split('\n')
    .map(printable)
    .findLast((line) => line.trim() !== '')
    ?.slice(0, 200)
}

/** So much of the beginning of a name is enough to know it by: FFmpeg cuts off what goes beyond 1,024 bytes. */
const knownBy = 100

function withoutName(said: string, name: string): string {
  const [text, wanted] = [said, name].map(plain) as [string, string]
  const begin = wanted.slice(0, knownBy)
  let [rest, from] = ['', 0]
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, from)) {
    let length = begin.length
    while (length < wanted.length && text[at + length] === wanted[length]) length++
    rest += `${said.slice(from, at)}the file`
    from = at + length
  }
  return rest + said.slice(from)
}

/** FFmpeg writes `?` for most control characters, and line breaks in a name part its line. */
const plain = (text: string): string => text.replaceAll(/\r\n|[\p{Cc}\u2028\u2029]/gu, '?')

/** When each picture is to be shown, as the filter `showinfo` tells it on standard error, in the order of the pictures. */
class PictureTimes {
  readonly #times: number[] = []
  #ended = false
  #wake: () => void = () => undefined
  #base = 0

  /** @param sought where the decoder began, which counts from there */
  constructor(private readonly sought: number) {}

  read(line: string): void {
    const [, ticks, perSecond] = /config in time_base: (\d+)\/(\d+)/.exec(line) ?? []
    if (ticks !== undefined) this.#base = Number(ticks) / Number(perSecond)
    const [, at] = /\bn: *\d+ pts: *(-?\d+) /.exec(line) ?? []
    if (at === undefined) return
    this.#times.push(this.sought + Number(at) * this.#base)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** Undefined if the decoder has not reported it. */
  async at(picture: number): Promise<number | undefined> {
    while (this.#times.length <= picture && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    return this.#times[picture]
  }
}

/** Cuts a stream of binary PPM into its pictures, each with its own size. */
class PpmReader {
  #header = ''
  #picture: Picture | undefined
  #filled = 0

  /** @returns pictures that end with this chunk */
  push(chunk: Uint8Array): Picture[] {
    const whole: Picture[] = []
    for (let at = 0; at < chunk.length; ) {
      if (!this.#picture) {
        this.#header += String.fromCharCode(chunk[at++]!)
        const [, width, height] = /^P6\s(\d+)\s(\d+)\s255\s$/.exec(this.#header) ?? []
        if (width === undefined) continue
        const size = { width: Number(width), height: Number(height) }
        this.#picture = { ...size, data: new Uint8Array(size.width * size.height * 3) }
        this.#filled = 0
      }
      const { data } = this.#picture
      const part = chunk.subarray(at, at + data.length - this.#filled)
      data.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled < data.length) break
      whole.push(this.#picture)
      this.#picture = undefined
      this.#header = ''
    }
    return whole
  }
}
