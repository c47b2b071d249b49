import type { ErrorCode } from '../../core/errors.js'

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
  /** After so long with pictures, the next trouble starts from `backoffMinMs` again. */
  steadyMs: number
}

export const defaultTiming: CameraTiming = {
  connectMs: 25_000,
  readMs: 10_000,
  lostMs: 10_000,
  backoffMinMs: 1000,
  backoffMaxMs: 60_000,
  unauthorizedMs: 300_000,
  steadyMs: 30_000
}

/** How long to wait before the next try: doubled each time, and jittered, so that cameras on one switch do not all come at once. */
export class Backoff {
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
    const { backoffMinMs, backoffMaxMs, unauthorizedMs } = this.#timing
    const wait = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#tries, 20))
    this.#tries++
    if (code === 'PL-CAMERA-LOGIN') return Math.max(wait, unauthorizedMs * (1 + this.#random() / 2))
    return wait * (0.5 + this.#random() / 2)
  }

  reset(): void {
    this.#tries = 0
  }
}

/** Pictures per second over the last few seconds. */
export class RateMeter {
  readonly #windowMs: number
  #times: number[] = []
  #since: number | undefined

  constructor(windowMs = 5000) {
    this.#windowMs = windowMs
  }

  add(at: number): void {
    this.#since ??= at
    this.#times.push(at)
    this.#forget(at)
  }

  /** 0 when nothing came in the window. */
  rate(now: number): number {
    this.#forget(now)
    if (this.#times.length < 2) return 0
    const seconds = Math.min(this.#windowMs, Math.max(1, now - this.#since!)) / 1000
    return (this.#times.length - (seconds * 1000 < this.#windowMs ? 1 : 0)) / seconds
  }

  reset(): void {
    this.#times = []
    this.#since = undefined
  }

  #forget(now: number): void {
    while (this.#times.length > 0 && this.#times[0]! <= now - this.#windowMs) this.#times.shift()
  }
}
