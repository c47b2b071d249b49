import { monitorEventLoopDelay } from 'node:perf_hooks'

/** The last `capacity` durations, for percentiles. */
export class LatencyWindow {
  readonly #values: Float64Array
  #count = 0

  constructor(capacity = 1000) {
    this.#values = new Float64Array(capacity)
  }

  add(ms: number): void {
    this.#values[this.#count++ % this.#values.length] = ms
  }

  get count(): number {
    return this.#count
  }

  /**
   * The smallest value that more than this share of the values do not exceed, or the largest.
   * @param share 0..1
   * @returns null before the first value
   */
  percentile(share: number): number | null {
    const filled = Math.min(this.#count, this.#values.length)
    if (filled === 0) return null
    const sorted = this.#values.slice(0, filled).sort()
    return sorted[Math.min(filled - 1, Math.floor(share * filled))]!
  }
}

const resolutionMs = 10

export interface LoopDelay {
  /** Since the start or the last `reset`, in ms beyond the sampling interval. */
  p99(): number
  reset(): void
  stop(): void
}

/** Watches how long the main thread's event loop is held up. */
export function watchLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  return {
    p99: () => Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs),
    reset: () => histogram.reset(),
    stop: () => void histogram.disable()
  }
}
