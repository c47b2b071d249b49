/** `painlens forget DEVICE`: removes what the broker retains of a device that is no more. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeviceName, openConfig } from '../../config/index.js'
import { discoveryTopic } from '../../contract/home-assistant.js'
import { baseTopic, topicOf, trialCommand } from '../../contract/topics.js'
import { BrokerError, UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { explainConnectError } from '../../stages/mqtt/connect.js'
import type { Connection } from '../../stages/mqtt/connection.js'
import { PublishRefused } from '../../stages/mqtt/reason-codes.js'
import { connectBeside, retainedMessages } from '../broker.js'

export interface ForgetOptions {
  /** The device's name, as its config has or had it. */
  device: string
  config: string | undefined
}

const timeoutMs = 10_000
const goodbyeMs = 1000
/** Within which the trial comes back; brokers send it at once. */
const echoMs = 2000
const lookMs = 20

/**
 * Takes the retained messages below painlens/DEVICE, and its announcement for Home Assistant, away from the broker of the
 * config, and names each.
 * @returns 0, also where there are none
 * @throws {BrokerError} if the broker cannot be used, refuses, retains that the device is online, or shows nothing of it to
 *   this user
 * @throws {UsageError} if the name is no device's: a wildcard would take the states of all devices away
 */
export async function forgetCommand(
  { device, config: file }: ForgetOptions,
  signal: AbortSignal,
  write: Write = toStdout
): Promise<number> {
  if (!isDeviceName(device))
    throw new UsageError('PL-FORGET-DEVICE', `${JSON.stringify(printable(device))} is no name of a device`, 'DEVICE')
  const { config } = await openConfig(file)
  const base = baseTopic(device)
  const heard = new Map<string, string>()
  const passing = new Set<string>()
  const onMessage = (topic: string, payload: Buffer, { retain }: { retain: boolean }) => {
    if (!retain) passing.add(payload.toString())
    else if (payload.length > 0) heard.set(topic, payload.toString())
  }
  const giveUp = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const options = { config, purpose: 'forget', onMessage, timeoutMs, signal: giveUp } as const
  const connection = await connectBeside(options).catch((error: unknown) => {
    const { code, what, fix } = explainConnectError(error)
    throw new BrokerError(code, what, 'mqtt.url', { fix, cause: error })
  })
  try {
    // Not every user has the right to that.
    const discovery = discoveryTopic(config.mqtt.home_assistant.prefix, device)
    await retainedMessages(connection, discovery, heard, giveUp).catch(() => undefined)
    const retained = await retainedMessages(connection, `${base}/#`, heard, giveUp)
    if (isOnline(retained.get(topicOf(base, 'status'))))
      throw new BrokerError('PL-BROKER-DEVICE-ONLINE', `the device ${JSON.stringify(device)} is online`, base)
    if (retained.size === 0) await requireSight(connection, base, passing)
    for (const topic of retained.keys()) {
      await connection.publish(topic, { qos: 1, retain: true, rank: 'other' }, () => ({ text: '' }))
      write(`removed ${printable(topic)}\n`)
    }
    write(retained.size === 0 ? `the broker retains nothing below ${base}\n` : `${retained.size} in all\n`)
    return 0
  } finally {
    await connection.end(goodbyeMs)
  }
}

/**
 * Without the right to read, mosquitto grants the subscription and delivers nothing, which looks as if nothing were there.
 * @param passing what comes that is not retained
 */
async function requireSight(connection: Connection, base: string, passing: ReadonlySet<string>): Promise<void> {
  const trial = randomUUID()
  const hidden = () =>
    new BrokerError(
      'PL-BROKER-HIDDEN',
      'this user may not read and write here, so it cannot tell or remove anything',
      base
    )
  await connection
    .publish(`${base}/${trialCommand}`, { qos: 1, retain: false, rank: 'other' }, () => ({ text: trial }))
    .catch((error: unknown) => {
      throw error instanceof PublishRefused ? hidden() : error
    })
  for (let waited = 0; !passing.has(trial); waited += lookMs) {
    if (waited >= echoMs) throw hidden()
    await sleep(lookMs)
  }
}

const isOnline = (status: string | undefined): boolean => /"state"\s*:\s*"online"/.test(status ?? '')
