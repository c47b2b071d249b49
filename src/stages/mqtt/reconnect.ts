import { setTimeout as sleep } from 'node:timers/promises'
import { type BackoffRange, doubled, jittered } from '../../core/backoff.js'
import { LastSaid, type Log } from '../../core/log.js'
import { type ConnectTrouble, dropped, explainConnectError, type ProtocolVersion } from './connect.js'
import type { Connection } from './connection.js'

export interface ReconnectDelays extends BackoffRange {
  /** For a broker that refuses our password or certificate: it would lock us out, and its operator has to act anyway. */
  refusedMs: number
}
export const defaultDelays: ReconnectDelays = { minMs: 1000, maxMs: 30_000, refusedMs: 60_000 }

export interface ReconnectOptions {
  /** The broker's address, for logs. */
  address: string
  open(version: ProtocolVersion, signal: AbortSignal): Promise<Connection>
  /** Uses the connection until it closes. */
  serve(connection: Connection): Promise<void>
  onTrouble(trouble: ConnectTrouble): void
  /** Only this version instead of 5 and, where the broker refuses it, 4 (which is MQTT 3.1.1). */
  protocolVersion?: ProtocolVersion
  backoff: ReconnectDelays
  random?: () => number
  log: Log
}

/** A connection that lasted this long starts the backoff anew; one that breaks at once does not. */
const stableMs = 10_000

/**
 * Keeps a connection until `signal` aborts. The same trouble is said once, with what to do about it; then it is quiet
 * until something changes.
 */
export async function keepConnected(options: ReconnectOptions, signal: AbortSignal): Promise<void> {
  const { address, log, backoff } = options
  const versions = new Versions(options.protocolVersion)
  const trouble = new LastSaid<string>()
  let failures = 0
  while (!signal.aborted) {
    let waitKind: ConnectTrouble['kind'] = 'network'
    try {
      const connection = await versions.open(options.open, signal)
      const { protocolVersion, receiveMaximum } = connection
      const mqtt = protocolVersion === 5 ? '5' : '3.1.1'
      log.info({ address, mqtt, receive_maximum: receiveMaximum }, 'connected to the broker')
      trouble.isNew(null)
      const since = performance.now()
      await options.serve(connection)
      if (performance.now() - since >= stableMs) failures = 0
      const cause = await connection.closed
      const { code, what, fix } = cause === null ? dropped : explainConnectError(cause)
      if (!signal.aborted)
        log.warn({ address, code, what, fix }, 'the connection to the broker is gone; alarms wait on disk')
    } catch (error) {
      if (signal.aborted) return
      const known = explainConnectError(error)
      options.onTrouble(known)
      waitKind = known.kind
      const { code, what, fix } = known
      if (trouble.isNew(what))
        log.warn({ address, code, what, fix }, 'no connection to the broker; painlens keeps trying')
    }
    await sleep(delayMs(backoff, failures++, waitKind, options.random), undefined, { signal }).catch(() => undefined)
  }
}

/** Doubling from `minMs` to `maxMs`, jittered. */
export function delayMs(
  backoff: ReconnectDelays,
  failures: number,
  kind: ConnectTrouble['kind'],
  random = Math.random
): number {
  const refused = kind === 'auth' || kind === 'tls'
  return jittered(refused ? backoff.refusedMs : doubled(backoff, failures + 1), random)
}

/** MQTT 5 first; 3.1.1 where the broker refuses 5, and from then on, until 3.1.1 is refused in its turn. */
class Versions {
  readonly #fixed: boolean
  #version: ProtocolVersion

  constructor(only?: ProtocolVersion) {
    this.#fixed = only !== undefined
    this.#version = only ?? 5
  }

  async open(open: ReconnectOptions['open'], signal: AbortSignal): Promise<Connection> {
    try {
      return await open(this.#version, signal)
    } catch (error) {
      if (this.#fixed || signal.aborted || !mayBeVersion(error)) throw error
      this.#version = this.#version === 5 ? 4 : 5
      const connection = await open(this.#version, signal).catch((second: unknown) => {
        if (mayBeVersion(second)) this.#version = 5
        throw second
      })
      return connection
    }
  }
}

/** Some brokers answer a version they do not know with a code, some just hang up. */
function mayBeVersion(error: unknown): boolean {
  const { code } = explainConnectError(error)
  return code === 'PL-BROKER-VERSION' || code === 'PL-BROKER-HUNG-UP'
}
