import { DecoderChild } from './child.js'
import type { Decoder, DecoderCommand, DecoderRequest, StreamDescription } from './decoder.js'
import { classify, type Failure } from './failure.js'
import type { PictureLayout } from './pixels.js'

/** What has been found out about a camera's stream; kept from one run to the next. */
export interface StreamMemory {
  stream?: StreamDescription
}

/** What has come of a run so far. */
export interface Seen {
  /** The camera was reached, and sends a stream that was recognised. */
  stream: boolean
  picture: boolean
  /** What ended it is the program that decodes, not the one that opens the camera. */
  decoderEnded: boolean
}

export interface DecoderRunOptions {
  decoder: Decoder
  request: DecoderRequest
  memory: StreamMemory
  /** Another child starts: nothing of the last one's data belongs to what follows. */
  onStart(pictures: PictureLayout | undefined): void
  onData(chunk: Buffer): void
  redact(line: string, length: number): string
  onLine(line: string): void
  /** No picture will come any more. */
  onEnd(failure: Failure): void
}

/** What a decoder is told about a stream. */
const compared = ['codec', 'width', 'height', 'untagged'] as const

/**
 * Pictures from a camera until they end: a decoder that must know the stream before it can be told what to do is run once
 * to describe it, and again for the pictures. What it said is remembered; a camera that comes back with another size or
 * codec is noticed by what the decoder says when it opens it.
 */
export class DecoderRun {
  readonly #options: DecoderRunOptions
  #child: DecoderChild
  #stopped = false
  readonly #seen: Seen = { stream: false, picture: false, decoderEnded: false }
  /** A child of this run has described the stream. */
  #described = false
  /** The stream turned out to be another than the one remembered; that is put right once. */
  #corrected: 'no' | 'now' | 'done' = 'no'

  constructor(options: DecoderRunOptions) {
    this.#options = options
    this.#child = this.#start()
  }

  get seen(): Readonly<Seen> {
    return this.#seen
  }

  /** Ends it at once, also when it hangs; `onEnd` follows. */
  kill(): void {
    this.#child.kill()
  }

  /** Ends it, gently first; back when it is gone. */
  stop(): Promise<void> {
    this.#stopped = true
    return this.#child.stop()
  }

  #start(): DecoderChild {
    const { decoder, request, memory, onStart, onData, redact, onLine } = this.#options
    const command = decoder.command({ ...request, stream: memory.stream })
    const described: string[] = []
    this.#seen.stream ||= this.#described && command.next !== undefined
    onStart(command.pictures)
    return new DecoderChild({
      command,
      redact,
      noise: decoder.noise,
      onData: (chunk) => {
        this.#seen.picture = true
        onData(chunk)
      },
      onLine: (line) => {
        this.#seen.stream ||= command.next !== undefined && decoder.describe([line]).codec !== undefined
        if (!command.pictures) described.push(line)
        else if (this.#corrected === 'no' && this.#isAnother(line)) this.#correct(line)
        onLine(line)
      },
      onEnd: (end) => {
        const known = this.#corrected === 'now' || (!command.pictures && end.code === 0 && this.#learn(described))
        if (this.#corrected === 'now') this.#corrected = 'done'
        if (known && !this.#stopped) this.#child = this.#start()
        else {
          this.#seen.decoderEnded = end.decoding === true
          this.#end(command, classify(decoder.failures, end))
        }
      }
    })
  }

  #isAnother(line: string): boolean {
    const { decoder, memory } = this.#options
    const stream = decoder.describe([line])
    if (!memory.stream || !stream.codec || !stream.width) return false
    return compared.some((property) => stream[property] !== memory.stream?.[property])
  }

  #correct(line: string): void {
    this.#corrected = 'now'
    this.#learn([line])
    this.#child.kill()
  }

  #learn(lines: readonly string[]): boolean {
    const stream = this.#options.decoder.describe(lines)
    if (stream.codec === undefined) return false
    this.#described = true
    this.#options.memory.stream = stream
    return true
  }

  /** A stream that gave no picture may be of another kind by now. */
  #end({ pictures }: DecoderCommand, failure: Failure): void {
    if (pictures && !this.#seen.picture) this.#options.memory.stream = undefined
    this.#options.onEnd(failure)
  }
}
