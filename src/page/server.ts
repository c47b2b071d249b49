/** The page's endpoints. Every request may be hostile: without a login only the page's static files are served. */
import type { Server } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { limitConnections, limitPipelines } from '../core/connection-limit.js'
import { type ErrorCode, errorFields, InputError, PainlensError } from '../core/errors.js'
import { fingerprintPattern } from '../core/fingerprint.js'
import type { Log } from '../core/log.js'
import { requirePackage } from '../core/packages.js'
import { printable } from '../core/printable.js'
import { type Assets, serveAssets } from './assets.js'
import { Logins } from './login.js'
import { feedbackCsv, type NightRange, nightCsv } from './night.js'
import type { Pictures } from './pictures.js'
import type { Recorder } from './recorder.js'
import { cookieOf, type Session, Sessions, sessionMs } from './session.js'
import type { ReferenceRequest, Takings } from './takings.js'
import type { TlsPair } from './tls.js'
import type { PageViewers } from './viewers.js'
import type { Ward } from './ward.js'
import {
  acknowledgements,
  type CamerasOfBox,
  type CameraTile,
  type CheckLamp,
  type FindAnswer,
  type Refusal,
  type Role,
  type SessionAnswer,
  type WayAnswer
} from './wire.js'

/** What the page does, carried out by the daemon here or, over the broker, in another box. They throw as commands do. */
export interface PageActions {
  acknowledge(device: string, alarm: string, by: string, kind: (typeof acknowledgements)[number]): Promise<unknown>
  pause(device: string, camera: string, seconds: number, by: string): Promise<unknown>
  resume(device: string, camera: string, by: string): Promise<unknown>
  /** Resolves when the resting face is taken. */
  takeReference(device: string, request: ReferenceRequest): Promise<unknown>
  /** Without a zone all of the camera. */
  removeReference(device: string, request: Pick<ReferenceRequest, 'camera' | 'zone' | 'by'>): Promise<unknown>
}

/** A test alarm on its way to the nurse call. */
export interface PageWay {
  state(): WayAnswer | null
  /** @throws InputError while another one is under way */
  start(camera: string, by: string): Promise<void>
}

/** What a technician enters for a search; texts may be empty. */
export interface FindSearch {
  user: string
  password: string
  /** SHA-256 of certificates that devices have signed themselves. */
  fingerprints: string[]
}

/** The search for cameras. */
export interface PageFinder {
  state(): FindAnswer
  /** @throws InputError while another one is under way */
  start(search: FindSearch): void
}

export interface ServerOptions {
  device: string
  /** Null: without encryption. */
  tls: TlsPair | null
  tokens: Readonly<Partial<Record<Role, string>>>
  sessionKey: Buffer
  ward: Ward
  viewers: PageViewers
  recorder: Recorder
  takings: Takings
  actions: PageActions
  /** Null: not allowed by privacy.show_pictures. */
  pictures: Pictures | null
  cameras: () => CameraTile[]
  lamps: () => CheckLamp[]
  way: PageWay
  finder: PageFinder
  assets: Assets
  log: Log
}

/** Of requests, in ms and bytes. A viewer holds one connection, and has another for a moment when a button is pressed. */
const bounds = {
  bodyBytes: 4096,
  headerBytes: 8192,
  requestMs: 10_000,
  idleMs: 10_000,
  connections: 600,
  unanswered: 8,
  streams: 100
}

/** A day, and the hour that some have more. */
const mostNightMs = 25 * 3_600_000

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'cache-control': 'no-store'
}

const id = z.string().min(1).max(100)
const bodies = {
  login: z.strictObject({
    token: z.string().max(500),
    name: z
      .string()
      .trim()
      .min(1)
      .max(40)
      .refine((name) => printable(name) === name)
  }),
  acknowledge: z.strictObject({ device: id, alarm: id, kind: z.enum(acknowledgements) }),
  pause: z.strictObject({ device: id, camera: id, minutes: z.int().min(5).max(60) }),
  resume: z.strictObject({ device: id, camera: id }),
  reference: z.strictObject({ device: id, camera: id, zone: id.nullable() }),
  look: z.strictObject({ camera: id }),
  find: z.strictObject({
    user: z.string().max(100),
    password: z.string().max(200),
    fingerprints: z.array(z.string().regex(fingerprintPattern)).max(64).default([])
  })
}

