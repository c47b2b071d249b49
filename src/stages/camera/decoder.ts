import type { Size } from '../../core/types.js'
import type { Failure, FailurePattern } from './failure.js'
import type { PictureLayout } from './pixels.js'
import type { CameraUrl } from './url.js'

/** What a decoder is asked for: pictures that fit into this size, at most `fps` of them per second. */
export interface DecoderRequest extends Size {
  url: CameraUrl
  fps: number
  /** Longest silence of the network in ms after which the decoder may give up by itself. */
  readMs: number
  /** Whether to describe the stream on standard error, for `describe`. */
  verbose?: boolean
  /** What is known of the camera's stream by now. */
  stream?: StreamDescription
}

/** A program and its arguments, which every user of the machine sees: no address with a password in them. */
export interface Program {
  command: string
  args: readonly string[]
}

/** A child process to start, or two. The last of them writes raw pictures, one after the other, and nothing else. */
export interface DecoderCommand extends Program {
  /** Written to standard input, which is closed after it: the place for secrets. */
  input: string
  /** Takes the standard output of the first as its standard input; pictures come from its file descriptor 3. */
  next?: Program
  /** How its pictures lie. A run without any only describes the stream, for the next one, and ends with 0. */
  pictures?: PictureLayout
}

/** What a decoder says about a stream. */
export interface StreamDescription extends Partial<Size> {
  codec?: string
  fps?: number
  /** Set where it does not say by which matrix its colours are encoded: the range of its values, limited or full. */
  untagged?: 'tv' | 'pc'
}

/** How pictures come out of a camera: see `ffmpegDecoder` and `gstDecoder`. */
export interface Decoder {
  readonly name: string
  /** The name of the decoder that such a stream is really decoded by: not each takes every codec. */
  nameFor(stream: StreamDescription): string
  command(request: DecoderRequest): DecoderCommand
  /** Lines of standard error that mean nothing. */
  readonly noise: RegExp
  /** What its standard error says, and what that means; the first row that matches counts. */
  readonly failures: readonly FailurePattern[]
  /** Reads the camera's own size and rate from standard error. */
  describe(lines: readonly string[]): StreamDescription
  /** Takes its place for a camera where it fails for a reason that is not the camera's. */
  readonly fallback?: Decoder
  /** Set where it takes the place of a better one that this machine should have: why. */
  readonly instead?: Failure
  /** What is behind a failure of its own, where it can tell, by the devices that it needs. */
  explain?(failure: Failure): Failure
}
