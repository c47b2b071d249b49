/** A command's own connection to the broker of the config, beside that of the daemon. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/index.js'
import { stamp, systemClock } from '../core/clock.js'
import { version } from '../core/version.js'
import { brokerOptions } from '../daemon/wiring/mapping.js'
import { connectOptions, protocolVersions } from '../stages/mqtt/connect.js'
import { Connection, type OnMessage } from '../stages/mqtt/connection.js'
import { type Dialect, Dialects } from '../stages/mqtt/dialect.js'
import { SizeLimit } from '../stages/mqtt/size-limit.js'

export interface BrokerConnectionOptions {
  config: Pick<Config, 'mqtt' | 'device'>
  /** Part of the client id, which must differ from the daemon's: that would disconnect it. */
  purpose: 'check' | 'forget'
  onMessage: OnMessage
  timeoutMs: number
  signal: AbortSignal
}

/**
 * Connects as the daemon does, with a last will like the daemon's. The will is withdrawn by the goodbye. If it is published
 * all the same, a running daemon contradicts it.
 * @throws what the last attempt failed with; `explainConnectError` explains it
 */
export function connectBeside(options: BrokerConnectionOptions): Promise<Connection> {
  const { config, purpose, onMessage, timeoutMs, signal } = options
  const { protocol } = config.mqtt
  const dialects = new Dialects(protocol === 'auto' ? undefined : protocolVersions[protocol], { isTrial: true })
  const session = `${purpose}-${randomUUID()}`
  const will = { state: 'offline', session, version, at: stamp(systemClock, systemClock.now()) } as const
  const open = (dialect: Dialect) => {
    const about = { device: config.device, protocolVersion: dialect.version, clean: true, connectTimeoutMs: timeoutMs }
    const clientId = `painlens-${config.device}-${purpose}-${process.pid}`
    const willDelivery = { retain: dialect.retain, qos: dialect.qos }
    const connecting = connectOptions({ ...brokerOptions(config as Config), ...about, will, willDelivery, clientId })
    return Connection.open(connecting, onMessage, { limit: new SizeLimit(), dialect }, signal)
  }
  return dialects.open(open, signal)
}

/** The broker sends what it retains at once after the subscription; a pause of this length is taken for the end. */
const quietMs = 500
const lookMs = 20

/**
 * The retained messages of a topic filter.
 * @param heard what the connection's `onMessage` has collected: payloads by topic, retained ones only
 * @throws if the broker does not grant the subscription
 */
export async function retainedMessages(
  connection: Connection,
  filter: string,
  heard: ReadonlyMap<string, string>,
  signal: AbortSignal
): Promise<ReadonlyMap<string, string>> {
  await connection.subscribe(filter, 1, { retained: true })
  for (let quiet = 0, size = heard.size; quiet < quietMs && !signal.aborted; quiet += lookMs) {
    await sleep(lookMs)
    if (heard.size > size) [quiet, size] = [0, heard.size]
  }
  return heard
}
