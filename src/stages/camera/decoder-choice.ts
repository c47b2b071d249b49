import type { ErrorCode } from '../../core/errors.js'
import type { Decoder } from './decoder.js'
import type { Seen } from './decoder-run.js'
import type { Failure } from './failure.js'

/** Failures for which the decoder is to blame whatever came before them. */
const decodersOwn: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'PL-DECODER-FFMPEG',
  'PL-DECODER-GSTREAMER',
  'PL-DECODER-ELEMENT',
  'PL-DECODER-PACKAGE',
  'PL-DECODER-DEVICE',
  'PL-DECODER-FULL',
  'PL-DEVICE-SANDBOX',
  'PL-DEVICE-GROUP'
])
/** Failures for which it is to blame where the stream came and not one picture of it. */
const decodersWithoutPicture: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'PL-CAMERA-HUNG',
  'PL-CAMERA-NOT-VIDEO',
  'PL-DECODER-NO-PICTURE',
  'PL-DECODER-ENDED'
])

const isDecoders = ({ code }: Failure, { stream, picture, decoderEnded }: Seen): boolean =>
  decodersOwn.has(code) ||
  (decodersWithoutPicture.has(code) && stream && !picture && (decoderEnded || code !== 'PL-DECODER-ENDED'))

export interface Verdict {
  /** The failure, with what the decoder knows of its own devices. */
  failure: Failure
  /** Another decoder is to be tried now. */
  changed: boolean
}

/**
 * Which decoder a camera has: the one it was given, and that one's fallback after a failure that is not the camera's.
 * If the fallback gives no picture either, the camera is to blame after all and the first one's turn comes again; once
 * it has given one, it stays until the camera is opened anew.
 */
export class DecoderChoice {
  readonly #first: Decoder
  #current: Decoder
  #instead: Failure | undefined
  /** The fallback has given a picture. */
  #settled = false

  constructor(first: Decoder) {
    this.#first = first
    this.#current = first
    this.#instead = first.instead
  }

  get current(): Decoder {
    return this.#current
  }

  /** Why the decoder is not the one that would be best here. */
  get instead(): Failure | undefined {
    return this.#instead
  }

  /** A run of the current decoder has ended. */
  judge(failure: Failure, seen: Seen): Verdict {
    const { explain, fallback } = this.#current
    const explained = isDecoders(failure, seen) ? (explain?.(failure) ?? failure) : failure
    if (fallback && isDecoders(failure, seen)) {
      this.#current = fallback
      this.#instead = explained
      return { failure: explained, changed: true }
    }
    this.#settled ||= seen.picture && this.#current !== this.#first
    if (!this.#settled) {
      this.#current = this.#first
      this.#instead = this.#first.instead
    }
    return { failure: explained, changed: false }
  }
}
