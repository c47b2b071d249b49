/** The control socket's server: `painlens check`, `snapshot`, `reference` and `backup` ask it what the daemon sees and holds. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { argumentProblems } from '../../contract/commands.js'
import { type Clock, type Moment, stamp } from '../../core/clock.js'
import { limitConnections } from '../../core/connection-limit.js'
import { ClosedError, ControlError, errorFields, InputError, PainlensError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { requirePackage } from '../../core/packages.js'
import { PersistentListener } from '../../core/persistent-listener.js'
import { printable } from '../../core/printable.js'
import type { Secrets } from '../../core/secrets.js'
import { referenceSeconds } from '../../core/types.js'
import { version } from '../../core/version.js'
import type { Outbox } from '../../stages/outbox/index.js'
import { type Sight, viewMs } from '../line/viewers.js'
import type { WatchedCamera } from '../line/watched-camera.js'
import {
  type CameraSeen,
  type CamerasAnswer,
  encodeSaved,
  endOfOutbox,
  headOf,
  type RefusedRequest,
  settingsOf,
  type TakeReference,
  takeReference
} from './protocol.js'
import { cannotListen, claimSocket } from './socket.js'

export interface ControlOptions {
  /** As `controlSocket` answers. */
  path: string
  device: string
  /** The config file, absolute. */
  configFile: string
  cameras: ReadonlyMap<string, WatchedCamera>
  outbox: Pick<Outbox, 'content'>
  /** As the command `reference` over MQTT, with the same arguments. */
  reference: (args: TakeReference) => Promise<object | undefined>
  secrets: Secrets
  log: Log
  clock: Clock
  /** How long to wait before another try to listen, where that failed; 30 s unless given. */
  retryMs?: number
  /** After how long a request is ended, whatever it waits for; 30 s unless given. */
  deadlineMs?: number
}

export interface Control {
  /** Ends requests that are under way and removes the socket. */
  stop(): Promise<void>
}

/**
 * A picture is waited for at most half of it, and longer only where the config lets a camera be silent for longer; a client that
 * reads slowly, or not at all, is cut off then.
 */
const defaultDeadlineMs = 30_000
/** A request is one line and few headers. */
const bounds = { bodyBytes: 1024, headerBytes: 8192, headersMs: 5000, connections: 8, frames: 2 }
const maxName = 64
const framePath = '/cameras/:id/frame'
const referencePath = '/cameras/:id/reference'

/**
 * Back after the first try to listen. Nothing depends on it: where it cannot be had, that is logged, and tried again.
 */
export async function startControl(options: ControlOptions): Promise<Control> {
  const control = new ControlServer(options)
  await control.start()
  return control
}

class ControlServer implements Control {
  readonly #options: ControlOptions
  /** Its time of day is asked for with each answer: the box's clock may be set meanwhile. */
  readonly #started: Moment
  readonly #stopping = new AbortController()
  readonly #listener: PersistentListener<FastifyInstance>
  #remove: () => Promise<void> = async () => undefined
  #frames = 0

