import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { type PainlensError, PortInUseError, UsageError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { RtspConnection } from './rtsp-server-connection.js'
import type { RtspCredentials } from './rtsp-server-login.js'
import { type Publication, RtspPublications } from './rtsp-server-publications.js'
import { Places, QuirkyConnection, type RtspQuirks } from './rtsp-server-quirks.js'

export type { RtspCredentials } from './rtsp-server-login.js'
export type { RtspQuirks } from './rtsp-server-quirks.js'

/** The most connections that are accepted; further ones are refused. */
const maxConnections = 64

export interface RtspServerOptions {
  /** The loopback by default. */
  host?: string
  /** 0, the default, takes any free port. */
  port?: number
  /** The login that readers need; none without it. */
  credentials?: RtspCredentials
  /** Asked for each RTP packet to a reader: true loses it, as a bad line does. Nothing is lost without it. */
  loses?: () => boolean
  /** PEM texts; with them readers need rtsps://. */
  tls?: { cert: string; key: string }
  quirks?: RtspQuirks
  log: Log
}

/** A running RTSP server (RFC 2326, RTP interleaved in the TCP connection, nothing over UDP). */
export interface RtspServer {
  readonly host: string
  readonly port: number
  /** What a reader opens; holds user name and password, percent-encoded, where the server requires them. */
  url(path: string): string
  /** Gives the right to publish under `path`; `startFeed` uses it. */
  publish(path: string): Publication & { url: string }
  /** Connections open right now, feeds included. */
  connections(): number
  /** Closes every connection and the port. */
  stop(): Promise<void>
}

/** @throws PortInUseError when the port is taken or may not be listened on */
export async function startRtspServer(options: RtspServerOptions): Promise<RtspServer> {
  const { host = '127.0.0.1', port = 0, credentials, tls, quirks = {}, loses, log } = options
  const places = new Places()
  const publications = new RtspPublications()
  const open = new Map<Socket, RtspConnection>()
  const accept = (socket: Socket): void => {
    const quirky = new QuirkyConnection(quirks, places)
    const connection = new RtspConnection(socket, { publications, credentials, loses, quirky, log })
    open.set(socket, connection)
    socket.on('close', () => open.delete(socket))
    connection.start()
  }
  const server = tls ? createTlsServer(tls, accept) : createServer(accept)
  // Feeds publish without TLS, and on this machine only.
  const feeds = tls ? createServer(accept) : server
  server.maxConnections = maxConnections
  await listen(server, host, port)
  if (feeds !== server) await listen(feeds, '127.0.0.1', 0)
  const boundPort = portOf(server)
  const authority = `${host.includes(':') ? `[${host}]` : host}:${boundPort}`
  const published = feeds === server ? authority : `127.0.0.1:${portOf(feeds)}`
  const login = credentials ? `${encode(credentials.user)}:${encode(credentials.password)}@` : ''
  return {
    host,
    port: boundPort,
    url: (path) => `${tls ? 'rtsps' : 'rtsp'}://${login}${authority}${path}`,
    publish: (path) => {
      const publication = publications.open(path)
      return { ...publication, url: `rtsp://${published}${publication.secretPath}` }
    },
    connections: () => open.size,
    stop: async () => {
      places.close()
      const closed = [...new Set([server, feeds])].map((one) => new Promise((resolve) => one.close(resolve)))
      for (const connection of open.values()) connection.stop()
      await Promise.all(closed)
    }
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

/** Also encodes what encodeURIComponent leaves as it is and a shell or a URL parser may not. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      server.on('error', () => undefined)
      resolve()
    })
  })
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): PainlensError {
  const where = `RTSP server on ${host}:${port}`
  if (error.code === 'EADDRINUSE') return new PortInUseError('PL-SIMULATE-PORT', 'the port is in use', where)
  if (error.code === 'EACCES')
    return new PortInUseError('PL-SIMULATE-PORT-FORBIDDEN', 'this user may not listen there', where)
  return new UsageError('PL-SIMULATE-ADDRESS', error.message, where)
}
