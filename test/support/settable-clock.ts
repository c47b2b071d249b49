import { type Clock, createClock } from '../../src/core/clock.js'

/** A device whose time passes, and whose clock is set, when a test says so. */
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

  /** Sets the clock, as a time server or an administrator does. @param byMs forwards, or back */
  set(byMs: number): void {
    this.#timeOfDay += byMs
  }
}
