import { CameraError, type ErrorCode } from '../../core/errors.js'
import type { Size } from '../../core/types.js'
import type { ShapeOptions, StreamShape } from './picture-shape.js'
import type { PictureLayout } from './picture-writer.js'
import type { RelayAddress } from './url.js'

/** What a decoder is asked for: pictures in their true shape that fit into this size, at most `fps` of them per second. */
export interface DecoderRequest extends Size, ShapeOptions {
  source: RelayAddress
  fps: number
  /** Longest silence in ms after which the decoder may give up by itself; the relay knows more of it before. */
  silenceMs: number
  /** How long the first picture is waited for. */
  firstPictureMs: number
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
  /** The line of standard error that ends the description of the first picture; no picture is handed on before it. */
  told?: RegExp
  /** How its pictures lie. A run without any only describes the stream, for the next one, and ends with 0. */
  pictures?: PictureLayout
}

/** What a decoder says about a stream. */
export interface StreamDescription extends Partial<StreamShape> {
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
  /** Reads the camera's own size and rate from standard error; from `toldShape`'s lines, too. */
  describe(lines: readonly string[]): StreamDescription
  /** Takes its place for a camera where it fails for a reason that is not the camera's. */
  readonly fallback?: Decoder
  /** Set where it takes the place of a better one that this machine should have: why. */
  readonly instead?: Failure
  /** What is behind a failure of its own, where it can tell, by the devices that it needs. */
  explain?(failure: Failure): Failure
}

/** Why there is no picture. */
export interface Failure {
  /** What to do about it stands in the table of codes. */
  code: ErrorCode
  /** Without a full stop; follows the camera's name. Goes to subscribers, so it quotes nothing of the camera or the decoder. */
  what: string
  /** The decoder's last line, redacted, for the log and for commands of this machine: a camera may have chosen its text. */
  said?: string
}

export interface FailurePattern extends Failure {
  pattern: RegExp
}

/** For the log, and for commands of this machine. */
export const failureError = ({ code, what, said }: Failure, where: string): CameraError =>
  new CameraError(code, said === undefined ? what : `${what} after saying: ${said}`, where)

/** How a decoder ended. */
export interface DecoderEnd {
  code: number | null
  signal: NodeJS.Signals | null
  /** Set when it could not be started at all. */
  error?: Error
  /** Of two programs the second, which decodes, ended first or failed; the one that opens the camera only followed. */
  decoding?: boolean
  /** Its last lines of standard error, redacted. */
  lines: readonly string[]
}

/**
 * A signal that was not ours (the kernel's, for want of memory) is the reason, whatever was said before and after; else the
 * first row of the table that any of the lines matches; without one, how it ended.
 */
export function classify(table: readonly FailurePattern[], { code: exit, signal, error, lines }: DecoderEnd): Failure {
  if (error) return decoderMissing(error.message)
  if (signal) return ended(`was ended by ${signal}`, lines)
  for (const { pattern, code, what } of table) if (lines.some((line) => pattern.test(line))) return { code, what }
  return exit === 0 ? streamEnded : ended(`ended with code ${exit}`, lines)
}

function ended(how: string, lines: readonly string[]): Failure {
  const said = lines.at(-1)
  return { code: 'PL-DECODER-ENDED', what: `the decoder ${how}`, ...(said === undefined ? {} : { said }) }
}

const streamEnded: Failure = { code: 'PL-CAMERA-ENDED', what: 'the camera has ended the stream' }

export const hung = (ms: number): Failure => ({ code: 'PL-CAMERA-HUNG', what: `no picture for ${ms / 1000} s` })

const decoderMissing = (reason: string): Failure => ({
  code: reason.includes('gst-launch') ? 'PL-DECODER-GSTREAMER' : 'PL-DECODER-FFMPEG',
  what: `the decoder cannot be started: ${reason}`
})
