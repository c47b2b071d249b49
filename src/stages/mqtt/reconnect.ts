import { setTimeout as sleep } from 'node:timers/promises'
import { type BackoffRange, doubled, jittered } from '../../core/backoff.js'
import { LastSaid, type Log } from '../../core/log.js'
import { type ConnectTrouble, explainConnectError, explainEnd, type ProtocolVersion } from './connect.js'
import type { Connection } from './connection.js'
import { Dialects, lacksOf, type OpenDialect } from './dialect.js'

export interface ReconnectDelays extends BackoffRange {
  /** For a broker that refuses our password or certificate: it would lock us out, and its operator has to act anyway. */
  refusedMs: number
}
export const defaultDelays: ReconnectDelays = { minMs: 1000, maxMs: 30_000, refusedMs: 60_000 }

export interface ReconnectOptions {
  /** The broker's address, for logs. */
  address: string
  open: OpenDialect
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
/** So often in a row a broker that hangs up on a size is connected to again at once. */
const blamesAtOnce = 5

/**
 * Keeps a connection until `signal` aborts. The same trouble is said once, with what to do about it; then it is quiet
 * until something changes.
 */
export async function keepConnected(options: ReconnectOptions, signal: AbortSignal): Promise<void> {
  const { address, log, backoff } = options
  const dialects = new Dialects(options.protocolVersion)
  const trouble = new LastSaid<string>()
  const lacks = new LastSaid<string>()
  let failures = 0
  let blames = 0
  while (!signal.aborted) {
    let waitKind: ConnectTrouble['kind'] | 'size' = 'network'
    try {
      const connection = await dialects.open(options.open, signal)
      trouble.isNew(null)
      sayConnected(connection, options, lacks)
      const { isStable, blamesSize } = await serveUntilClosed(connection, options, signal)
      if (isStable) failures = blames = 0
      // It is known now which size not to send, and alarms should not wait for that.
      if (blamesSize && ++blames <= blamesAtOnce) waitKind = 'size'
    } catch (error) {
      if (signal.aborted) return
      const known = explainConnectError(error)
      options.onTrouble(known)
      waitKind = known.kind
      const { code, what, fix, answer } = known
      if (trouble.isNew(what))
        log.warn({ address, code, what, fix, answer }, 'no connection to the broker; painlens keeps trying')
    }
    const delay = waitKind === 'size' ? 0 : delayMs(backoff, failures++, waitKind, options.random)
    await sleep(delay, undefined, { signal }).catch(() => undefined)
  }
}

function sayConnected(connection: Connection, { address, log }: ReconnectOptions, said: LastSaid<string>): void {
  const { protocolVersion, receiveMaximum } = connection
  const mqtt = protocolVersion === 5 ? '5' : '3.1.1'
  log.info({ address, mqtt, receive_maximum: receiveMaximum }, 'connected to the broker')
  const lacks = lacksOf(connection)
  if (!said.isNew(lacks.map(({ code }) => code).join(' ') || null)) return
  for (const lack of lacks) log.warn({ address, ...lack }, 'painlens does without')
}

async function serveUntilClosed(
  connection: Connection,
  { address, log, serve }: ReconnectOptions,
  signal: AbortSignal
) {
  const since = performance.now()
  await serve(connection)
  const isStable = performance.now() - since >= stableMs
  const cause = await connection.closed
  const { code, what, fix, answer } = explainEnd(cause, connection.blamesSize)
  if (!signal.aborted)
    log.warn({ address, code, what, fix, answer }, 'the connection to the broker is gone; alarms wait on disk')
  return { isStable, blamesSize: connection.blamesSize }
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

/** Waits until `done` or for `ms`, whichever comes first. */
export async function until(done: () => boolean, ms: number): Promise<void> {
  const end = performance.now() + ms
  while (!done() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
}
