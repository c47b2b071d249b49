import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../../config/index.js'
import { isThisDevice } from '../../config/url.js'
import { baseTopic, commandTopics, topicOf, trialCommand } from '../../contract/topics.js'
import { stamp, systemClock } from '../../core/clock.js'
import { messageOf } from '../../core/errors.js'
import { version } from '../../core/version.js'
import { addressOf, explainConnectError } from '../../stages/mqtt/connect.js'
import { type Connection, type OnMessage, unlimited } from '../../stages/mqtt/connection.js'
import { lacksOf } from '../../stages/mqtt/dialect.js'
import { PublishRefused } from '../../stages/mqtt/reason-codes.js'
import { connectBeside, retainedMessages } from '../broker.js'
import { type CheckContext, type CheckResult, fail, ok, warn } from './result.js'

const what = 'broker'
const patienceMs = 10_000
const goodbyeMs = 1000
/** In bytes, a little more than usual: an alarm has 0.8 to 1.5 KB, an explanation 3 KB, and with its picture up to 50 KB. */
const sizes = { alarm: 2048, explanation: 4096, withPicture: 65_536 }

/**
 * A real publish, confirmed by the broker, on painlens/<device>/check: below the topics that the daemon needs rights
 * for, and nothing that a nurse call would ring for; one as large as an alarm, whether commands come through, and last, as a broker may
 * hang up on it, one as large as an explanation.
 */
export async function checkBroker({ config, signal }: CheckContext): Promise<CheckResult[]> {
  const address = addressOf(config.mqtt.url)
  const giveUp = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
  const heard = new Set<string>()
  const retained = new Map<string, string>()
  let connection: Connection
  try {
    const onMessage: OnMessage = (topic, payload, { retain }) => {
      if (retain && payload.length > 0) retained.set(topic, payload.toString())
      heard.add(payload.toString())
    }
    connection = await connectBeside({ config, purpose: 'check', onMessage, timeoutMs: patienceMs, signal: giveUp })
  } catch (error) {
    const { code, what: found, fix, answer } = explainConnectError(error)
    return [fail(code, what, `${address}: ${found}${answer === undefined ? '' : ` (${answer})`}`, fix)]
  }
  try {
    const trial = { config, connection, signal }
    const published = (await refusedRight(trial)) ?? (await refusedAlarm(trial)) ?? confirmed(address, connection)
    if (published.state === 'fail') return [published]
    const commands = { connection, base: baseTopic(config.device), heard: (text: string) => heard.has(text), signal }
    const lacks = lacksOf(connection).map((lack) => warn(lack.code, what, lack.what, lack.fix))
    const leftovers = await findLeftovers(config, connection, retained, signal)
    const rest = [...leftovers, ...openPassword(config, address), await tryCommands(commands)]
    return [published, ...lacks, ...rest, ...(await refusedExplanation(trial))]
  } finally {
    await connection.end(goodbyeMs)
  }
}

interface Trial {
  config: Config
  connection: Connection
  signal: AbortSignal
}

const checkTopic = (device: string): string => `${baseTopic(device)}/check`

/**
 * @param bytes of its payload, at least
 * @returns what the broker did in the place of confirming it; null where it did confirm
 */
async function publish({ config, connection, signal }: Trial, bytes = 0): Promise<'late' | { why: unknown } | null> {
  const message = { at: stamp(systemClock, systemClock.now()), version }
  const text = JSON.stringify(bytes > 0 ? { ...message, padding: 'x'.repeat(bytes) } : message)
  try {
    const topic = checkTopic(config.device)
    const published = connection.publish(topic, { qos: 1, retain: false, rank: 'other' }, () => ({ text }))
    const late = sleep(patienceMs, 'late' as const, { signal, ref: false })
    return (await Promise.race([published, late])) === 'late' ? 'late' : null
  } catch (why) {
    return { why }
  }
}

async function refusedRight(trial: Trial): Promise<CheckResult | null> {
  const { mqtt, device } = trial.config
  const address = addressOf(mqtt.url)
  const refused = await publish(trial)
  if (refused === null) return null
  if (refused === 'late') return fail('PL-BROKER-UNCONFIRMED', what, `${address} does not confirm a message`)
  const found = `${address} takes no message on ${checkTopic(device)} (${explainConnectError(refused.why).what})`
  const fix = `Give the user the right to write ${baseTopic(device)}/# at the broker.`
  return fail('PL-BROKER-NO-WRITE', what, found, fix)
}

/** A small message went through: what differs is the size. */
async function refusedAlarm(trial: Trial): Promise<CheckResult | null> {
  const refused = await publish(trial, sizes.alarm)
  if (refused === null) return null
  const found = `${addressOf(trial.config.mqtt.url)} takes no message as large as an alarm may be (${reasonOf(refused, sizes.alarm)})`
  return fail('PL-BROKER-TOO-LARGE', what, found)
}

