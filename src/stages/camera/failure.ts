/** Why there is no picture, by what can be done about it. */
export type FailureKind =
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'refused'
  | 'timeout'
  | 'no_route'
  | 'unknown_host'
  | 'transport'
  | 'unsupported_codec'
  | 'no_video'
  | 'invalid_data'
  | 'server_error'
  | 'closed'
  | 'hung'
  | 'decoder_missing'
  | 'decoder_unusable'
  | 'ended'

export interface Failure {
  kind: FailureKind
  /** Without a full stop; follows the camera's name. */
  what: string
  /** What to do, a whole sentence. */
  fix: string
}

export interface FailurePattern extends Failure {
  pattern: RegExp
}

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
export function classify(table: readonly FailurePattern[], { code, signal, error, lines }: DecoderEnd): Failure {
  if (error) return decoderMissing(error.message)
  if (signal) return ended(`was ended by ${signal}`, lines)
  for (const { pattern, kind, what, fix } of table)
    if (lines.some((line) => pattern.test(line))) return { kind, what, fix }
  return code === 0 ? streamEnded : ended(`ended with code ${code}`, lines)
}

function ended(how: string, lines: readonly string[]): Failure {
  const last = lines.at(-1)
  return {
    kind: 'ended',
    what: `the decoder ${how}${last ? ` after saying: ${last}` : ''}`,
    fix: 'Nothing to do if it comes back; otherwise try the camera with painlens check.'
  }
}

const streamEnded: Failure = {
  kind: 'closed',
  what: 'the camera has ended the stream',
  fix: 'Nothing to do if it comes back; otherwise check whether the camera is on.'
}

export const hung = (ms: number): Failure => ({
  kind: 'hung',
  what: `no picture for ${ms / 1000} s`,
  fix: 'Check the camera and the network to it; painlens goes on trying.'
})

const decoderMissing = (reason: string): Failure => ({
  kind: 'decoder_missing',
  what: `the decoder cannot be started: ${reason}`,
  fix: reason.includes('gst-launch')
    ? 'Install GStreamer (sudo apt-get install gstreamer1.0-tools), or set decoder: ffmpeg.'
    : 'Install FFmpeg: sudo apt-get install ffmpeg.'
})
