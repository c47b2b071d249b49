import { readFileSync } from 'node:fs'
import type { IClientOptions } from 'mqtt'
import type { StatusMessage } from '../../contract/messages.js'
import { baseTopic, topicOf, topics } from '../../contract/topics.js'
import { BrokerError, messageOf } from '../../core/errors.js'

export { explainConnectError } from './connect-errors.js'

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
}

/** MQTT versions as people call them, and by their number on the wire. */
export const protocolVersions = { '5': 5, '3.1.1': 4 } as const
export type ProtocolName = keyof typeof protocolVersions
export type ProtocolVersion = (typeof protocolVersions)[ProtocolName]

export interface ConnectOptions extends BrokerOptions {
  device: string
  protocolVersion: ProtocolVersion
  /** Published, retained, when the connection breaks; none for a mere check. */
  will?: StatusMessage
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
  const { protocol, host, port, path, username, password } = parseBrokerUrl(options.url)
  const five = protocolVersion === 5
  const willTopic = topics.status
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
    properties: five ? { sessionExpiryInterval: options.clean ? 0 : sessionExpiryS } : undefined,
    will: will && {
      topic: topicOf(baseTopic(device), 'status'),
      payload: Buffer.from(JSON.stringify(will)),
      qos: willTopic.qos,
      retain: willTopic.retain,
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
  try {
    return readFileSync(textOrPath)
  } catch (error) {
    throw new BrokerError('PL-BROKER-FILE', `the certificate or key cannot be read (${messageOf(error)})`, 'mqtt.tls', {
      cause: error
    })
  }
}