/** Alarms go out without, and painlens says so by an alarm: so it is not one of the red. */
async function refusedExplanation(trial: Trial): Promise<CheckResult[]> {
  const { explanation, privacy } = trial.config
  // Of QoS 0 nothing is answered.
  if (!explanation?.enabled || trial.connection.maximumQos === 0) return []
  const size = privacy.publish_heatmap ? sizes.withPicture : sizes.explanation
  const refused = await publish(trial, size)
  if (refused === null) return []
  const found = `it takes no message as large as an explanation may be (${reasonOf(refused, size)})`
  return [warn('PL-BROKER-TOO-LARGE', what, found)]
}

function reasonOf(refused: 'late' | { why: unknown }, size: number): string {
  if (refused === 'late') return `${size} bytes are not confirmed`
  const { why } = refused
  return why instanceof PublishRefused ? why.what : `it closes the connection on ${size} bytes`
}

/** The receive maximum, if the broker sends one (MQTT 5). */
function confirmed(address: string, { protocolVersion, receiveMaximum, maximumQos }: Connection): CheckResult {
  const did = maximumQos === 0 ? 'was sent' : 'confirmed'
  const found = `${address} ${did} a message, MQTT ${protocolVersion === 5 ? '5' : '3.1.1'}`
  if (protocolVersion !== 5 || receiveMaximum === unlimited) return ok(what, found)
  if (receiveMaximum > 1) return ok(what, `${found}, takes ${receiveMaximum} at once`)
  return warn(
    'PL-BROKER-ONE-AT-ONCE',
    what,
    `${found}, takes only 1 at once: an alarm may have to wait for another message`
  )
}

/** Cameras whose state the broker retains, and that the config does not have. */
async function findLeftovers(
  { device, cameras }: Config,
  connection: Connection,
  heard: ReadonlyMap<string, string>,
  signal: AbortSignal
): Promise<CheckResult[]> {
  const filter = topicOf(baseTopic(device), 'cameraState', '+')
  // painlens itself reads no states, so it needs no right to.
  const retained = await retainedMessages(connection, filter, heard, signal).catch(() => new Map<string, string>())
  const known = new Set(cameras?.map(({ id }) => topicOf(baseTopic(device), 'cameraState', id)))
  const left = [...retained.keys()].filter((topic) => !known.has(topic))
  if (left.length === 0) return []
  return [warn('PL-BROKER-LEFTOVER', what, `the broker retains states of other cameras: ${left.join(', ')}`)]
}

function openPassword({ mqtt }: Config, address: string): CheckResult[] {
  const { hostname, password } = new URL(mqtt.url)
  const isOpen = address.startsWith('mqtt://') && Boolean(mqtt.password || password)
  if (!isOpen || isThisDevice(hostname)) return []
  return [warn('PL-BROKER-OPEN-PASSWORD', what, 'the password goes over the network unencrypted')]
}

export interface CommandTrial {
  connection: Connection
  /** painlens/<device> */
  base: string
  /** Whether a message with this text has come. */
  heard: (text: string) => boolean
  signal: AbortSignal
}

const commandsLamp = 'commands'
const arrivalMs = 3000
const lookMs = 20

/**
 * Whether acknowledgements and pauses would reach painlens. Brokers differ: some refuse the subscription, others (mosquitto
 * by its acl_file) grant it and deliver nothing, so a command that painlens leaves alone is sent and waited for.
 */
async function tryCommands({ connection, base, heard, signal }: CommandTrial): Promise<CheckResult> {
  const filter = `${base}/${commandTopics}`
  const giveRight = `Give the user the right to read ${base}/command/# at the broker; until then acknowledgements and pauses do not arrive.`
  try {
    await connection.subscribe(filter, 1)
  } catch (error) {
    return fail(
      'PL-BROKER-NO-READ',
      commandsLamp,
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
    return ok(commandsLamp, `may subscribe to ${filter}; this user may send none, so none was tried`)
  }
  if (await within(arrivalMs, () => heard(text), signal)) return ok(commandsLamp, `one came through on ${filter}`)
  // By MQTT 3.1.1 a broker cannot say that it did not take the message.
  if (connection.protocolVersion === 5)
    return fail('PL-BROKER-COMMAND-LOST', commandsLamp, `${filter} was granted, but no command came through`, giveRight)
  return warn(
    'PL-BROKER-COMMAND-UNSURE',
    commandsLamp,
    `${filter} was granted, but a command of this user did not come through`,
    giveRight
  )
}

async function within(ms: number, isSo: () => boolean, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + ms
  while (!isSo() && performance.now() < end && !signal.aborted) await sleep(lookMs)
  return isSo()
}
