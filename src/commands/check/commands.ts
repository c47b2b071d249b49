import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { commandTopics, trialCommand } from '../../contract/topics.js'
import { messageOf } from '../../core/errors.js'
import type { Connection } from '../../stages/mqtt/connection.js'
import { type Finding, fail, ok, warn } from './finding.js'

export interface CommandTrial {
  connection: Connection
  /** painlens/<device> */
  base: string
  /** Whether a message with this text has come. */
  heard: (text: string) => boolean
  signal: AbortSignal
}

const what = 'commands'
const arrivalMs = 3000
const lookMs = 20

/**
 * Whether acknowledgements and pauses would reach painlens. Brokers differ: some refuse the subscription, others (mosquitto
 * by its acl_file) grant it and deliver nothing, so a command that painlens leaves alone is sent and waited for.
 */
export async function tryCommands({ connection, base, heard, signal }: CommandTrial): Promise<Finding> {
  const filter = `${base}/${commandTopics}`
  const giveRight = `Give the user the right to read ${base}/command/# at the broker; until then nobody can acknowledge or pause.`
  try {
    await connection.subscribe(filter, 1)
  } catch (error) {
    return fail(
      'PL-BROKER-NO-READ',
      what,
      `the broker does not let this user subscribe to ${filter} (${messageOf(error)})`,
      giveRight
    )
  }
  const text = JSON.stringify({ transaction: randomUUID() })
  try {
    const delivery = { qos: 1, retain: false, rank: 'other' } as const
    await connection.publish(`${base}/command/${trialCommand}`, delivery, () => ({ text }))
  } catch {
    // painlens itself sends none, so it needs no right to.
    return ok(what, `may subscribe to ${filter}; this user may send none, so none was tried`)
  }
  if (await within(arrivalMs, () => heard(text), signal)) return ok(what, `one came through on ${filter}`)
  // By MQTT 3.1.1 a broker cannot say that it did not take the message.
  if (connection.protocolVersion === 5)
    return fail('PL-BROKER-COMMAND-LOST', what, `${filter} was granted, but no command came through`, giveRight)
  return warn(
    'PL-BROKER-COMMAND-UNSURE',
    what,
    `${filter} was granted, but a command of this user did not come through`,
    giveRight
  )
}

async function within(ms: number, isSo: () => boolean, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + ms
  while (!isSo() && performance.now() < end && !signal.aborted) await sleep(lookMs)
  return isSo()
}
