import { readFileSync, statSync } from 'node:fs'
import type { IClientOptions } from 'mqtt'
import type { StatusMessage } from '../../contract/messages.js'
import { baseTopic, topicOf, topics } from '../../contract/topics.js'
import { type ErrorCode, fixOf } from '../../core/error-codes/index.js'
import { BrokerError, messageOf, PainlensError } from '../../core/errors.js'
import { maximumPacketSize } from './incoming-limit.js'
import { codeInWords } from './reason-codes.js'

export interface BrokerOptions {
  /** mqtt://host[:1883], mqtts://host[:8883], ws:// or wss:// with a path; credentials in it count unless given apart. */
  url: string
  username?: string
  password?: string
  /** Each a PEM text or the path of a PEM file. `ca` beside the system's authorities is not wanted: it replaces them. */
  tls?: {
    ca?: string
    cert?: string
    key?: string
    /** The name in the broker's certificate, where the URL has an address. */
    serverName?: string
  }
  /** `painlens-<device>` by default. A check takes another one, or it would throw the running daemon out. */
  clientId?: string
  keepaliveS?: number
  /** How long the broker keeps commands for us while we are away. */
  sessionExpiryS?: number
  /** How long the broker waits before it says that we are offline; a short break in the network is no news. MQTT 5 only. */
  willDelayS?: number
  connectTimeoutMs?: number
  /** The largest packet that is taken; one of a command's size unless given. */
  incomingBytes?: number
}

/** MQTT versions as people call them, and by their number on the wire. */
export const protocolVersions = { '5': 5, '3.1.1': 4 } as const
export type ProtocolName = keyof typeof protocolVersions
export type ProtocolVersion = (typeof protocolVersions)[ProtocolName]

export interface ConnectOptions extends BrokerOptions {
  device: string
  protocolVersion: ProtocolVersion
  /** Published when the connection breaks. */
  will?: StatusMessage
  /** What of the contract's table the broker can do; all unless given. */
  willDelivery?: { retain: boolean; qos: 0 | 1 }
  /** True for a check, which must not leave a session behind. */
  clean?: boolean
}

/** What goes with every JSON message to an MQTT 5 broker. */
export const jsonProperties = { payloadFormatIndicator: true, contentType: 'application/json' } as const

/**
 * mqtt.js's options, each set on purpose, because its defaults are made for telemetry and not for alarms: it would speak
 * 3.1.1, drop the session, and reconnect every second by itself. Here one client is one connection (`reconnectPeriod: 0`):
 * the reconnect loop is ours, and unconfirmed messages live in the outbox, not in mqtt.js's memory.
 * @throws {BrokerError} for a URL or a certificate file that cannot be used
 */
export function connectOptions(options: ConnectOptions): IClientOptions {
  const { device, will, protocolVersion, tls = {}, keepaliveS = 30, sessionExpiryS = 3600, willDelayS = 5 } = options
  const { incomingBytes = maximumPacketSize } = options
  const { protocol, host, port, path, username, password } = parseBrokerUrl(options.url)
  const five = protocolVersion === 5
  const { qos, retain } = options.willDelivery ?? topics.status
  return {
    protocol,
    host,
    port,
    ...(path === undefined ? {} : { path }),
    protocolVersion,
    username: options.username ?? username,
    password: options.password ?? password,
    clientId: options.clientId ?? `painlens-${device}`,
    clean: options.clean ?? false,
    keepalive: keepaliveS,
    reschedulePings: true,
    connectTimeout: options.connectTimeoutMs ?? 10_000,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: 'native',
    properties: five
      ? { sessionExpiryInterval: options.clean ? 0 : sessionExpiryS, maximumPacketSize: incomingBytes }
      : undefined,
    will: will && {
      topic: topicOf(baseTopic(device), 'status'),
      payload: Buffer.from(JSON.stringify(will)),
      qos,
      retain,
      properties: five ? { ...jsonProperties, willDelayInterval: willDelayS } : undefined
    },
    ...(protocol === 'mqtts' || protocol === 'wss' ? tlsOptions(tls) : {})
  }
}

function tlsOptions({ ca, cert, key, serverName }: NonNullable<BrokerOptions['tls']>): IClientOptions {
  const options = { ca: pem(ca), cert: pem(cert), key: pem(key), rejectUnauthorized: true }
  return serverName === undefined ? options : { ...options, servername: serverName }
}