export function createPageServer(options: ServerOptions): FastifyInstance {
  const server = openServer(options.tls)
  limitConnections(server.server as Server, bounds.connections)
  limitPipelines(server, bounds.unanswered)
  new PageEndpoints(server, options).open()
  return server
}

function openServer(tls: TlsPair | null): FastifyInstance {
  const { fastify } = requirePackage('fastify')
  const common = {
    logger: false,
    bodyLimit: bounds.bodyBytes,
    requestTimeout: bounds.requestMs,
    connectionTimeout: bounds.idleMs,
    keepAliveTimeout: bounds.idleMs,
    forceCloseConnections: true
  } as const
  const limits = {
    maxHeaderSize: bounds.headerBytes,
    headersTimeout: bounds.requestMs,
    connectionsCheckingInterval: 1000
  }
  if (!tls) return fastify({ ...common, http: limits })
  // HTTP/2 has one connection for all tabs of a browser; over HTTP/1.1 the seventh would wait for ever.
  const https = { ...tls, ...limits, allowHTTP1: true, settings: { maxConcurrentStreams: bounds.streams } }
  // The endpoints use what both kinds of server have.
  return fastify({ ...common, http2: true, https }) as unknown as FastifyInstance
}

class PageEndpoints {
  readonly #server: FastifyInstance
  readonly #options: ServerOptions
  readonly #sessions: Sessions
  readonly #logins: Logins
  readonly #cookie: string

  constructor(server: FastifyInstance, options: ServerOptions) {
    const { tokens, sessionKey, device } = options
    this.#server = server
    this.#options = options
    this.#sessions = new Sessions(sessionKey, tokens)
    this.#logins = new Logins({ tokens, now: () => performance.now() })
    // Browsers keep cookies by host, whatever the port: two boxes behind one host have different ones.
    this.#cookie = `painlens-${device}`
  }

