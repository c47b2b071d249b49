import { doubled, jittered } from '../../core/backoff.js'
import type { ErrorCode } from '../../core/errors.js'
import type { Decoder, Failure } from './decoder.js'
import type { Seen } from './decoder-process.js'

/** All in ms. */
export interface CameraTiming {
  /** From the start of a try to its first picture; long, because some cameras send a key frame only every 20 s. */
  connectMs: number
  /** Between two pictures after that. */
  readMs: number
  /** Without a picture for so long, the camera is lost, tries going on or not. */
  lostMs: number
  backoffMinMs: number
  backoffMaxMs: number
  /** Between tries after the camera has refused user name or password: cameras lock accounts. */
  unauthorizedMs: number
}

export const defaultTiming: CameraTiming = {
  connectMs: 25_000,
  readMs: 10_000,
  lostMs: 10_000,
  backoffMinMs: 1000,
  backoffMaxMs: 60_000,
  unauthorizedMs: 300_000
}

/** How long to wait before the next try: doubled after each that gave no picture, and jittered. */
export class RetryDelay {
  readonly #timing: CameraTiming
  readonly #random: () => number
  #tries = 0

  /** @param random 0 up to but not 1 */
  constructor(timing: CameraTiming, random: () => number) {
    this.#timing = timing
    this.#random = random
  }

  /** Between half of the full wait and all of it; after a refused password between once and one and a half times `unauthorizedMs`. */
  next(code: ErrorCode): number {
    const { backoffMinMs: minMs, backoffMaxMs: maxMs, unauthorizedMs } = this.#timing
    const wait = doubled({ minMs, maxMs }, this.#tries++)
    if (code === 'PL-CAMERA-LOGIN') return Math.max(wait, unauthorizedMs * (1 + this.#random() / 2))
    return jittered(wait, this.#random)
  }

  reset(): void {
    this.#tries = 0
  }
}

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

/**
 * Ways of a camera to refuse another viewer: one that has not yet noticed that the first decoder went says nothing about the second.
 */
const refusesViewer: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'PL-CAMERA-VIEWERS',
  'PL-CAMERA-FAULT',
  'PL-CAMERA-HANGS-UP'
])

const isDecoders = ({ code }: Failure, { stream, picture, decoderEnded }: Seen): boolean =>
  decodersOwn.has(code) ||
  (decodersWithoutPicture.has(code) && stream && !picture && (decoderEnded || code !== 'PL-DECODER-ENDED'))

export interface DecoderJudgement {
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
  judge(failure: Failure, seen: Seen): DecoderJudgement {
    const { explain, fallback } = this.#current
    const explained = isDecoders(failure, seen) ? (explain?.(failure) ?? failure) : failure
    if (fallback && isDecoders(failure, seen)) {
      this.#current = fallback
      this.#instead = explained
      return { failure: explained, changed: true }
    }
    this.#settled ||= seen.picture && this.#current !== this.#first
    if (!this.#settled && !refusesViewer.has(failure.code)) {
      this.#current = this.#first
      this.#instead = this.#first.instead
    }
    return { failure: explained, changed: false }
  }
}
