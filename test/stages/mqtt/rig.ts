import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import type {
  AcknowledgementMessage,
  AlarmMessage,
  AlarmPhase,
  ExplanationMessage,
  HealthMessage
} from '../../../src/contract/messages.js'
import { type Log, silentLog } from '../../../src/core/log.js'
import { Secrets } from '../../../src/core/secrets.js'
import { type Mqtt, type MqttOptions, type MqttRequests, startMqtt } from '../../../src/stages/mqtt/index.js'
import { type Outbox, openOutbox } from '../../../src/stages/outbox/index.js'
import { holdToContract } from '../../support/contract.js'
import { clockOf } from '../../support/moments.js'

export const base = 'painlens/test'
const model = { name: 'm', sha256: 'f00d'.repeat(16), demonstration: false }

export const health: HealthMessage = {
  at: '2026-01-01T00:00:00.000Z',
  uptime_s: 1,
  cameras: {},
  active_alarms: 0,
  latency_ms: { p50: null, p95: null },
  publish_ms: { p50: null, p95: null, alarms: 0 },
  event_loop_ms: { p99: 1 },
  outbox: { depth: 0 },
  problems: [],
  http: null,
  page: null,
  provider: 'cpu',
  precision: { used: 'float32', compared: null, problem: null, code: null },
  model,
  explanation: null
}

export type PainMessage = Extract<AlarmMessage, { type: 'physiological' }>

export function alarm(
  alarmId: string,
  seq: number,
  phase: AlarmMessage['phase'] = seq === 0 ? 'start' : 'update'
): PainMessage {
  const life: AlarmPhase =
    phase === 'end' ? { phase, state: 'ended', reason: 'cleared' } : { phase, state: 'active', reason: null }
  return {
    schema: 1,
    alarm_id: alarmId,
    ...life,
    seq,
    type: 'physiological',
    condition: 'pain',
    priority: 'high',
    ack: null,
    previous: null,
    reminder: null,
    reference: null,
    location: { facility: null, ward: null, room: '12', bed: null },
    camera: 'a',
    onset: '2026-01-01T00:00:00.000Z',
    updated: '2026-01-01T00:00:02.000Z',
    published: null,
    score: 0.9,
    threshold: 0.7,
    duration_s: 2,
    text: { en: 'Pain suspected', de: 'Verdacht auf Schmerz' },
    code: null,
    late: false,
    test: false,
    confirmed: true,
    model
  }
}

export const acknowledgement: AcknowledgementMessage = {
  alarm_id: 'a0',
  by: 'nurse 7',
  at: '2026-01-01T00:05:00.000Z',
  kind: 'seen',
  after_end: true
}

export const explanation: ExplanationMessage = {
  alarm_id: 'a0',
  at: '2026-01-01T00:00:02.000Z',
  target: 'pain',
  probability: 0.9,
  composite: 'lrp.epsilon',
  engine: 'tfjs',
  regions: [],
  text: { en: 'brows', de: 'Brauen' },
  uncertainty: { classes: { pain: 12.5, disgust: 3, happiness: 9.4 }, regions: { brows: 4.2 }, views: 6 },
  conditioning: null,
  heatmap: 'iVBORw0KGgo='
}

export interface Rig {
  mqtt: Mqtt
  outbox: Outbox
  /** What the stage logged: level, message and fields in one line. */
  lines: string[]
  stop(): Promise<void>
}

export type RigOptions = MqttOptions & MqttRequests

export const noCommands: RigOptions['commands'] = {
  ack: async () => undefined,
  pause: async () => undefined,
  resume: async () => undefined,
  test_alarm: async () => undefined,
  refresh: async () => undefined,
  reference: async () => undefined
}

/** The real stage with a real outbox in a temporary folder. */
export async function startRig(url: string, more: Partial<RigOptions> = {}, expiryMs = 3_600_000): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-mqtt-'))
  const lines: string[] = []
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const log: Log = { ...silentLog, info: write('info'), warn: write('warn'), error: write('error') }
  const outbox = await openOutbox({
    path: folder,
    maxMessages: 100_000,
    expiryMs,
    log,
    clock: more.clock ?? clockOf(Date.now)
  })
  const close = async () => {
    await outbox.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const starting = startMqtt({
    broker: { url, willDelayS: 0, ...more.broker },
    device: 'test',
    session: 's1',
    version: '0.0.0',
    outbox,
    commands: noCommands,
    health: () => health,
    privacy: { publishEmotions: false, publishHeatmap: false },
    secrets: new Secrets(),
    log,
    clock: clockOf(Date.now),
    backoff: { minMs: 20, maxMs: 100, refusedMs: 200 },
    ...without(more, 'broker')
  })
  const mqtt = await starting.catch(async (error: unknown) => {
    await close()
    throw error
  })
  return {
    mqtt,
    outbox,
    lines,
    stop: async () => {
      await mqtt.stop()
      await close()
    }
  }
}

function without<T extends object>(value: T, key: keyof T): Omit<T, typeof key> {
  const { [key]: _, ...rest } = value
  return rest
}

export interface Heard {
  topic: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into payloads of every kind.
  json: any
  packet: IPublishPacket
}

export interface Listener {
  client: MqttClient
  heard: Heard[]
  on(topic: string): Heard[]
  stop(): Promise<void>
}

/**
 * Subscribes to everything below the base but commands, with the retain flag and QoS as they were published. The broker
 * keeps its session, so that it misses nothing while the broker restarts either.
 */
export async function listen(url: string, options: IClientOptions = {}): Promise<Listener> {
  const session = { clean: false, clientId: 'listener', properties: { sessionExpiryInterval: 300 } }
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 50, ...session, ...options })
  holdToContract(client)
  const heard: Heard[] = []
  client.on('error', () => undefined)
  client.on('message', (topic, payload, packet) => {
    if (!topic.startsWith(`${base}/command/`)) heard.push({ topic, json: JSON.parse(payload.toString()), packet })
  })
  const five = client.options.protocolVersion === 5
  await client.subscribeAsync(`${base}/#`, five ? { qos: 1, rap: true } : { qos: 1 })
  return {
    client,
    heard,
    on: (topic) => heard.filter((message) => message.topic === `${base}/${topic}`),
    stop: () => client.endAsync(true)
  }
}