  open(): void {
    const server = this.#server
    server.addHook('onRequest', async (request, reply) => {
      reply.headers(headers)
      if (request.method !== 'GET' && request.method !== 'HEAD' && !isOwnOrigin(request))
        return refuse(reply, 403, 'PL-PAGE-ORIGIN', 'the request comes from another site')
      return undefined
    })
    serveAssets(server, this.#options.assets)
    server.post('/api/login', async (request, reply) => this.#login(request, reply))
    server.post('/api/logout', async (_, reply) => this.#setCookie(reply, '', 0).send({}))
    this.#forWard()
    this.#forTechnician()
    server.setNotFoundHandler((_, reply) => refuse(reply, 404, 'PL-PAGE-REQUEST', 'there is nothing of that name'))
    server.setErrorHandler((error, _, reply) => this.#failed(error, reply))
  }

  #forWard(): void {
    const { device } = this.#options
    const { get } = this.#needing('ward')
    get('/api/session', ({ role, name }) => ({ role, name, device }) satisfies SessionAnswer)
    get('/api/events', (session, _, reply) => this.#watch(session, reply))
    get('/api/heatmap', (_, request, reply) => this.#heatmap(request, reply))
    this.#deeds()
    this.#nights()
  }

  /** What a ward does, by the name of its login. */
  #deeds(): void {
    const { actions, recorder, takings } = this.#options
    const { post } = this.#needing('ward')
    post('/api/acknowledge', bodies.acknowledge, ({ name }, body) =>
      actions.acknowledge(body.device, body.alarm, name, body.kind)
    )
    post('/api/pause', bodies.pause, async ({ name: by }, { device: at, camera, minutes }) => {
      await actions.pause(at, camera, minutes * 60, by)
      recorder.deed({ what: 'pause', device: at, camera, by, minutes })
    })
    post('/api/resume', bodies.resume, async ({ name: by }, { device: at, camera }) => {
      await actions.resume(at, camera, by)
      recorder.deed({ what: 'resume', device: at, camera, by, minutes: null })
    })
    post('/api/reference', bodies.reference, ({ name }, { device: at, camera, zone }) =>
      takings.start(at, camera, zone, name)
    )
    post('/api/reference/remove', bodies.reference, async ({ name: by }, { device: at, camera, zone }) => {
      await actions.removeReference(at, { camera, by, ...(zone === null ? {} : { zone }) })
      takings.forget(at, camera)
      recorder.deed({ what: 'reference_removed', device: at, camera, by, minutes: null })
    })
  }

  #nights(): void {
    const { recorder } = this.#options
    const { get } = this.#needing('ward')
    get('/api/night', async (_, request, reply) => {
      const range = rangeOf(request.query)
      return range ? recorder.night(range) : refuseRequest(reply)
    })
    const files = [
      ['night', 'painlens', nightCsv],
      ['feedback', 'painlens-answers', feedbackCsv]
    ] as const
    for (const [path, name, csv] of files)
      get(`/api/${path}.csv`, async (_, request, reply) => {
        const range = rangeOf(request.query)
        if (!range) return refuseRequest(reply)
        const file = `${name}-${new Date(range.from).toISOString().slice(0, 10)}.csv`
        reply.header('content-disposition', `attachment; filename="${file}"`)
        return reply.type('text/csv; charset=utf-8').send(csv(await recorder.night(range)))
      })
  }

  #forTechnician(): void {
    const { cameras, lamps, way, finder, pictures, recorder, device } = this.#options
    const { get, post } = this.#needing('technician')
    get('/api/cameras', () => {
      const box: CamerasOfBox = { cameras: cameras(), lamps: lamps(), pictures: pictures !== null }
      return box
    })
    get('/api/way', () => ({ way: way.state() }))
    post('/api/way', bodies.look, ({ name }, { camera }) => way.start(camera, name))
    get('/api/find', () => finder.state())
    post('/api/find', bodies.find, (_, search) => finder.start(search))
    const allowed = (): Pictures => {
      if (pictures) return pictures
      throw new InputError('PL-PAGE-PICTURES', 'pictures are not shown', 'privacy.show_pictures')
    }
    post('/api/look', bodies.look, ({ name: by }, { camera }) => {
      const minutes = allowed().look(camera, by) / 60_000
      recorder.deed({ what: 'look', device, camera, by, minutes })
    })
    get('/api/picture', async ({ name }, request, reply) => {
      const { data } = bodies.look.safeParse(request.query)
      if (!data) return refuseRequest(reply)
      const { jpeg, sight } = await allowed().picture(data.camera, name)
      return reply.type('image/jpeg').header('x-sight', JSON.stringify(sight)).send(jpeg)
    })
  }

  /** Endpoints that need a session. @param least the role that is enough */
  #needing(least: Role) {
    const { log } = this.#options
    const get = (path: string, answer: (session: Session, request: FastifyRequest, reply: FastifyReply) => unknown) =>
      this.#server.get(path, async (request, reply) => {
        const session = this.#session(request, least)
        return session ? answer(session, request, reply) : this.#unknown(reply)
      })
    const post = <Body>(path: string, schema: z.ZodType<Body>, act: (session: Session, body: Body) => unknown) =>
      this.#server.post(path, async (request, reply) => {
        const session = this.#session(request, least)
        if (!session) return this.#unknown(reply)
        const { data } = schema.safeParse(request.body)
        if (!data) return refuseRequest(reply)
        // A password is not for the log.
        log.info({ path, by: session.name, ...data, password: undefined }, 'asked on the page')
        await act(session, data)
        return {}
      })
    return { get, post }
  }

  #session(request: FastifyRequest, least: Role): Session | null {
    const session = this.#sessions.open(cookieOf(request.headers.cookie, this.#cookie))
    return session && (session.role === least || session.role === 'technician') ? session : null
  }

  #unknown(reply: FastifyReply): FastifyReply {
    return refuse(reply, 401, 'PL-PAGE-SESSION', 'log in first')
  }

  #login(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { data } = bodies.login.safeParse(request.body)
    if (!data) return refuse(reply, 400, 'PL-PAGE-REQUEST', 'a token and a name of up to 40 characters are needed')
    const result = this.#logins.try(data.token, request.ip)
    if (result.role !== null) {
      const { role } = result
      const { name } = data
      this.#options.log.info({ role, by: name, address: request.ip }, 'logged in on the page')
      const sealed = this.#sessions.seal({ role, name, until: Date.now() + sessionMs })
      const answer: SessionAnswer = { role, name, device: this.#options.device }
      return this.#setCookie(reply, sealed, sessionMs / 1000).send(answer)
    }
    const retry_s = Math.ceil(result.waitMs / 1000)
    reply.header('retry-after', retry_s)
    if (!result.tried) return refuse(reply, 429, 'PL-PAGE-WAIT', 'too many wrong tokens', { retry_s })
    this.#options.log.warn({ address: request.ip }, 'a wrong token on the page')
    return refuse(reply, 401, 'PL-PAGE-TOKEN', 'no such token', { retry_s })
  }

  #setCookie(reply: FastifyReply, value: string, seconds: number): FastifyReply {
    const secure = this.#options.tls ? '; Secure' : ''
    const cookie = `${this.#cookie}=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${seconds}${secure}`
    return reply.header('set-cookie', cookie)
  }

  #watch({ until }: Session, reply: FastifyReply): FastifyReply {
    const { viewers } = this.#options
    if (viewers.full) return refuse(reply, 503, 'PL-PAGE-VIEWERS', 'too many look at the page')
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, { ...headers, 'content-type': 'text/event-stream' })
    viewers.add(raw)
    const end = setTimeout(() => raw.destroy(), until - Date.now())
    raw.on('close', () => clearTimeout(end))
    return reply
  }

  #heatmap(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { data } = z.object({ device: id, alarm: id }).safeParse(request.query)
    const picture = data && this.#options.ward.heatmap(data.device, data.alarm)
    if (!picture) return refuse(reply, 404, 'PL-PAGE-REQUEST', 'there is no such picture')
    return reply.type('image/png').send(picture)
  }

  #failed(error: unknown, reply: FastifyReply): FastifyReply {
    const { statusCode = 500 } = error as { statusCode?: number }
    if (error instanceof PainlensError) return refuse(reply, 409, error.code, error.what)
    if (statusCode < 500) return refuse(reply, statusCode, 'PL-PAGE-REQUEST', 'the request is not one of the page')
    this.#options.log.error(errorFields(error), 'a request to the page failed')
    return refuse(reply, 500, 'PL-UNEXPECTED', 'it failed, see the log')
  }
}

const refuse = (reply: FastifyReply, status: number, code: ErrorCode, error: string, more: object = {}): FastifyReply =>
  reply.code(status).send({ code, error, ...more } satisfies Refusal)

const refuseRequest = (reply: FastifyReply): FastifyReply =>
  refuse(reply, 400, 'PL-PAGE-REQUEST', 'the request is not one of the page')

/** @returns null unless it is a time of a day or less */
function rangeOf(query: unknown): NightRange | null {
  const { data } = z.object({ from: z.iso.datetime(), to: z.iso.datetime() }).safeParse(query)
  if (!data) return null
  const range = { from: Date.parse(data.from), to: Date.parse(data.to) }
  return range.from < range.to && range.to - range.from <= mostNightMs ? range : null
}

/** Browsers send `Origin` or `Sec-Fetch-Site` with a POST; a request without both is refused. */
function isOwnOrigin({ headers: { origin, 'sec-fetch-site': site }, host }: FastifyRequest): boolean {
  if (site !== undefined && site !== 'same-origin') return false
  if (origin === undefined) return site === 'same-origin'
  return URL.canParse(origin) && new URL(origin).host === host
}
