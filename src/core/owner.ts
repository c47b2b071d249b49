import { errorFields } from './errors.js'
import type { Log } from './log.js'

/**
 * Closes what was added to it, the last first, each after the one before has ended; once, however often it is asked to.
 * What fails to close is logged and keeps nothing else open.
 */
export class Owner {
  readonly #log: Log
  readonly #together: boolean
  readonly #closes: (() => Promise<void>)[] = []
  #closing: Promise<void> | null = null

  /** @param together close all parts at the same time instead */
  constructor(log: Log, { together = false } = {}) {
    this.#log = log
    this.#together = together
  }

  /** Whether closing has begun. */
  get closed(): boolean {
    return this.#closing !== null
  }

  /** @returns the part. One that is added while everything is being closed is closed at once, and waited for */
  add<T>(part: T, close: (part: T) => unknown): T {
    const closePart = (): Promise<void> => this.#close(part, close)
    if (this.#closing) this.#closing = Promise.all([this.#closing, closePart()]).then(() => undefined)
    else this.#closes.push(closePart)
    return part
  }

  /** Waits for a part and owns it. @throws as its opening does */
  async open<T>(opening: Promise<T>, close: (part: T) => unknown): Promise<T> {
    return this.add(await opening, close)
  }

  /** @returns an owner whose parts are closed at the same time, at this place of the order */
  group(): Owner {
    return this.add(new Owner(this.#log, { together: true }), (group) => group.close())
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    const closes = this.#closes.splice(0).reverse()
    if (this.#together) await Promise.all(closes.map((close) => close()))
    else for (const close of closes) await close()
  }

  async #close<T>(part: T, close: (part: T) => unknown): Promise<void> {
    try {
      await close(part)
    } catch (error) {
      this.#log.error(errorFields(error), 'a part failed to stop')
    }
  }
}
