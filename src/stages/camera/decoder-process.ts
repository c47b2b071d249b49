import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { DamageMarks } from './damage.js'
import type { Decoder, DecoderCommand, DecoderRequest, StreamDescription } from './decoder.js'
import { classify, type DecoderEnd, type Failure } from './decoder.js'
import { maxLineLength, readLines, start, startBoth } from './decoder-programs.js'
import { HeldBack } from './held-back.js'
import type { CameraTls } from './link/camera-socket.js'
import { CameraRelay } from './link/relay.js'
import { endsKeyPicture, type StreamShape, toldShape } from './picture-shape.js'
import type { PictureLayout } from './picture-writer.js'
import type { CameraUrl, RelayAddress } from './url.js'

/** What has been found out about a camera's stream; kept from one run to the next. */
export interface StreamMemory {
  stream?: StreamDescription
  /** Of the pictures that have come last. */
  shape?: Partial<StreamShape>
}

/** `stale`: of a shape that the stream has left, and so squeezed; not to be shown. */
export type PictureMark = 'whole' | 'damaged' | 'stale'

/** What has come of a run so far. */
export interface Seen {
  /** The camera was reached, and sends a stream that was recognised. */
  stream: boolean
  picture: boolean
  /** What ended it is the program that decodes, not the one that opens the camera. */
  decoderEnded: boolean
}

export interface DecoderRunOptions {
  camera: CameraAddress
  decoder: Decoder
  request: Omit<DecoderRequest, 'source' | 'stream'>
  memory: StreamMemory
  /** Another child starts: nothing of the last one's data belongs to what follows. */
  onStart(pictures: PictureLayout | undefined): void
  onData(chunk: Buffer): void
  redact(line: string, length: number): string
  onLine(line: string): void
  /** No picture will come any more. */
  onEnd(failure: Failure): void
}

/** Where a camera is, and how it is reached there. */
export interface CameraAddress {
  url: CameraUrl
  tls?: CameraTls
  /** As in `LinkOptions`; `auto` unless told otherwise. */
  videoTrack?: number | 'auto'
}

/** Longest wait for any single answer of a camera in ms. */
const answerMs = 10_000

/** What a decoder is told about a stream by its header; the shape is told by its pictures. */
const compared = ['codec', 'untagged'] as const
/** A stream may turn out to be another than the one remembered so often before it gives a picture. */
const mostCorrections = 3

/**
 * Pictures from a camera until they end: a decoder that must know the stream before it can be told what to do is run once
 * to describe it, and again for the pictures, while the relay keeps one and the same session with the camera. What it said
 * is remembered; a camera that comes back with another size or codec is noticed by what the decoder says when it opens it.
 */
export class DecoderRun {
  readonly #options: DecoderRunOptions
  readonly #relay: CameraRelay
  #child: DecoderChild | undefined
  #stopped = false
  #killed = false
  readonly #seen: Seen = { stream: false, picture: false, decoderEnded: false }
  /** A child of this run has described the stream. */
  #described = false
  /** The stream turned out to be another than the one remembered: the child is about to be replaced. */
  #correcting = false
  /** Since the last picture. */
  #corrections = 0
  #marks: DamageMarks
  /** The stream has told how its pictures lie. */
  #turnTold = false
  /** The shape that the child was told, or has adapted to. */
  #decodedFor: Partial<StreamShape> = {}

