import { connectAsync, type MqttClient } from 'mqtt'
import { expect, onTestFinished } from 'vitest'
import type {
  AcknowledgementMessage,
  AlarmMessage,
  CameraPainMessage,
  CameraReferenceMessage,
  CameraStateMessage,
  ExplanationMessage,
  HealthMessage,
  ResponseMessage
} from '../../src/contract/messages.js'
import { holdToContract } from './contract.js'
import { until } from './slowness.js'

export interface Told {
  topic: string
  /** Null where a retained message was taken away. */
  json: object | null
}

/**
 * A subscriber who hears all of a device's messages but observations, newest last, and gives commands. What breaks the
 * contract fails the test. Gone when the test is over.
 */
export class Nurse {
  readonly told: Told[] = []
  readonly #base: string
  readonly #client: MqttClient
  #transactions = 0

  private constructor(client: MqttClient, base: string) {
    this.#client = client
    this.#base = base
    client.on('error', () => undefined)
    client.on('message', (topic, bytes) => {
      const json = bytes.length > 0 ? (JSON.parse(bytes.toString()) as object) : null
      this.told.push({ topic: topic.slice(base.length + 1), json })
    })
  }

  /** The broker keeps her session, so that she misses nothing while it is started anew. */
  static async listen(url: string, device: string): Promise<Nurse> {
    const session = { clean: false, clientId: `nurse-${Math.random()}`, properties: { sessionExpiryInterval: 300 } }
    const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 50, ...session })
    onTestFinished(() => client.endAsync(true))
    const base = `painlens/${device}`
    holdToContract(client)
    const nurse = new Nurse(client, base)
    for (const topic of [
      'status',
      'health',
      'camera/+/state',
      'camera/+/pain',
      'camera/+/reference',
      'alarm',
      'acknowledgement',
      'explanation',
      'response/+'
    ])
      await client.subscribeAsync(`${base}/${topic}`, { qos: 1 })
    return nurse
  }

  alarms(): AlarmMessage[] {
    return this.of<AlarmMessage>('alarm')
  }

  /** Each once: what a killed painlens had published and not yet seen confirmed is published again (QoS 1). */
  acknowledgements(): AcknowledgementMessage[] {
    const all = this.of<AcknowledgementMessage>('acknowledgement')
    return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()]
  }

  explanations(): ExplanationMessage[] {
    return this.of<ExplanationMessage>('explanation')
  }

  health(): HealthMessage[] {
    return this.of<HealthMessage>('health')
  }

  states(camera: string): (CameraStateMessage | null)[] {
    return this.of<CameraStateMessage | null>(`camera/${camera}/state`)
  }

  pain(camera: string): (CameraPainMessage | null)[] {
    return this.of<CameraPainMessage | null>(`camera/${camera}/pain`)
  }

  references(camera: string): (CameraReferenceMessage | null)[] {
    return this.of<CameraReferenceMessage | null>(`camera/${camera}/reference`)
  }

  alarm(condition: string, phase: AlarmMessage['phase'], ms?: number): Promise<AlarmMessage> {
    const find = () => this.alarms().find((alarm) => alarm.condition === condition && alarm.phase === phase)
    return until(find, `${phase} of ${condition}`, ms)
  }

  state(camera: string, state: CameraStateMessage['state'], ms?: number): Promise<CameraStateMessage> {
    return until(() => this.states(camera).findLast((told) => told?.state === state), `${camera} ${state}`, ms)
  }

  send(name: string, payload: string): Promise<unknown> {
    return this.#client.publishAsync(`${this.#base}/command/${name}`, payload, { qos: 1 })
  }

  /** Gives a command and waits for its answer. */
  async command(name: string, args: object): Promise<ResponseMessage> {
    const transaction = ++this.#transactions
    await this.send(name, JSON.stringify({ ...args, transaction }))
    const answered = () => {
      const answers = this.of<ResponseMessage>(`response/${name}`)
      return answers.find((answer) => answer.transaction === transaction)
    }
    return until(answered, `the answer to ${name}`)
  }

  private of<Message>(wanted: string): Message[] {
    return this.told.filter(({ topic }) => topic === wanted).map(({ json }) => json as Message)
  }

  /** Forgets what she has heard. */
  forget(): void {
    this.told.length = 0
  }
}

/** Each alarm is one start, updates and at most one end, numbered without a gap; what came twice counts once. */
export function expectWhole(alarms: readonly AlarmMessage[]): void {
  const byId = new Map<string, Map<number, AlarmMessage>>()
  for (const alarm of alarms) {
    const known = byId.get(alarm.alarm_id) ?? new Map<number, AlarmMessage>()
    byId.set(alarm.alarm_id, known.set(alarm.seq, alarm))
  }
  for (const messages of byId.values()) {
    expect([...messages.keys()]).toEqual([...messages.keys()].map((_, index) => index))
    expect([...messages.values()].filter(({ phase }) => phase === 'start')).toHaveLength(1)
    expect([...messages.values()].slice(0, -1).every(({ phase }) => phase !== 'end')).toBe(true)
  }
}
