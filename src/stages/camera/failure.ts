import { CameraError, type ErrorCode } from '../../core/errors.js'

/** Why there is no picture. */
export interface Failure {
  /** What to do about it stands in the table of codes. */
  code: ErrorCode
  /** Without a full stop; follows the camera's name. */
  what: string
}

export interface FailurePattern extends Failure {
  pattern: RegExp
}

export const failureError = ({ code, what }: Failure, where: string): CameraError => new CameraError(code, what, where)

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
  const last = lines.at(-1)
  return { code: 'PL-DECODER-ENDED', what: `the decoder ${how}${last ? ` after saying: ${last}` : ''}` }
}

const streamEnded: Failure = { code: 'PL-CAMERA-ENDED', what: 'the camera has ended the stream' }

export const hung = (ms: number): Failure => ({ code: 'PL-CAMERA-HUNG', what: `no picture for ${ms / 1000} s` })

const decoderMissing = (reason: string): Failure => ({
  code: reason.includes('gst-launch') ? 'PL-DECODER-GSTREAMER' : 'PL-DECODER-FFMPEG',
  what: `the decoder cannot be started: ${reason}`
})