  constructor(options: DecoderRunOptions) {
    this.#options = options
    const { camera, request } = options
    this.#marks = new DamageMarks(request.fps)
    this.#relay = new CameraRelay({
      ...camera,
      videoTrack: camera.videoTrack ?? 'auto',
      answerMs: Math.min(answerMs, request.silenceMs)
    })
    void this.#start()
  }

  get seen(): Readonly<Seen> {
    return this.#seen
  }

  /** How the next picture is; to be asked once for each, when what was said before it has been heard. */
  mark(): PictureMark {
    if (this.#correcting) return 'stale'
    return this.#marks.take(performance.now()) ? 'damaged' : 'whole'
  }

  /** Why no picture has come for so long, as far as that can be known. */
  silence(ms: number): Failure {
    return this.#relay.silence(ms)
  }

  /** Ends it at once, also when it hangs; `onEnd` follows. */
  kill(): void {
    this.#killed = true
    this.#child?.kill()
  }

  /** Ends it, gently first; back when it is gone. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([this.#child?.stop(), this.#relay.close()])
  }

  async #start(): Promise<void> {
    const source = await this.#relay.admit()
    if (this.#stopped) return
    if ('code' in source) this.#end(false, source)
    else this.#child = this.#open(source)
    if (this.#killed) this.#child?.kill()
  }

  #open(source: RelayAddress): DecoderChild {
    const { decoder, request, memory, onStart, onData, redact, onLine } = this.#options
    const command = decoder.command({ ...request, source, stream: memory.stream })
    const described: string[] = []
    this.#seen.stream ||= this.#described && command.next !== undefined
    const marks = new DamageMarks(request.fps)
    this.#marks = marks
    this.#correcting = false
    this.#decodedFor = command.next ? { ...memory.stream } : {}
    onStart(command.pictures)
    const untold = new HeldBack(command.told !== undefined, (chunk) => {
      if (!this.#seen.picture) this.#relay.settle()
      this.#seen.picture = true
      this.#corrections = 0
      onData(chunk)
    })
    return new DecoderChild({
      command,
      redact: (line, length) => redact(line.replaceAll(source.secret, '***'), length),
      noise: decoder.noise,
      onData: (chunk) => untold.push(chunk),
      onTalk: (line) => {
        marks.hear(line, performance.now())
        const shape = toldShape(line)
        this.#turnTold ||= shape?.rotation !== undefined
        if (!command.pictures) described.push(...(shape ? [line] : []))
        else if (shape && this.#isOther(shape, command)) untold.drop()
        else if (endsKeyPicture(line) && this.#isUnturned()) untold.drop()
        if (command.told?.test(line)) untold.release()
      },
      onLine: (line) => {
        this.#seen.stream ||= command.next !== undefined && decoder.describe([line]).codec !== undefined
        if (!command.pictures) described.push(line)
        else if (command.next && this.#isAnother(line)) untold.drop()
        onLine(line)
      },
      onEnd: (end) => {
        untold.drop()
        const known = this.#correcting || (!command.pictures && end.code === 0 && this.#learn(described))
        if (known && !this.#stopped) void this.#start()
        else {
          this.#seen.decoderEnded = end.decoding === true
          this.#end(command.pictures !== undefined, this.#relay.explain(classify(decoder.failures, end)))
        }
      }
    })
  }

  /** The header tells of another stream than the one remembered, whose shape the pictures will tell. */
  #isAnother(line: string): boolean {
    const { decoder, memory } = this.#options
    const stream = decoder.describe([line])
    const known = memory.stream
    if (!known || !stream.codec || !stream.width) return false
    if (compared.every((property) => stream[property] === known[property])) return false
    return this.#correct({ ...known, codec: stream.codec, untagged: stream.untagged })
  }

  /** The pictures are of another shape than that for which they are decoded, or lie otherwise. */
  #isOther(shape: Partial<StreamShape>, { next }: DecoderCommand): boolean {
    const { memory, request } = this.#options
    const { width, height, sampleAspect = 1 } = this.#decodedFor
    memory.shape = { ...memory.shape, ...shape }
    if (shape.width === undefined) {
      const minds = (request.rotation ?? 'auto') === 'auto'
      return minds && shape.rotation !== (memory.stream?.rotation ?? 0) && this.#correct(shape)
    }
    const isSameSize = shape.width === width && shape.height === height
    const isSame = isSameSize && shape.sampleAspect === sampleAspect
    // FFmpeg itself follows the size of its pictures, and only then looks at that of their pixels.
    if (!next) this.#decodedFor = shape
    return !isSame && (isSameSize || next !== undefined) && this.#correct(shape)
  }

  /** A stream that told a turn before tells none any more with its first key picture: the camera's word counts. */
  #isUnturned(): boolean {
    const { memory, request } = this.#options
    const minds = (request.rotation ?? 'auto') === 'auto'
    if (!minds || this.#turnTold) return false
    const isTurned = Boolean(memory.stream?.rotation)
    if (isTurned && !this.#correct({ rotation: 0 })) return false
    // Also where no more than the shape is remembered, after a run without a picture.
    memory.shape = { ...memory.shape, rotation: 0 }
    return isTurned
  }

  /** Decodes anew, for such a stream. False where that has not helped before. */
  #correct(learned: StreamDescription): boolean {
    if (this.#correcting) return true
    if (this.#corrections === mostCorrections) return false
    this.#corrections++
    this.#correcting = true
    const { memory } = this.#options
    memory.stream = { ...memory.stream, ...learned }
    this.#child?.kill()
    return true
  }

  #learn(lines: readonly string[]): boolean {
    const stream = this.#options.decoder.describe(lines)
    if (stream.codec === undefined) return false
    this.#described = true
    this.#options.memory.stream = stream
    return true
  }

  /** A stream that gave no picture may be of another kind by now. */
  #end(pictures: boolean, failure: Failure): void {
    if (pictures && !this.#seen.picture) this.#options.memory.stream = undefined
    void this.#relay.close().then(() => this.#options.onEnd(failure))
  }
}

/** SIGTERM is followed by SIGKILL after so long. */
const killMs = 1000
/** Enough to tell why it ended; older lines may be about trouble that it got over. */
const keptLines = 30