  constructor(options: ControlOptions) {
    this.#options = options
    this.#started = options.clock.now()
    const { path, log, retryMs } = options
    this.#listener = new PersistentListener({
      create: () => this.#createServer(),
      listen: async (server) => {
        this.#remove = await claimSocket(path, (own) => server.listen({ path: own }))
        return path
      },
      explain: (error) => (error instanceof PainlensError ? error : cannotListen(path, undefined, error)),
      onListening: () => log.info({ path }, 'painlens check, snapshot, reference and backup may ask here'),
      onProblem: (problem) =>
        log.warn(errorFields(problem), 'no command can ask this painlens what it sees; alarms are not affected'),
      retryMs
    })
  }

  start(): Promise<void> {
    return this.#listener.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new ControlError('PL-CONTROL-STOPPING', 'painlens is stopping', this.#options.path))
    await this.#listener.stop(() => this.#remove())
  }

  #createServer(): FastifyInstance {
    const { deadlineMs = defaultDeadlineMs } = this.#options
    // Behind the start of the cameras.
    const { fastify } = requirePackage('fastify')
    const server = fastify({
      logger: false,
      exposeHeadRoutes: false,
      routerOptions: { maxParamLength: bounds.headerBytes },
      bodyLimit: bounds.bodyBytes,
      requestTimeout: bounds.headersMs,
      connectionTimeout: deadlineMs,
      keepAliveTimeout: bounds.headersMs,
      forceCloseConnections: true,
      http: {
        maxHeaderSize: bounds.headerBytes,
        headersTimeout: bounds.headersMs,
        connectionsCheckingInterval: 1000
      }
    })
    limitConnections(server.server, bounds.connections)
    server.addHook('onRequest', async ({ raw, routeOptions }, reply) => {
      const ms = deadlineMs + this.#furtherMs(routeOptions.url)
      raw.socket.setTimeout(ms)
      const timer = setTimeout(() => raw.socket.destroy(), ms)
      reply.raw.once('close', () => clearTimeout(timer))
    })
    server.get('/cameras', async (_, reply) => this.#json(reply, this.#cameras()))
    server.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
      framePath,
      async ({ params, query }, reply) => this.#frame(params.id, query, reply)
    )
    server.post<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
      referencePath,
      async ({ params, query }, reply) => this.#reference(params.id, query, reply)
    )
    server.get<{ Querystring: Record<string, unknown> }>('/outbox', async ({ query }, reply) =>
      this.#outbox(query, reply)
    )
    server.setNotFoundHandler((_, reply) =>
      this.#refuse(reply.code(404), { code: 'PL-CONTROL-REQUEST', error: 'there is no such request' })
    )
    server.setErrorHandler((error, _, reply) => this.#failed(error, reply))
    return server
  }

  /** How much longer than others a request may take. */
  #furtherMs(path: string | undefined): number {
    if (path === referencePath) return 1000 * referenceSeconds.most
    if (path !== framePath) return 0
    const views = [...this.#options.cameras.values()].map(({ config }) => viewMs(config))
    return Math.max(0, ...views.map((ms) => ms - defaultDeadlineMs / 2))
  }

  #failed(error: unknown, reply: FastifyReply): FastifyReply {
    const { statusCode = 500 } = error as { statusCode?: number }
    if (error instanceof PainlensError) {
      const { code, what, where, fix } = error
      return this.#refuse(reply.code(409), { code, error: what, where, fix })
    }
    if (statusCode < 500)
      return this.#refuse(reply.code(statusCode), { code: 'PL-CONTROL-REQUEST', error: 'this is no request' })
    this.#options.log.error(errorFields(error), 'a request of the control socket failed')
    return this.#refuse(reply.code(500), { code: 'PL-UNEXPECTED', error: 'it failed, see the log' })
  }

  #json(reply: FastifyReply, answer: object): FastifyReply {
    return reply.type('application/json').send(encoded(answer, this.#options.secrets))
  }

  #refuse(reply: FastifyReply, refusal: RefusedRequest): FastifyReply {
    return this.#json(reply, refusal)
  }

  #cameras(): CamerasAnswer {
    const { device, configFile: config, cameras, clock } = this.#options
    const told = [...cameras.values()].map((camera) => cameraAnswer(camera, clock))
    return { version, device, config, pid: process.pid, started: stamp(clock, this.#started), cameras: told }
  }

  async #frame(id: string, asking: Record<string, unknown>, reply: FastifyReply): Promise<FastifyReply> {
    const { log, clock, secrets } = this.#options
    const camera = this.#find(id)
    const asked = { camera: camera.config.id, ...askedBy(asking) }
    const gone = new AbortController()
    reply.raw.once('close', () =>
      gone.abort(new ClosedError('PL-CONTROL-ANSWER', 'the command has left', asked.camera))
    )
    try {
      const sight = await this.#view(camera, AbortSignal.any([gone.signal, this.#stopping.signal]))
      // Before it is given: no picture leaves without a line.
      log.info(asked, 'a picture of this camera is given to a technician (painlens snapshot)')
      const { state } = camera.stats()
      const head = encoded(headOf(camera.config, sight, state, clock), secrets)
      return reply.type('application/octet-stream').send(Readable.from([Buffer.from(`${head}\n`), sight.data]))
    } catch (error) {
      if (!gone.signal.aborted) log.info({ ...asked, ...errorFields(error) }, 'no picture is given (painlens snapshot)')
      throw error
    }
  }

  async #reference(id: string, asking: Record<string, unknown>, reply: FastifyReply): Promise<FastifyReply> {
    const { log, reference } = this.#options
    const { success, data: args, error } = takeReference.safeParse({ ...asking, camera: id })
    if (!success) {
      // In a query everything is text.
      const given = { ...asking, camera: id, ...(asking.seconds !== undefined && { seconds: Number(asking.seconds) }) }
      throw new InputError('PL-COMMAND-INVALID', argumentProblems('reference', error.issues, given), 'command')
    }
    const asked = { camera: printable(args.camera), zone: args.zone && printable(args.zone), ...askedBy(asking) }
    log.info(asked, 'a resting face is asked for (painlens reference)')
    return this.#json(reply, (await reference(args)) ?? {})
  }

  #outbox(asking: Record<string, unknown>, reply: FastifyReply): FastifyReply {
    const { log } = this.#options
    log.info(askedBy(asking), 'the content of the outbox is given to a technician (painlens backup)')
    return reply.type('application/jsonl').send(Readable.from(this.#outboxLines()))
  }

  /** A failure in the middle cuts the answer, so that the line of its end is missing. */
  async *#outboxLines(): AsyncGenerator<string> {
    const { outbox, secrets } = this.#options
    let count = 0
    for await (const entry of outbox.content()) {
      count++
      yield `${encodeSaved(entry, secrets)}\n`
    }
    yield `${endOfOutbox(count)}\n`
  }

  #find(id: string): WatchedCamera {
    const { cameras } = this.#options
    const camera = cameras.get(id)
    if (camera) return camera
    const where = `camera ${printable(id.slice(0, maxName))}`
    throw new InputError('PL-SNAPSHOT-CAMERA', 'it is not one of those that are watched', where, {
      fix: `Name one of: ${[...cameras.keys()].join(', ')}.`
    })
  }

  async #view(camera: WatchedCamera, signal: AbortSignal): Promise<Sight> {
    if (this.#frames >= bounds.frames)
      throw new ControlError('PL-CONTROL-BUSY', 'others are asking for pictures', `camera ${camera.config.id}`)
    this.#frames++
    try {
      return await camera.view(signal)
    } finally {
      this.#frames--
    }
  }
}

