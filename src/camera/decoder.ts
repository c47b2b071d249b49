import type { Size } from '../core/types.js'
import type { FailurePattern } from './failure.js'
import type { CameraUrl } from './url.js'

/** What a decoder is asked for: RGB24 pictures of exactly this size, at most `fps` of them per second. */
export interface DecoderRequest extends Size {
  url: CameraUrl
  fps: number
  /** Longest silence of the network in ms after which the decoder may give up by itself. */
  readMs: number
  /** Whether to describe the stream on standard error, for `describe`. */
  verbose?: boolean
}

/** A child process to start. It writes raw RGB24 frames, one after the other and nothing else, to standard output. */
export interface DecoderCommand {
  command: string
  /** Visible to every user of the machine: no address with a password in it. */
  args: readonly string[]
  /** Written to standard input, which is closed after it: the place for secrets. */
  input: string
}

/** What a decoder says about a stream. */
export interface StreamDescription extends Partial<Size> {
  codec?: string
  fps?: number
}

/** How pictures come out of a camera. The one on FFmpeg is `ffmpegDecoder`; one on GStreamer's nvv4l2decoder fits too. */
export interface Decoder {
  readonly name: string
  command(request: DecoderRequest): DecoderCommand
  /** Lines of standard error that mean nothing. */
  readonly noise: RegExp
  /** What its standard error says, and what that means; the first row that matches counts. */
  readonly failures: readonly FailurePattern[]
  /** Reads the camera's own size and rate from standard error. */
  describe(lines: readonly string[]): StreamDescription
}
