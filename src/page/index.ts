/** The page: what a nurse looks at. It mirrors alarms and keeps none of them waiting. */
import type { FastifyInstance } from 'fastify'
import { type Clock, stamp } from '../core/clock.js'
import { errorFields, messageOf, PainlensError, PortInUseError } from '../core/errors.js'
import { LastSaid, type Log } from '../core/log.js'
import { type Assets, readAssets } from './assets.js'
import { createPageServer, type PageActions } from './server.js'
import { sessionKey } from './session.js'
import { PageViewers, type ViewerLimits } from './viewers.js'
import { type Heard, type Linked, Ward } from './ward.js'
import type { Role } from './wire.js'

export { readHeard } from './heard.js'
export type { PageActions } from './server.js'
export type { Heard, HeardKind } from './ward.js'

export interface PageOptions {
  /** An address of this machine; port 0 is any free one. */
  host: string
  port: number
  tokens: Readonly<Partial<Record<Role, string>>>
  /** The box that shows. */
  device: string
  /** The other boxes that it shows. */
  others: readonly string[]
  /** Of the key that cookies are signed with. */
  folder: string
  heatmaps: boolean
  actions: PageActions
  log: Log
  clock: Clock
  limits?: Partial<ViewerLimits>
  /** Interval of tries while the port is in use; 30 s unless given. */
  retryMs?: number
}

export interface Page {
  /** http://host:port, or null while the port is not available. */
  address(): string | null
  /** A message of a box, the own one included. */
  heard(heard: Heard): void
  /** What of the broker can be reached. */
  linked(linked: Linked): void
  /** Ends every connection. */
  stop(): Promise<void>
}

const defaultRetryMs = 30_000

/**
 * Resolves after the first try to listen. If the port is not available, that is logged and tried again: alarms do not
 * depend on it.
 * @throws DiskError if the key of the cookies cannot be kept; PainlensError if the page was not built
 */
export async function startPage(options: PageOptions): Promise<Page> {
  const page = new ServedPage(options, await readAssets(), await sessionKey(options.folder))
  await page.start()
  return page
}

class ServedPage implements Page {
  readonly #options: PageOptions
  readonly #ward: Ward
  readonly #viewers: PageViewers
  readonly #create: () => FastifyInstance
  readonly #said = new LastSaid<string>()
  #server: FastifyInstance | null = null
  #address: string | null = null
  #retry: NodeJS.Timeout | undefined
  #trying: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: PageOptions, assets: Assets, key: Buffer) {
    const { device, clock, heatmaps, limits } = options
    const ward = new Ward({ devices: [device, ...options.others], heatmaps, clock })
    const { build } = assets
    const viewers = new PageViewers({ rows: () => ward.rows(), at: () => stamp(clock, clock.now()), build, limits })
    this.#options = options
    this.#ward = ward
    this.#viewers = viewers
    this.#create = () => createPageServer({ ...options, sessionKey: key, ward, viewers, assets })
  }

  start(): Promise<void> {
    this.#trying = this.#try()
    return this.#trying
  }

  address(): string | null {
    return this.#address
  }

  heard(heard: Heard): void {
    this.#ward.take(heard)
    this.#viewers.changed()
  }

  linked(linked: Linked): void {
    this.#ward.linked(linked)
    this.#viewers.changed()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    await this.#trying
    this.#viewers.close()
    await this.#server?.close()
    this.#address = null
  }

  async #try(): Promise<void> {
    const { host, port, log, retryMs = defaultRetryMs } = this.#options
    const server = this.#create()
    try {
      this.#address = await server.listen({ host, port })
      this.#server = server
      this.#said.isNew(null)
      log.info({ address: this.#address }, 'the page is served')
    } catch (error) {
      await server.close()
      const problem = listenError(`page on ${host}:${port}`, error)
      if (this.#said.isNew(problem.message))
        log.error(errorFields(problem), 'the page is not served; alarms are not affected')
      if (!this.#stopped) this.#retry = setTimeout(() => void this.start(), retryMs)
    }
  }
}

function listenError(where: string, error: unknown): PainlensError {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return new PortInUseError('PL-PAGE-PORT', 'the port is in use', where)
  return new PainlensError('PL-PAGE-LISTEN', `cannot listen (${messageOf(error)})`, where)
}
