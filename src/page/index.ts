/** The page: what a nurse looks at. It mirrors alarms and keeps none of them waiting. */
import type { FastifyInstance } from 'fastify'
import { type Clock, stamp } from '../core/clock.js'
import { errorFields, messageOf, PainlensError, PortInUseError } from '../core/errors.js'
import { LastSaid, type Log } from '../core/log.js'
import { type Assets, readAssets } from './assets.js'
import { Pictures, type PicturesOptions } from './pictures.js'
import { createPageServer, type PageActions } from './server.js'
import { sessionKey } from './session.js'
import { readTls, type TlsFiles } from './tls.js'
import { PageViewers, type ViewerLimits } from './viewers.js'
import { type Heard, type Linked, Ward } from './ward.js'
import type { CameraTile, Role } from './wire.js'

export { readHeard } from './heard.js'
export type { PageActions } from './server.js'
export type { Heard, HeardKind } from './ward.js'
export type { CameraTile } from './wire.js'

export interface PageOptions {
  /** An address of this machine; port 0 is any free one. */
  host: string
  port: number
  /** PEM files; HTTP/1.1 without encryption unless given. */
  tls?: TlsFiles
  tokens: Readonly<Partial<Record<Role, string>>>
  /** The box that shows. */
  device: string
  /** The other boxes that it shows. */
  others: readonly string[]
  /** Of the key that cookies are signed with. */
  folder: string
  heatmaps: boolean
  actions: PageActions
  /** How to get pictures of this box's cameras; null where privacy.show_pictures is off. */
  pictures: Omit<PicturesOptions, 'log' | 'now'> | null
  /** This box's cameras, for technicians. */
  cameras: () => CameraTile[]
  log: Log
  clock: Clock
  limits?: Partial<ViewerLimits>
  /** Interval of tries while the port is in use; 30 s unless given. */
  retryMs?: number
}

export interface PageStage {
  /** http://host:port or https://host:port, or null while the port is not available. */
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
export async function startPage(options: PageOptions): Promise<PageStage> {
  const page = new ServedPage(options, await readAssets(), await sessionKey(options.folder))
  await page.start()
  return page
}

class ServedPage implements PageStage {
  readonly #options: PageOptions
  readonly #ward: Ward
  readonly #viewers: PageViewers
  readonly #pictures: Pictures | null
  readonly #create: () => Promise<FastifyInstance>
  readonly #said = new LastSaid<string>()
  #server: FastifyInstance | null = null
  #address: string | null = null
  #retry: NodeJS.Timeout | undefined
  #trying: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: PageOptions, assets: Assets, key: Buffer) {
    const { device, clock, heatmaps, limits, log } = options
    const pictures = options.pictures && new Pictures({ ...options.pictures, log, now: () => performance.now() })
    const ward = new Ward({ devices: [device, ...options.others], heatmaps, clock })
    const { build } = assets
    const viewers = new PageViewers({ rows: () => ward.rows(), at: () => stamp(clock, clock.now()), build, limits })
    this.#options = options
    this.#ward = ward
    this.#viewers = viewers
    this.#pictures = pictures
    // Read each time, so that a certificate that was put right is taken at the next try.
    this.#create = async () =>
      createPageServer({
        ...options,
        tls: await readTls(options.tls),
        sessionKey: key,
        ward,
        viewers,
        pictures,
        assets
      })
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
    this.#pictures?.stop()
    this.#viewers.close()
    await this.#server?.close()
    this.#address = null
  }

  async #try(): Promise<void> {
    const { host, port, log, retryMs = defaultRetryMs } = this.#options
    let server: FastifyInstance | null = null
    try {
      server = await this.#create()
      this.#address = await server.listen({ host, port })
      this.#server = server
      this.#said.isNew(null)
      log.info({ address: this.#address }, 'the page is served')
    } catch (error) {
      await server?.close()
      const problem = listenError(`page on ${host}:${port}`, error)
      if (this.#said.isNew(problem.message))
        log.error(errorFields(problem), 'the page is not served; alarms are not affected')
      if (!this.#stopped) this.#retry = setTimeout(() => void this.start(), retryMs)
    }
  }
}

function listenError(where: string, error: unknown): PainlensError {
  if (error instanceof PainlensError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return new PortInUseError('PL-PAGE-PORT', 'the port is in use', where)
  return new PainlensError('PL-PAGE-LISTEN', `cannot listen (${messageOf(error)})`, where)
}
