/** Liveness, readiness and metrics over HTTP, for monitoring. No pictures and no scores of residents. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { limitConnections, limitPipelines } from '../../core/connection-limit.js'
import { type ErrorCode, errorFields, messageOf, PainlensError, PortInUseError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { requirePackage } from '../../core/packages.js'
import { type ListenerStats, PersistentListener } from '../../core/persistent-listener.js'

/** Why a part prevents liveness or readiness. */
export interface Report {
  ok: boolean
  parts: readonly { part: string; why: string; code: ErrorCode | null }[]
}

export interface HttpOptions {
  /** An address of this machine; port 0 is any free one. */
  host: string
  port: number
  /** The bearer token (RFC 6750) that requests need, if given. */
  token?: string
  live: () => Report
  ready: () => Report
  /** Prometheus's text format, and its media type. */
  metrics: () => Promise<{ type: string; text: string }>
  log: Log
  /** Interval of retries while the port is in use; 30 s unless given. */
  retryMs?: number
  /** Within which a request has to be complete; 5 s unless given. */
  requestMs?: number
}

export interface HttpStage {
  stats(): ListenerStats
  /** Closes the port and every connection. */
  stop(): Promise<void>
}

/** Limits of requests, in ms and bytes; monitoring sends a line and a few headers, and waits for the answer. */
const bounds = {
  bodyBytes: 1024,
  headerBytes: 8192,
  requestMs: 5000,
  connections: 32,
  requestsOfOne: 100,
  unanswered: 8
}
/** How often unfinished requests are looked for; Node.js's own 30 s would let each of them stay for so long. */
const checkMs = 1000

/**
 * Resolves after the first try to listen. If the port is not available, that is logged, shown in `stats`, and retried.
 */
export async function startHttp(options: HttpOptions): Promise<HttpStage> {
  const { host, port, log, retryMs } = options
  const listener = new PersistentListener({
    create: () => createServer(options),
    listen: (server) => server.listen({ host, port }),
    explain: (error) => listenError(host, port, error),
    onListening: (address) => log.info({ address }, 'live, ready and metrics are served'),
    onProblem: (problem) => log.error(errorFields(problem), 'HTTP endpoints unavailable; alarms are not affected'),
    retryMs
  })
  await listener.start()
  return listener
}

function createServer(options: HttpOptions): FastifyInstance {
  const { token, live, ready, metrics, log, requestMs = bounds.requestMs } = options
  // Only where the port is served, and behind the start of the cameras.
  const { fastify } = requirePackage('fastify')
  const server = fastify({
    logger: false,
    bodyLimit: bounds.bodyBytes,
    requestTimeout: requestMs,
    connectionTimeout: requestMs,
    keepAliveTimeout: requestMs,
    maxRequestsPerSocket: bounds.requestsOfOne,
    forceCloseConnections: true,
    http: {
      maxHeaderSize: bounds.headerBytes,
      headersTimeout: requestMs,
      connectionsCheckingInterval: Math.min(checkMs, requestMs)
    }
  })
  limitConnections(server.server, bounds.connections)
  limitPipelines(server, bounds.unanswered)
  askForToken(server, token)
  for (const [path, report] of Object.entries({ '/live': live, '/ready': ready }))
    server.get(path, async (_, reply) => {
      const { ok, parts } = report()
      return reply.code(ok ? 200 : 503).send({ ok, parts })
    })
  const readMetrics = shared(metrics)
  server.get('/metrics', async (_, reply) => {
    const { type, text } = await readMetrics()
    return reply.type(type).send(text)
  })
  answerErrors(server, log)
  return server
}

/** Of every request, where there is one. */
function askForToken(server: FastifyInstance, token: string | undefined): void {
  server.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
    if (token === undefined || isSame(bearerOf(request.headers.authorization), token)) return undefined
    return reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .send(answer('PL-HTTP-TOKEN', 'a bearer token is needed'))
  })
}

function answerErrors(server: FastifyInstance, log: Log): void {
  server.setNotFoundHandler((_, reply) =>
    reply.code(404).send(answer('PL-HTTP-PATH', 'there are /live, /ready and /metrics'))
  )
  server.setErrorHandler((error, _, reply) => {
    const { statusCode = 500 } = error as { statusCode?: number }
    if (statusCode >= 500)
      log.error({ code: 'PL-HTTP-FAILED' satisfies ErrorCode, error: messageOf(error) }, 'an HTTP request failed')
    const [code, what] =
      statusCode >= 500
        ? (['PL-HTTP-FAILED', 'it failed, see the log'] as const)
        : (['PL-HTTP-REQUEST', 'no such request'] as const)
    return reply.code(statusCode).send(answer(code, what))
  })
}

/** Requests that come while an answer is being made get that one: making it takes milliseconds. */
function shared<T>(make: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null
  return () => {
    underWay ??= make().finally(() => {
      underWay = null
    })
    return underWay
  }
}

const answer = (code: ErrorCode, error: string): { code: ErrorCode; error: string } => ({ code, error })

/** Why the port cannot be listened on. */
export function listenError(host: string, port: number, error: unknown): PainlensError {
  const where = `http on ${host}:${port}`
  if (error instanceof PainlensError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return new PortInUseError('PL-HTTP-PORT', 'the port is in use', where)
  if (code === 'EADDRNOTAVAIL') return new PainlensError('PL-HTTP-ADDRESS', 'this machine has no such address', where)
  return new PainlensError('PL-HTTP-LISTEN', `cannot listen (${messageOf(error)})`, where)
}

/** The token of `Authorization: Bearer …` (RFC 6750), or an empty string. */
export function bearerOf(header: string | undefined): string {
  return /^bearer +(\S+) *$/i.exec(header ?? '')?.[1] ?? ''
}

/** Compares in constant time, independent of the lengths and the first difference. */
function isSame(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token))
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
