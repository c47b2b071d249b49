/** The login: two tokens, and a growing delay after each wrong one. */
import { isSame } from './session.js'
import { type Role, roles } from './wire.js'

export interface LoginOptions {
  tokens: Readonly<Partial<Record<Role, string>>>
  /** In ms; monotonic. */
  now: () => number
}

export type LoginResult = { role: Role } | { role: null; waitMs: number; tried: boolean }

const firstWaitMs = 500
const longestWaitMs = 60_000
/** Failures are forgotten after that time. */
const memoryMs = 3_600_000
const mostAddresses = 4096
/** The limit for all addresses together, against a client with many. */
const allTogether = { tries: 60, perMs: 60_000 }

interface Failures {
  count: number
  last: number
  until: number
}

export class Logins {
  readonly #options: LoginOptions
  readonly #failed = new Map<string, Failures>()
  readonly #recent: number[] = []

  constructor(options: LoginOptions) {
    this.#options = options
  }

  /** During a wait the right token is refused, too: else the wait would slow no one down. */
  try(token: string, address: string): LoginResult {
    const now = this.#options.now()
    const waitMs = Math.max((this.#failed.get(address)?.until ?? 0) - now, this.#floodMs(now))
    if (waitMs > 0) return { role: null, waitMs, tried: false }
    // Both are compared, whichever fits.
    const [role] = roles.filter((one) => isSame(this.#options.tokens[one] ?? '', token) && token !== '')
    if (role) {
      this.#failed.delete(address)
      return { role }
    }
    return { role: null, waitMs: this.#fail(address, now), tried: true }
  }

  #fail(address: string, now: number): number {
    const before = this.#failed.get(address)
    const count = (before && now - before.last < memoryMs ? before.count : 0) + 1
    const waitMs = Math.min(firstWaitMs * 2 ** (count - 1), longestWaitMs)
    this.#failed.delete(address)
    this.#failed.set(address, { count, last: now, until: now + waitMs })
    const [oldest] = this.#failed.keys()
    if (this.#failed.size > mostAddresses) this.#failed.delete(oldest!)
    this.#recent.push(now)
    return waitMs
  }

  #floodMs(now: number): number {
    while (this.#recent.length > 0 && now - this.#recent[0]! > allTogether.perMs) this.#recent.shift()
    return this.#recent.length < allTogether.tries ? 0 : this.#recent[0]! + allTogether.perMs - now
  }
}
