import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { loadConfig } from '../../src/config/index.js'
import { systemClock } from '../../src/core/clock.js'
import { type Log, silentLog } from '../../src/core/log.js'
import type { AlarmMessage, ExplanationMessage, HealthMessage } from '../../src/core/messages.js'
import { Secrets } from '../../src/core/secrets.js'
import { trialCrop } from '../../src/explain/trial-crop.js'
import { startDaemon } from '../../src/pipeline/daemon.js'
import { type Simulation, startSimulation } from '../../src/simulate/simulate.js'
import { holdToContract } from '../support/contract.js'
import { until } from '../support/daemon.js'
import { killWorkers } from '../support/kill-worker.js'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { writeRoundingModel, writeTinyModel } from '../support/tiny-model.js'

const script = 'explain/worker.js'
/** Faces are redder than blue, so that the tiny model takes every face for what this label says. */
const changes = { alarm_label: 'happiness' }

let folder: string
let broker: Mosquitto
let room: Simulation
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-daemon-explains-'))
  broker = await startMosquitto()
  room = await startSimulation({ width: 640, height: 360, log: silentLog })
})
afterAll(async () => {
  await room.stop()
  await broker.remove()
  await rm(folder, { recursive: true, force: true })
})

/** The daemon in this process, with real cameras, models, workers and broker, and what it publishes. */
async function start(device: string, manifest: string, cameraUrl = room.url) {
  const file = join(await mkdtemp(join(folder, 'config-')), 'painlens.yaml')
  const camera = { id: 'bed', url: cameraUrl, width: 640, height: 360 }
  const explanation = { composite: 'lrp.z' }
  const config = { device, mqtt: { url: broker.url }, cameras: [camera], model: { manifest }, explanation }
  await writeFile(file, stringify({ ...config, outbox: { path: 'outbox' } }))
  const alarms: AlarmMessage[] = []
  const explanations: ExplanationMessage[] = []
  const health: HealthMessage[] = []
  const nurse = await connectAsync(broker.url)
  onTestFinished(() => nurse.endAsync(true))
  holdToContract(nurse)
  nurse.on('message', (topic, bytes) => {
    const lists: Record<string, object[]> = { alarm: alarms, explanation: explanations, health }
    lists[topic.split('/')[2]!]?.push(JSON.parse(bytes.toString()) as object)
  })
  await nurse.subscribeAsync(`painlens/${device}/#`, { qos: 1 })
  const logged: string[] = []
  const log: Log = { ...silentLog, info: (_, message) => void logged.push(message), child: () => log }
  const daemon = await startDaemon({
    config: (await loadConfig(file)).config,
    secrets: new Secrets(),
    log,
    clock: systemClock,
    onFatal: (error) => {
      throw error
    }
  })
  onTestFinished(() => daemon.stop())
  const alarm = (condition: string, phase: string, ms?: number) =>
    until(() => alarms.find((a) => a.condition === condition && a.phase === phase), `${phase} of ${condition}`, ms)
  const command = (name: string, about = '{"camera":"bed"}') =>
    nurse.publishAsync(`painlens/${device}/command/${name}`, about, { qos: 1 })
  return { daemon, logged, alarms, explanations, health, alarm, command }
}

describe('explanations in the daemon', () => {
  it('go with the alarm; an engine that dies is a technical alarm until it is back', async () => {
    const { daemon, alarms, explanations, alarm } = await start('lives', await writeTinyModel(folder, { changes }))
    const pain = await alarm('pain', 'start')
    const explanation = await until(() => explanations[0], 'the explanation')
    expect(explanation).toMatchObject({ alarm_id: pain.alarm_id, target: 'happiness', composite: 'lrp.z' })
    expect(explanation.engine).toMatch(/^(tfjs|onnx)/)
    // Of a frame up to the one that started the alarm, or a little later if a stronger one came.
    expect(Date.parse(explanation.at)).toBeGreaterThan(Date.parse(pain.onset) - 30_000)
    expect(alarms.some(({ condition }) => condition === 'explanation_failed')).toBe(false)
    expect(await killWorkers(script)).toBe(1)
    const failed = await alarm('explanation_failed', 'start')
    expect(failed).toMatchObject({ type: 'technical', priority: 'low', camera: null })
    expect(failed.text.en).toMatch(/^Alarms come without explanation: the explain worker: ended with code 7/)
    expect(await alarm('explanation_failed', 'end')).toMatchObject({ alarm_id: failed.alarm_id, reason: 'cleared' })
    await daemon.stop()
    expect(await killWorkers(script)).toBe(0)
  })

  it('that are lost for good take nothing from the alarms; the technical alarm stays, and health says why', {
    timeout: 90_000
  }, async () => {
    const own = await mkdtemp(join(folder, 'model-'))
    const daemon = await start('replaced', await writeTinyModel(own, { changes }))
    await until(() => daemon.logged.includes('explanations ready'), 'the engine')
    await writeTinyModel(own, { slope: 0.2 })
    expect(await killWorkers(script)).toBe(1)
    await daemon.alarm('explanation_failed', 'start')
    await until(
      () => daemon.health.some(({ explanation }) => explanation?.state === 'failed'),
      'health to say so',
      45_000
    )
    // The alarm that was on all the while, in the same health message.
    await until(() => daemon.health.some(({ publish_ms }) => publish_ms.alarms > 0), 'health to tell of it', 45_000)
    const { publish_ms, latency_ms } = daemon.health.findLast(({ publish_ms }) => publish_ms.alarms > 0)!
    expect(publish_ms.p95).toBeGreaterThanOrEqual(publish_ms.p50!)
    expect(latency_ms.p95).toBeGreaterThanOrEqual(latency_ms.p50!)
    const { problem, engine } = daemon.health.findLast(({ explanation }) => explanation?.state === 'failed')!
      .explanation!
    expect(engine).toBeNull()
    expect(problem).toMatch(/lost 3 times.*SHA-256/)
    await daemon.command('pause')
    await daemon.alarm('pain', 'end')
    daemon.alarms.length = 0
    daemon.explanations.length = 0
    await daemon.command('resume')
    await daemon.alarm('pain', 'start')
    await daemon.command('refresh', '{}')
    await daemon.alarm('explanation_failed', 'update')
    expect(daemon.explanations).toEqual([])
  })

  it('are refused when the engines disagree, which is a technical alarm, too', async () => {
    const own = await mkdtemp(join(folder, 'model-'))
    const manifest = await writeRoundingModel(own, trialCrop({ width: 16, height: 16 }))
    const { alarm } = await start('differs', manifest, 'rtsp://127.0.0.1:9/x')
    const { text } = await alarm('explanation_failed', 'start')
    expect(text.en).toMatch(/^Alarms come without explanation: .* differ by .* %/)
  })
})
