import { type Clock, createClock } from '../../src/core/clock.js'

/** A box whose time passes when a test says so, and whose clock somebody may set. */
export class SettableClock {
  readonly clock: Clock
  #passed = 0
  #timeOfDay: number

  constructor(timeOfDay: number) {
    this.#timeOfDay = timeOfDay
    this.clock = createClock({ timeOfDay: () => this.#timeOfDay, monotonic: () => this.#passed })
  }

  get timeOfDay(): number {
    return this.#timeOfDay
  }

  pass(ms: number): void {
    this.#passed += ms
    this.#timeOfDay += ms
  }

  /** A time server, or somebody at the console, sets the clock. @param byMs forwards, or back */
  set(byMs: number): void {
    this.#timeOfDay += byMs
  }
}
