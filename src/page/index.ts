/** The page for nurses. It mirrors alarms and delays none. */
import { join } from 'node:path'
import type { Server } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { type Clock, later, stamp, timeOfDay } from '../core/clock.js'
import { errorFields, messageOf, PainlensError, PortInUseError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import { type ListenerStats, PersistentListener } from '../core/persistent-listener.js'
import { type Assets, readAssets } from './assets.js'
import { Pictures, type PicturesOptions } from './pictures.js'
import { Recorder } from './recorder.js'
import { createPageServer, type PageActions, type PageFinder, type PageWay } from './server.js'
import { sessionKey } from './session.js'
import { Takings } from './takings.js'
import { fingerprintOf, readTls, type TlsChoice, type TlsPair } from './tls.js'
import { PageViewers, type ViewerLimits } from './viewers.js'
import { type Heard, type Linked, Ward } from './ward.js'
import type { CameraTile, CheckLamp, Role, Row } from './wire.js'

export { readHeard } from './heard.js'
export type { FindSearch, PageActions, PageFinder, PageWay } from './server.js'
export { fingerprintOf, keptCertificate, readTls, type TlsPair } from './tls.js'
export type { Heard, HeardKind } from './ward.js'
export type { CameraTile, CheckLamp, WayAnswer } from './wire.js'

export interface PageOptions {
  /** An address of this machine; port 0 is any free one. */
  host: string
  port: number
  /** HTTP/1.1 without encryption unless given. */
  tls?: TlsChoice
  tokens: Readonly<Partial<Record<Role, string>>>
  /** The box that shows. */
  device: string
  /** The other boxes that it shows. */
  others: readonly string[]
  /** Of the key that cookies are signed with, and of the history. */
  folder: string
  /** For how long the history is kept. */
  historyDays: number
  heatmaps: boolean
  actions: PageActions
  /** How to get pictures of this box's cameras; null where privacy.show_pictures is off. */
  pictures: Omit<PicturesOptions, 'log' | 'now'> | null
  /** This box's cameras, for technicians. */
  cameras: () => CameraTile[]
  /** How this box is, for technicians. */
  lamps: () => CheckLamp[]
  way: PageWay
  finder: PageFinder
  log: Log
  clock: Clock
  limits?: Partial<ViewerLimits>
  /** Interval of tries while the port is in use; 30 s unless given. */
  retryMs?: number
  /** Interval at which the certificate is read anew, so that a renewed one is used; an hour unless given. */
  renewMs?: number
}

const defaultRenewMs = 3_600_000

export interface PageStage {
  /** The address is http://host:port or https://host:port. */
  stats(): ListenerStats
  /** A message of a box, the own one included. */
  heard(heard: Heard): void
  /** Which connections to the broker are up. */
  linked(linked: Linked): void
  /** Ends every connection. */
  stop(): Promise<void>
}

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
  readonly #ward: Ward
  readonly #viewers: PageViewers
  readonly #recorder: Recorder
  readonly #pictures: Pictures | null
  readonly #takings: Takings
  readonly #listener: PersistentListener<FastifyInstance>
  readonly #options: PageOptions
  readonly #renewing: NodeJS.Timeout
  #server: FastifyInstance | null = null
  #pair: TlsPair | null = null

  constructor(options: PageOptions, assets: Assets, key: Buffer) {
    this.#options = options
    const { host, port, device, clock, heatmaps, limits, log, retryMs } = options
    const pictures = options.pictures && new Pictures({ ...options.pictures, log, now: () => performance.now() })
    const ward = new Ward({ devices: [device, ...options.others], heatmaps, clock })
    const { build } = assets
    const takings = this.#openTakings()
    this.#takings = takings
    const viewers = new PageViewers({ rows: () => this.#rows(), at: () => stamp(clock, clock.now()), build, limits })
    const recorder = new Recorder({
      ...{ folder: join(options.folder, 'history'), days: options.historyDays, rows: () => ward.rows(), log },
      timeOfDay: () => timeOfDay(clock, clock.now()),
      monotonic: () => performance.now()
    })
    this.#ward = ward
    this.#recorder = recorder
    this.#viewers = viewers
    this.#pictures = pictures
    const parts = { sessionKey: key, ward, viewers, recorder, takings, pictures, assets }
    this.#listener = new PersistentListener({
      // The files are read for each try, so that a corrected certificate is used by the next one.
      create: async () => {
        this.#pair = await this.#readTls()
        this.#server = createPageServer({ ...options, tls: this.#pair, ...parts })
        return this.#server
      },
      listen: (server) => server.listen({ host, port }),
      explain: (error) => pageListenError(host, port, error),
      onListening: (address) => log.info({ address, ...this.#certificate() }, 'the page is served'),
      onProblem: (problem) => log.error(errorFields(problem), 'the page is not served; alarms are not affected'),
      retryMs
    })
    this.#renewing = setInterval(() => void this.#renew(), options.renewMs ?? defaultRenewMs)
  }

  start(): Promise<void> {
    return this.#listener.start()
  }

  stats(): ListenerStats {
    return this.#listener.stats()
  }

  heard(heard: Heard): void {
    if (!this.#ward.take(heard)) return
    this.#recorder.hear(heard)
    this.#changed()
  }

  linked(linked: Linked): void {
    this.#ward.linked(linked)
    this.#changed()
  }

  async stop(): Promise<void> {
    clearInterval(this.#renewing)
    await this.#listener.stop(() => {
      this.#pictures?.stop()
      this.#viewers.close()
    })
    await this.#recorder.stop()
  }

  #readTls(): Promise<TlsPair | null> {
    const { tls, folder, device, clock } = this.#options
    return readTls(tls, { folder, device, now: timeOfDay(clock, clock.now()) })
  }

  /** For the log: what browsers show of it. */
  #certificate(): { fingerprint?: string } {
    return this.#pair ? { fingerprint: fingerprintOf(this.#pair) } : {}
  }

  /** Connections that are open stay as they are. */
  async #renew(): Promise<void> {
    const { log } = this.#options
    try {
      const pair = this.#pair && (await this.#readTls())
      if (!pair || pair.cert.equals(this.#pair!.cert)) return
      this.#pair = pair
      // With a certificate, it is a server of TLS.
      ;(this.#server?.server as Server | undefined)?.setSecureContext(pair)
      log.warn(this.#certificate(), 'the page has another certificate: browsers ask again where it is not signed')
    } catch (error) {
      log.warn(errorFields(error), 'the certificate of the page cannot be read; the one before stays in use')
    }
  }

  #rows(): Map<string, Row> {
    return new Map<string, Row>([...this.#ward.rows(), ...this.#takings.rows()])
  }

  #openTakings(): Takings {
    const { actions, clock, log } = this.#options
    return new Takings({
      room: (device, camera) => this.#ward.room(device, camera),
      take: (device, request) => actions.takeReference(device, request),
      stampIn: (ms) => stamp(clock, later(clock.now(), ms)),
      monotonic: () => performance.now(),
      changed: () => this.#changed(),
      onTaken: (taken) => this.#recorder.deed({ what: 'reference', ...taken, minutes: null }),
      log
    })
  }

  #changed(): void {
    this.#viewers.changed()
    this.#recorder.changed()
  }
}

/** Why the page cannot listen there. */
export function pageListenError(host: string, port: number, error: unknown): PainlensError {
  const where = `page on ${host}:${port}`
  if (error instanceof PainlensError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return new PortInUseError('PL-PAGE-PORT', 'the port is in use', where)
  return new PainlensError('PL-PAGE-LISTEN', `cannot listen (${messageOf(error)})`, where)
}
