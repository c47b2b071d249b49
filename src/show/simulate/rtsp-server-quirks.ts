/** Deviations of real cameras from the standards, for tests and for trying out an installation. */
export interface RtspQuirks {
  /** DESCRIBE is answered by 302, and this address. */
  redirectTo?: string
  /** While it plays, the camera asks its reader to go to this address (RFC 2326, 10.10). */
  redirectPlayingTo?: string
  /** A request of this method, and all after it, gets no answer; `connect`: no request does. */
  silentAt?: string
  /** A request of this method is answered by closing the connection. */
  hangUpAt?: string
  /** Requests of these methods get this status. */
  statuses?: Readonly<Record<string, number>>
  /** Only so many readers at a time, others get 453; a place is free again so long after its reader went. */
  places?: { most: number; freedAfterMs: number }
  /** Tracks are named by whole addresses that begin with this, in the place of the camera's own. */
  trackOrigin?: string
  /** The connection is closed with each challenge. */
  closesWithChallenge?: boolean
  /** PLAY is agreed to, and nothing is sent. */
  sendsNothing?: boolean
  /** A reader gets the stream from wherever it is, and has to wait for the next key frame itself. */
  joinsAnywhere?: boolean
}

export type QuirkyAnswer =
  | { status: number; headers?: Record<string, string>; closes?: boolean }
  | 'silence'
  | 'hang up'

/** The readers of a server with `places`. */
export class Places {
  #taken = 0
  readonly #timers = new Set<NodeJS.Timeout>()

  take(most: number): boolean {
    if (this.#taken >= most) return false
    this.#taken++
    return true
  }

  freeAfter(ms: number): void {
    const timer = setTimeout(() => {
      this.#taken--
      this.#timers.delete(timer)
    }, ms)
    this.#timers.add(timer)
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

/** The quirks of one connection. */
export class QuirkyConnection {
  readonly quirks: RtspQuirks
  readonly #places: Places
  #silent: boolean
  #hasPlace = false

  constructor(quirks: RtspQuirks, places: Places) {
    this.quirks = quirks
    this.#places = places
    this.#silent = quirks.silentAt === 'connect'
  }

  /** What happens instead of the answer; undefined: the answer is sent. */
  answer(method: string): QuirkyAnswer | undefined {
    const { silentAt, hangUpAt, statuses, redirectTo, places } = this.quirks
    this.#silent ||= silentAt === method
    if (this.#silent) return 'silence'
    if (hangUpAt === method) return 'hang up'
    const status = statuses?.[method]
    if (status) return { status }
    if (redirectTo && method === 'DESCRIBE') return { status: 302, headers: { Location: redirectTo } }
    if (!places || method !== 'DESCRIBE' || this.#hasPlace) return undefined
    this.#hasPlace = this.#places.take(places.most)
    return this.#hasPlace ? undefined : { status: 453 }
  }

  closed(): void {
    if (this.#hasPlace) this.#places.freeAfter(this.quirks.places?.freedAfterMs ?? 0)
  }
}