export interface DecoderChildOptions {
  command: DecoderCommand
  onData(chunk: Buffer): void
  /** Makes a line of standard error fit to be kept and shown: without secrets, and of at most `length` characters. */
  redact(line: string, length: number): string
  /** Lines that are not worth keeping. */
  noise: RegExp
  /** Each line of standard error as it came: it may hold secrets, and is to be read and not to be kept. */
  onTalk(line: string): void
  /** A line of it that is no noise, redacted. */
  onLine(line: string): void
  /** The child is gone and all it wrote has been read. */
  onEnd(end: DecoderEnd): void
}

/** One run of a decoder: owns its process, or both of them, from start to end. Where one of two ends, so does the other. */
class DecoderChild {
  readonly #options: DecoderChildOptions
  /** In the order of the data; the last gives the pictures. */
  readonly #processes: readonly ChildProcess[]
  /** Those that have not ended yet, or whose output is still open. */
  readonly #open: Set<ChildProcess>
  readonly #pictures: Readable | null | undefined
  readonly #lines: string[] = []
  readonly #ended: Promise<void>
  #resolveEnded: () => void = () => undefined
  /** How the first to fail ended, or the first at all: the other only follows. */
  #cause: Omit<DecoderEnd, 'lines'> | undefined
  /** What ends from now on was told to. */
  #told = false
  #killer: NodeJS.Timeout | undefined

  constructor(options: DecoderChildOptions) {
    const { command, onData } = options
    this.#options = options
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    this.#processes = command.next ? startBoth(command, command.next) : [start(command, ['pipe', 'pipe', 'pipe'])]
    this.#open = new Set(this.#processes)
    for (const child of this.#processes) this.#follow(child)
    const last = this.#processes.at(-1)!
    // What the second says on standard output is talk, of its libraries too.
    this.#pictures = command.next ? (last.stdio?.[3] as Readable | null | undefined) : last.stdout
    this.#pictures?.on('data', onData)
    for (const talk of this.#processes.flatMap(({ stdout, stderr }) => [stdout, stderr]))
      if (talk && talk !== this.#pictures) readLines(talk, (line) => this.#onLine(line))
    const [first] = this.#processes
    if (first !== last || !command.next) first!.stdin?.end(command.input)
  }

  /** Ends it at once, also when it hangs; `onEnd` follows. */
  kill(): void {
    this.#signal('SIGKILL')
  }

  /** Ends it, gently first; back when it is gone. */
  async stop(): Promise<void> {
    if (this.#open.size === 0) return
    this.#pictures?.destroy()
    this.#signal('SIGTERM')
    this.#killSoon()
    await this.#ended
  }

  #follow(child: ChildProcess): void {
    const { command } = this.#options
    // Without file descriptors left there are no streams, whatever the type says; its error event follows.
    for (const stream of child.stdio ?? []) stream?.on('error', () => undefined)
    child.on('exit', (code, signal) => {
      // Both may have ended by the time we hear of it, and not in the order in which we do.
      const decoding = command.next !== undefined && child === this.#processes.at(-1)
      if (!this.#cause || (this.#cause.code === 0 && !this.#told)) this.#cause = { code, signal, decoding }
      if (this.#processes.length === 1) return
      // The one behind it is left to finish what it has been given, and at its end the one before has ended by itself;
      // behind one that failed, what the one before writes is of no use.
      if (child === this.#processes.at(-1) && code !== 0) this.#signal('SIGTERM')
      this.#killSoon()
    })
    child.on('close', () => this.#close(child))
    child.on('error', (error) => {
      if (child.pid !== undefined) return
      this.#cause = { code: null, signal: null, error }
      this.#signal('SIGKILL')
      this.#close(child)
    })
  }

  #close(child: ChildProcess): void {
    if (!this.#open.delete(child) || this.#open.size > 0) return
    clearTimeout(this.#killer)
    this.#resolveEnded()
    this.#options.onEnd({ ...(this.#cause ?? { code: null, signal: null }), lines: this.#lines })
  }

  #killSoon(): void {
    if (this.#open.size > 0) this.#killer ??= setTimeout(() => this.kill(), killMs)
  }

  #onLine(raw: string): void {
    this.#options.onTalk(raw)
    if (this.#options.noise.test(raw)) return
    const line = this.#options.redact(raw, maxLineLength)
    if (this.#lines.push(line) > keptLines) this.#lines.shift()
    this.#options.onLine(line)
  }

  #signal(signal: NodeJS.Signals): void {
    this.#told = true
    for (const { pid } of this.#open) {
      if (pid === undefined) continue
      try {
        process.kill(-pid, signal)
      } catch {
        // The whole group has ended meanwhile.
      }
    }
  }
}
