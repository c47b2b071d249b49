/** The search for cameras that a technician asks for on the page: one at a time, and what the last one has found. */
import { InputError, messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { type FindOptions, type FoundCamera, findCameras } from '../../onvif/index.js'
import type { FindSearch } from '../../page/index.js'

export interface FinderOptions {
  log: Log
  /** Other than the whole search, for tests. */
  find?: (options: FindOptions) => Promise<FoundCamera[]>
}

/** Of a whole search. */
const mostMs = 60_000

export class Finder {
  readonly #options: FinderOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | null = null
  #cameras: FoundCamera[] | null = null

  constructor(options: FinderOptions) {
    this.#options = options
  }

  state(): { running: boolean; cameras: FoundCamera[] | null } {
    return { running: this.#running !== null, cameras: this.#cameras }
  }

  /** Begins it. @throws InputError while another one is under way */
  start({ user, password, fingerprints }: FindSearch): void {
    if (this.#running) throw new InputError('PL-PAGE-FINDING', 'a search is under way', 'ONVIF')
    this.#cameras = null
    this.#running = this.#find({ user, password, fingerprints }).finally(() => {
      this.#running = null
    })
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #find({ user, password, fingerprints }: FindSearch): Promise<void> {
    const { log, find = findCameras } = this.#options
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(mostMs)])
    const login = user === '' ? { user: null, password: null } : { user, password }
    try {
      this.#cameras = await find({ ...login, fingerprints, signal })
      log.info({ found: this.#cameras.map(({ address }) => address) }, 'cameras were searched for by ONVIF')
    } catch (error) {
      log.warn({ why: messageOf(error) }, 'the search for cameras was broken off')
    }
  }
}
