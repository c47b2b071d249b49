/** `painlens forget DEVICE`: removes what the broker retains of a device that is no more. */
import { openConfig } from '../../config/index.js'
import { discoveryTopic } from '../../contract/home-assistant.js'
import { baseTopic, topicOf } from '../../contract/topics.js'
import { BrokerError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { explainConnectError } from '../../stages/mqtt/connect.js'
import { connectBeside, retainedMessages } from '../broker.js'

export interface ForgetOptions {
  /** The device's name, as its config has or had it. */
  device: string
  config: string | undefined
}

const timeoutMs = 10_000
const goodbyeMs = 1000

/**
 * Takes the retained messages below painlens/DEVICE, and its announcement for Home Assistant, away from the broker of the
 * config, and names each.
 * @returns 0, also where there are none
 * @throws {BrokerError} if the broker cannot be used, refuses, or retains that the device is online
 */
export async function forgetCommand(
  { device, config: file }: ForgetOptions,
  signal: AbortSignal,
  write: Write = toStdout
): Promise<number> {
  const { config } = await openConfig(file)
  const base = baseTopic(device)
  const heard = new Map<string, string>()
  const onMessage = (topic: string, payload: Buffer, { retain }: { retain: boolean }) => {
    if (retain && payload.length > 0) heard.set(topic, payload.toString())
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

const isOnline = (status: string | undefined): boolean => /"state"\s*:\s*"online"/.test(status ?? '')