/** painlens's own words, which no password is looked for in: it would not be `state` that it gave away. */
const vocabulary: ReadonlySet<string> = new Set([
  'id',
  'camera',
  'state',
  'code',
  'version',
  'since',
  'until',
  'started',
  'at'
])

/** As JSON, without secrets; digests of settings stay as they are. */
function encoded(answer: object, secrets: Secrets): string {
  const kept = new WeakSet<object>()
  return JSON.stringify(answer, function (this: object, key, value: unknown) {
    if (key === 'settings') kept.add(value as object)
    return typeof value === 'string' && !vocabulary.has(key) && !kept.has(this) ? secrets.redact(value) : value
  })
}

/** What the command says of who called it. Only painlens's own user and root can connect; which of them, Node.js cannot tell. */
function askedBy({ uid, user }: Record<string, unknown>): { uid?: number; user?: string } {
  return {
    ...(typeof uid === 'string' && /^\d{1,10}$/.test(uid) && { uid: Number(uid) }),
    ...(typeof user === 'string' && user !== '' && { user: printable(user.slice(0, maxName)) })
  }
}

function cameraAnswer(camera: WatchedCamera, clock: Clock): CameraSeen {
  const { state, since, until, reason, fps, frames, dropped, lastFrameAt, picture, ...decoding } = camera.stats()
  const { decoder, decoderProblem: what, decoderProblemCode: code } = decoding
  const stampOf = (moment: Moment): string => stamp(clock, moment)
  return {
    id: camera.config.id,
    state,
    since: stampOf(since),
    until: until === null ? null : stampOf(until),
    reason: reason ?? null,
    fps,
    frames,
    dropped,
    last_picture_ms: lastFrameAt === null ? null : clock.now() - lastFrameAt,
    picture,
    decoder,
    decoder_problem: what !== null && code !== null ? { code, what } : null,
    settings: settingsOf(camera.config)
  }
}
