import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Log, silentLog } from '../../src/core/log.js'
import { trialCrops } from '../../src/lib/model/trial-crop.js'
import { killWorkers } from '../support/kill-worker.js'
import { patience, until } from '../support/slowness.js'
import { writeRoundingModel, writeTinyModel } from '../support/tiny-model.js'
import { eventually, nowhere, type RoomCamera, Ward } from '../support/ward.js'

const script = 'explain/worker.js'

let ward: Ward
let bed: RoomCamera
beforeAll(async () => {
  ward = await Ward.open()
  bed = await ward.room()
})
afterAll(() => ward.close())

/** The daemon in this process, with real cameras, models, workers and broker, and a subscriber. */
async function start(cameras: object[], changes: object = {}) {
  const device = await ward.device(cameras, { explanation: { composite: 'lrp.z' }, ...changes })
  const nurse = await device.listen()
  const logged: string[] = []
  const traces: Record<string, unknown>[] = []
  /** Names that stand twice in a line, which is no JSON to some collectors. */
  const twice = new Set<string>()
  const logWith = (own: object): Log => ({
    ...silentLog,
    isLevelEnabled: () => true,
    debug: (fields) => {
      for (const name of Object.keys(fields)) if (name in own) twice.add(name)
      traces.push({ ...own, ...fields })
    },
    info: (fields, message) => {
      logged.push(message)
      if (message === 'alarm') traces.push({ stage: 'alarm', ...fields })
    },
    child: (fields) => logWith({ ...own, ...fields })
  })
  const { daemon, fatal } = await device.startHere(logWith({}))
  onTestFinished(() => expect(fatal).toEqual([]))
  return { daemon, nurse, logged, traces, twice }
}

const contains = (line: Record<string, unknown>, about: object): boolean =>
  Object.entries(about).every(([key, value]) => line[key] === value)

describe('explanations in the daemon', () => {
  it("in the classifier's own session accompany the alarm; a dead worker raises a technical alarm until its restart", async () => {
    const explanations = { composite: 'lrp.z', engine: 'onnx', session: 'shared' }
    const { daemon, nurse, traces, twice } = await start([bed], { explanation: explanations })
    const pain = await nurse.alarm('pain', 'start')
    const explanation = await until(() => nurse.explanations()[0], 'the explanation')
    // The debug log leads from the frame to the broker.
    const stages = (about: object) => traces.filter((line) => contains(line, about)).map(({ stage }) => stage)
    await until(() => stages({ alarm_id: pain.alarm_id, kind: 'explanation' }).includes('mqtt'), 'the trace')
    const { frame } = traces.find((line) => contains(line, { alarm_id: pain.alarm_id, phase: 'start' }))!
    expect(stages({ frame })).toEqual(expect.arrayContaining(['detect', 'classify', 'alarm']))
    expect(stages({ alarm_id: pain.alarm_id, seq: 0 })).toEqual(['outbox', 'mqtt'])
    const explained = traces.find((line) => contains(line, { stage: 'explain' }))!.frame
    expect(stages({ frame: explained })).toEqual(expect.arrayContaining(['detect', 'classify', 'explain']))
    expect([...twice]).toEqual([])
    expect(explanation).toMatchObject({ alarm_id: pain.alarm_id, target: 'happiness', composite: 'lrp.z' })
    expect(explanation.engine).toMatch(/^onnx-cpu/)
    // From a frame before the alarm, or a little later if a stronger one came.
    expect(Date.parse(explanation.at)).toBeGreaterThan(Date.parse(pain.onset) - 30_000)
    expect(nurse.alarms().some(({ condition }) => condition === 'explanation_failed')).toBe(false)
    expect(await killWorkers(script)).toBe(1)
    const failed = await nurse.alarm('explanation_failed', 'start')
    expect(failed).toMatchObject({ type: 'technical', priority: 'low', camera: null })
    expect(failed.text.en).toMatch(/^Alarms come without explanation: the explain worker: ended with code 7/)
    expect(await nurse.alarm('explanation_failed', 'end')).toMatchObject({
      alarm_id: failed.alarm_id,
      reason: 'cleared'
    })
    await daemon.stop()
    expect(await killWorkers(script)).toBe(0)
  })

  it('that fail permanently do not affect alarms; the technical alarm stays and health contains the cause', {
    timeout: patience(90_000)
  }, async () => {
    const own = await mkdtemp(join(ward.folder, 'model-'))
    const changes = { alarm_label: 'happiness' }
    const model = { manifest: await writeTinyModel(own, { changes }) }
    // Named, so that no choice is made.
    const explanation = { composite: 'lrp.z', engine: 'tfjs' }
    const { nurse, logged } = await start([bed], { model, explanation })
    await until(() => logged.includes('explanations ready'), 'the engine')
    const first = await until(() => nurse.explanations()[0], 'an explanation by it')
    expect(first.engine).toMatch(/^tfjs/)
    await writeTinyModel(own, { slope: 0.2 })
    expect(await killWorkers(script)).toBe(1)
    await nurse.alarm('explanation_failed', 'start')
    const health = async () => {
      await nurse.command('refresh', {})
      return nurse.health().at(-1)!
    }
    const { explanation: failed } = await eventually(
      health,
      ({ explanation }) => explanation?.state === 'failed',
      'health to say so'
    )
    const { problem, engine, choice } = failed!
    expect([engine, choice]).toEqual([null, null])
    // The alarm that has been active since the beginning.
    const { publish_ms, latency_ms } = await eventually(health, ({ publish_ms }) => publish_ms.alarms > 0, 'its times')
    expect(publish_ms.p95).toBeGreaterThanOrEqual(publish_ms.p50!)
    expect(latency_ms.p95).toBeGreaterThanOrEqual(latency_ms.p50!)
    expect(problem).toMatch(/lost 3 times.*SHA-256/)
    await nurse.command('pause', { camera: 'bed' })
    await nurse.alarm('pain', 'end')
    nurse.forget()
    await nurse.command('resume', { camera: 'bed' })
    await nurse.alarm('pain', 'start')
    await nurse.command('refresh', {})
    await nurse.alarm('explanation_failed', 'update')
    expect(nurse.explanations()).toEqual([])
  })

  it('are disabled with a technical alarm if the engines disagree', async () => {
    const own = await mkdtemp(join(ward.folder, 'model-'))
    const manifest = await writeRoundingModel(own, trialCrops({ width: 16, height: 16 }))
    const { nurse } = await start([{ ...bed, url: nowhere }], { model: { manifest } })
    const { text } = await nurse.alarm('explanation_failed', 'start')
    expect(text.en).toMatch(/^Alarms come without explanation: .* differ by .* %/)
  })
})