/** The ports that are meant where a URL names none, by scheme. */
const ports = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const
type Protocol = keyof typeof ports
export const brokerSchemes = Object.keys(ports) as Protocol[]

/** @throws {BrokerError} for anything but a URL of one of the four protocols, with a host */
function parseBrokerUrl(text: string) {
  const wrong = (what: string) => new BrokerError('PL-BROKER-URL', what, 'mqtt.url')
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw wrong('not a URL')
  }
  const protocol = url.protocol.slice(0, -1) as Protocol
  if (!Object.hasOwn(ports, protocol)) throw wrong(`${JSON.stringify(url.protocol)} is not supported`)
  if (url.hostname === '') throw wrong('no host')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = url.port === '' ? ports[protocol] : Number(url.port)
  const path = protocol.startsWith('ws') ? `${url.pathname}${url.search}` : undefined
  return { protocol, host, port, path, username: part(url.username), password: part(url.password) } as const
}

/** The broker's address without credentials, for logs. */
export function addressOf(url: string): string {
  const { protocol, host, port } = parseBrokerUrl(url)
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function part(encoded: string): string | undefined {
  if (encoded === '') return undefined
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}

/** Read again for each connection, so that a renewed certificate counts without a restart. */
function pem(textOrPath: string | undefined): string | Buffer | undefined {
  if (textOrPath === undefined || textOrPath.includes('-----BEGIN')) return textOrPath
  const unreadable = (why: string, cause?: unknown): BrokerError =>
    new BrokerError('PL-BROKER-FILE', `the certificate or key cannot be read (${why})`, 'mqtt.tls', { cause })
  try {
    // A pipe without a writer would hold up the whole process, even against SIGTERM.
    if (statSync(textOrPath).isFile()) return readFileSync(textOrPath)
  } catch (error) {
    throw unreadable(messageOf(error), error)
  }
  throw unreadable(`${textOrPath} is no regular file`)
}

export interface ConnectTrouble {
  /** `network`: may pass by itself; `auth` and `tls`: a setting has to be changed; `version`: try the other protocol version. */
  kind: 'network' | 'auth' | 'tls' | 'version' | 'broker'
  code: ErrorCode
  what: string
  fix: string
  /** What the broker has answered, by its name in the standard: `0x86 Bad User Name or Password`. */
  answer?: string
}

const trouble = (kind: ConnectTrouble['kind'], code: ErrorCode, what: string): ConnectTrouble => ({
  kind,
  code,
  what,
  fix: fixOf(code)
})

const version = trouble('version', 'PL-BROKER-VERSION', 'the broker does not speak this MQTT version')
const clientId = trouble('auth', 'PL-BROKER-CLIENT-ID', 'the broker refuses the client id')
const busy = trouble('broker', 'PL-BROKER-BUSY', 'the broker is busy or shutting down')
const wrongPassword = trouble('auth', 'PL-BROKER-LOGIN', 'the broker refuses user name or password')
const banned = trouble('auth', 'PL-BROKER-BANNED', 'the broker has banned this client')
/** Without a reason given, as many a broker does when a second client comes with our client id. */
const dropped = trouble('network', 'PL-BROKER-DROPPED', 'the broker closed the connection')
const unanswered = trouble('network', 'PL-BROKER-KEEPALIVE', 'the broker does not answer pings')
const tooLarge = trouble('broker', 'PL-BROKER-TOO-LARGE', 'the broker got a larger packet than it takes')
const plain = trouble('tls', 'PL-BROKER-NO-TLS', 'the broker does not speak TLS on this port')
const untrusted = trouble('tls', 'PL-BROKER-UNTRUSTED', 'the broker’s certificate is not signed by a trusted authority')
const clientCertificate = trouble('tls', 'PL-BROKER-CLIENT-CERT', 'the broker does not accept our client certificate')

/** By the system's, OpenSSL's or MQTT's code (3.1.1: 1 to 5; MQTT 5: from 128). */
const troubles: Record<string, ConnectTrouble> = {
  ECONNREFUSED: trouble('network', 'PL-BROKER-REFUSED', 'nothing listens there'),
  ENOTFOUND: trouble('network', 'PL-BROKER-HOST', 'there is no host of this name'),
  EAI_AGAIN: trouble('network', 'PL-BROKER-NAME-SERVICE', 'the name service does not answer'),
  EHOSTUNREACH: trouble('network', 'PL-BROKER-UNREACHABLE', 'the host cannot be reached'),
  ENETUNREACH: trouble('network', 'PL-BROKER-NO-NETWORK', 'the network cannot be reached'),
  ETIMEDOUT: trouble('network', 'PL-BROKER-TIMEOUT', 'the host does not answer'),
  ECONNRESET: trouble('network', 'PL-BROKER-CLOSED', 'the broker closed the connection'),
  EPIPE: trouble('network', 'PL-BROKER-CLOSED', 'the broker closed the connection'),
  1: version,
  132: version,
  2: clientId,
  133: clientId,
  3: busy,
  136: busy,
  137: busy,
  4: wrongPassword,
  134: wrongPassword,
  5: wrongPassword,
  135: wrongPassword,
  154: trouble('broker', 'PL-BROKER-NO-RETAIN', 'the broker keeps no retained messages'),
  155: trouble('broker', 'PL-BROKER-NO-QOS', 'the broker takes messages of QoS 0 only'),
  138: banned,
  139: busy,
  141: trouble('network', 'PL-BROKER-KEEPALIVE', 'the broker has not received anything from painlens for too long'),
  149: tooLarge,
  147: trouble('broker', 'PL-BROKER-RECEIVE-MAXIMUM', 'the broker got more messages at once than it takes'),
  142: trouble('broker', 'PL-BROKER-TAKEN-OVER', 'another client took over our client id'),
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  CERT_SIGNATURE_FAILURE: untrusted,
  CERT_HAS_EXPIRED: trouble('tls', 'PL-BROKER-CERT-EXPIRED', 'the broker’s certificate has expired'),
  CERT_NOT_YET_VALID: trouble('tls', 'PL-BROKER-CERT-EARLY', 'the broker’s certificate is not valid yet'),
  ERR_TLS_CERT_ALTNAME_INVALID: trouble(
    'tls',
    'PL-BROKER-CERT-NAME',
    'the broker’s certificate is for another host name'
  ),
  EPROTO: plain,
  ERR_SSL_WRONG_VERSION_NUMBER: plain,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: plain,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: clientCertificate,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: clientCertificate,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: clientCertificate,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: clientCertificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: clientCertificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: clientCertificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: trouble(
    'tls',
    'PL-BROKER-CLIENT-CERT-EXPIRED',
    'the broker says that our client certificate has expired'
  )
}

/** What the broker does to a client that it does not like, or that speaks TLS to a plain port or the other way round. */
export const hungUpEarly = 'the broker closed the connection before it answered'
const noWebSocket = trouble('network', 'PL-BROKER-NO-WEBSOCKET', 'no MQTT over WebSocket is served there')
const silent = trouble('network', 'PL-BROKER-SILENT', 'the broker does not answer')

/** What went wrong with a connection to the broker, and what to do; for a log line, or a row of `painlens check`. */
export function explainConnectError(error: unknown): ConnectTrouble {
  if (error instanceof PainlensError) return { kind: 'network', code: error.code, what: error.what, fix: error.fix }
  const { code } = (error ?? {}) as { code?: string | number }
  const answer = codeInWords(code)
  const known = code === undefined ? undefined : troubles[code]
  if (known) return answer === null ? known : { ...known, answer }
  if (answer !== null) return { ...trouble('broker', 'PL-BROKER-OTHER', `the broker answers ${answer}`), answer }
  const text = messageOf(error)
  if (/keepalive timeout/i.test(text)) return unanswered
  if (/connack timeout/i.test(text)) return silent
  if (/socket hang up/i.test(text)) return trouble('network', 'PL-BROKER-HUNG-UP', hungUpEarly)
  if (/unexpected server response/i.test(text)) return noWebSocket
  if (String(code).startsWith('ERR_SSL') || String(code).startsWith('ERR_TLS')) {
    return trouble('tls', 'PL-BROKER-TLS', `TLS fails (${text})`)
  }
  return trouble('broker', 'PL-BROKER-OTHER', `the broker cannot be used (${text})`)
}

/**
 * As `explainConnectError`, for a connection that had worked: no port or scheme can be wrong then.
 * @param cause null where none is known
 * @param blamesSize it ended right after a packet that was larger than all before it
 */
export function explainEnd(cause: unknown, blamesSize: boolean): ConnectTrouble {
  const { code } = (cause ?? {}) as { code?: unknown }
  const isHangUp = cause === null || code === 0 || code === 'ECONNRESET' || code === 'EPIPE'
  if (!isHangUp) return explainConnectError(cause)
  return blamesSize ? { ...tooLarge, what: 'the broker closed the connection right after a large packet' } : dropped
}
