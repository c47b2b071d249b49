import { writeFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { InferenceError, UnsupportedModelError, UsageError } from '../../../src/core/errors.js'
import { type Log, silentLog } from '../../../src/core/log.js'
import type { Crop } from '../../../src/core/types.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import type { Manifest } from '../../../src/lib/model/manifest.js'
import { trialCrop, trialCrops } from '../../../src/lib/model/trial-crop.js'
import { GraphBuilder, writeModel } from '../../../src/lib/onnx/index.js'
import { differenceOf, differencesOf } from '../../../src/stages/explain/engines.js'
import { type ExplainOptions, type ExplainStage, startExplaining } from '../../../src/stages/explain/index.js'
import { killWorkers } from '../../support/kill-worker.js'
import { moment } from '../../support/moments.js'
import { until } from '../../support/slowness.js'
import { writeRoundingModel, writeTinyModel } from '../../support/tiny-model.js'

const crop = trialCrop({ width: 16, height: 16 })
/** As bright as can be. */
const white: Crop = { ...crop, data: new Uint8Array(768).fill(255) }
const script = 'explain/worker.js'

let folder: string
let manifest: Manifest
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-engines-'))
  process.env.TMPDIR = await mkdtemp(join(folder, 'tmp-'))
  manifest = await loadManifest(await writeTinyModel(folder))
})
afterAll(() => rm(folder, { recursive: true }))

const newFolder = () => mkdtemp(join(folder, 'model-'))

/** A stage whose log lines and reported problems are recorded. */
async function open(options: Partial<ExplainOptions> = {}) {
  const logged: { level: string; message: string; fields: object }[] = []
  const keep =
    (level: string): Log['info'] =>
    (fields, message) =>
      void logged.push({ level, message, fields })
  const problems: (string | null)[] = []
  const stage = await startExplaining({
    manifest,
    engine: 'auto',
    composite: 'lrp.z',
    threads: 1,
    log: { ...silentLog, info: keep('info'), warn: keep('warn'), error: keep('error') },
    ...options,
    onProblem: (problem) => {
      problems.push(problem?.message ?? null)
      options.onProblem?.(problem)
    }
  })
  onTestFinished(() => stage.stop())
  return { stage, logged, problems }
}

let asked = 0
const explain = (stage: ExplainStage, picture = crop) =>
  stage.submit({ camera: 'bed-1', track: 7, at: moment(asked++), crop: picture })

const settled = (stage: ExplainStage, state: string) => until(() => stage.stats().state === state, `it to be ${state}`)

describe('the choice of the explanation engine', () => {
  it('with auto, times both engines, logs both times once, and explains with the faster one', async () => {
    const { stage, logged, problems } = await open()
    const { engine, choice } = stage.stats()
    expect(choice!.difference).toBeLessThan(1e-5)
    expect(Math.min(choice!.tfjsMs, choice!.onnxMs)).toBeGreaterThan(0)
    expect(engine).toMatch(choice!.onnxMs <= choice!.tfjsMs ? /^onnx-cpu/ : /^tfjs/)
    const { tfjsMs, onnxMs } = choice!
    expect(logged).toMatchObject([
      { level: 'info', fields: { engine, tfjsMs: Math.round(tfjsMs), onnxMs: Math.round(onnxMs) } }
    ])
    expect(problems).toEqual([null])
    const found = (await explain(stage))!
    // The tiny model's logit for pain is 0.1 times the mean blue: LRP-Z gives each pixel its own part of that.
    for (const [i, value] of found.relevance.entries())
      expect(value).toBeCloseTo((0.1 * crop.data[3 * i + 2]!) / 256, 5)
    expect(found.engine).toBe(engine)
    await stage.stop()
    expect(await killWorkers(script)).toBe(0)
    expect(await readdir(tmpdir())).toEqual([])
  })

  it('with onnx, opens that engine without a trial', async () => {
    const { stage } = await open({ engine: 'onnx' })
    expect(stage.stats()).toMatchObject({ engine: 'onnx-cpu (1 thread)', choice: null, state: 'ready' })
    expect((await explain(stage))!.target).toBe('pain')
  })

  it('with auto, fails and reports the difference if the two engines disagree', async () => {
    const odd = await loadManifest(await writeRoundingModel(await newFolder(), trialCrops(crop)))
    const refused = open({ manifest: odd })
    await expect(refused).rejects.toThrow(InferenceError)
    await expect(refused).rejects.toThrow(/tfjs.* and onnx-cpu.* differ by [\d.e+]+ %/)
    expect(await killWorkers(script)).toBe(0)
    const { stage, logged, problems } = await open({ manifest: odd, inBackground: true })
    const waiting = explain(stage)
    await expect(waiting).rejects.toThrow(/differ by/)
    expect(stage.stats()).toMatchObject({ state: 'failed', engine: null, choice: null })
    expect(stage.stats().problem?.code).toBe('PL-EXPLAIN-ENGINES-DIFFER')
    expect(problems).toEqual([stage.stats().problem?.message])
    expect(logged.map(({ level }) => level)).toEqual(['error'])
    expect(await killWorkers(script)).toBe(0)
    // Each engine explains if named.
    const named = await open({ manifest: odd, engine: 'tfjs' })
    expect((await explain(named.stage))!.target).toBe('pain')
  })

  it('with auto, explains where the engines disagree on one trial picture alone, and warns of it', async () => {
    const hard = await loadManifest(await writeRoundingModel(await newFolder(), [crop]))
    const { stage, logged, problems } = await open({ manifest: hard })
    expect(stage.stats()).toMatchObject({ state: 'ready', problem: null })
    expect(stage.stats().choice!.difference).toBeLessThan(0.01)
    expect(problems).toEqual([null])
    expect(logged.map(({ level }) => level)).toEqual(['warn', 'info'])
    expect((logged[0]!.fields as { difference: number }).difference).toBeGreaterThan(0.01)
    expect((await explain(stage))!.target).toBe('pain')
  })

  it('with auto, uses the engine that works if the other fails, and warns that they were not compared', async () => {
    // The tests' machine has no TensorRT, as test/daemon relies on, too.
    const { stage, logged } = await open({ provider: 'tensorrt' })
    expect(stage.stats()).toMatchObject({ state: 'ready', choice: null, problem: null })
    expect(stage.stats().engine).toMatch(/^tfjs/)
    expect(logged[0]).toMatchObject({ level: 'warn', fields: { engine: 'onnx' } })
    expect((await explain(stage))!.target).toBe('pain')
  })

  it('compares relevance and logits relative to the largest value; non-finite values never agree', () => {
    const trial = (logits: number[], relevance: number[]) => ({
      logits: Float32Array.from(logits),
      relevance: Float32Array.from(relevance)
    })
    const one = trial([1, -4], [0, 8, -2])
    expect(differenceOf(one, one)).toBe(0)
    expect(differenceOf(one, trial([1, -4], [0, 8, -3]))).toBe(1 / 8)
    expect(differenceOf(one, trial([2, -4], [0, 8, -3]))).toBe(1 / 4)
    expect(differenceOf(trial([0, 0], [0]), trial([0, 0], [0]))).toBe(0)
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(differenceOf(one, trial([1, -4], [0, odd, -2]))).toBeNaN()
      expect(differenceOf(trial([odd, 0], [0]), trial([odd, 0], [0]))).toBeNaN()
    }
    const other = [trial([1, -4], [0, Number.NaN, -2]), trial([1, -4], [0, 8, -3]), one]
    expect(differencesOf({ answers: [one, one, one] }, { answers: other })).toEqual([0, 1 / 8, Number.NaN])
  })
})

describe('an engine that starts in the background', () => {
  it('fails at once for a composite or node that is not supported', async () => {
    await expect(open({ inBackground: true, composite: 'lrp.zz' })).rejects.toThrow(UsageError)
    const graph = new GraphBuilder({ name: 'sine' })
    graph.input('input', ['N', 3, 16, 16])
    graph.output(graph.node('Sin', ['input'], {}, { name: 'wave' }), ['N', 3, 16, 16])
    const file = join(folder, 'sine.onnx')
    await writeModel(file, graph.toModel())
    const refused = open({ inBackground: true, manifest: { ...manifest, file } })
    await expect(refused).rejects.toThrow(UnsupportedModelError)
    await expect(refused).rejects.toThrow(/wave.*Sin/)
    expect(await killWorkers(script)).toBe(0)
  })

  it('answers requests once it is ready', async () => {
    const { stage } = await open({ inBackground: true })
    expect([stage.stats().state, stage.stats().engine, stage.idle()]).toEqual(['starting', null, false])
    expect((await explain(stage))!.target).toBe('pain')
    expect([stage.stats().state, stage.idle()]).toEqual(['ready', true])
  })

  it('can be stopped at any moment', async () => {
    for (const ms of [0, 150, 350, 700]) {
      const { stage, problems } = await open({ inBackground: true })
      const waiting = explain(stage)
      await new Promise((done) => setTimeout(done, ms))
      await stage.stop()
      expect([await waiting, await explain(stage)]).toContain(null)
      expect(problems.filter((problem) => problem !== null)).toEqual([])
      expect(await killWorkers(script)).toBe(0)
    }
  })
})

describe('an engine that cannot be opened', () => {
  it.each(['tfjs', 'auto'] as const)('is reported and opened again in the background: %s', async (engine) => {
    const own = await newFolder()
    const before = await loadManifest(await writeTinyModel(own))
    const model = await readFile(before.file)
    const { stage, problems, logged } = await open({
      engine,
      manifest: before,
      inBackground: true,
      restartDelaysMs: [50, 60_000],
      onProblem: (problem) => problem && writeFileSync(before.file, model)
    })
    // Between the check of the model and its opening: as on a disk that fails for a moment.
    await writeFile(before.file, 'this is no model')
    expect((await explain(stage))!.target).toBe('pain')
    expect(problems).toEqual([expect.stringMatching(/tiny\.onnx/), null])
    expect(logged.map(({ level }) => level)).toEqual(['warn', 'info'])
  })

  it('is given up after the last retry in the background, and after the first failure in the foreground', async () => {
    const own = await newFolder()
    const before = await loadManifest(await writeTinyModel(own))
    await writeFile(before.file, 'this is no model')
    await expect(open({ engine: 'onnx', manifest: before })).rejects.toThrow(/tiny\.onnx/)
    await writeTinyModel(own)
    const { stage } = await open({ engine: 'onnx', manifest: before, inBackground: true, restartDelaysMs: [1, 1] })
    await writeFile(before.file, 'this is no model')
    await settled(stage, 'failed')
    await expect(explain(stage)).rejects.toThrow(/tiny\.onnx/)
  })
})

describe('an engine whose worker dies', () => {
  const restartDelaysMs = [20, 20]

  it.each(['tfjs', 'onnx'] as const)('is reported and restarted: %s', async (engine) => {
    const states: object[] = []
    const onProblem = (problem: Error | null): void => void (problem && states.push(stage.stats()))
    const { stage, problems, logged } = await open({ engine, restartDelaysMs: [50], onProblem })
    expect((await explain(stage))!.target).toBe('pain')
    expect(await killWorkers(script)).toBe(1)
    await until(() => problems.length >= 2, 'word of the death')
    expect(states).toMatchObject([{ state: 'restarting', engine: null }])
    expect((await explain(stage))!.target).toBe('pain')
    expect(problems).toEqual([null, expect.stringMatching(/ended with code 7/), null])
    expect(stage.stats()).toMatchObject({ state: 'ready', done: 2, problem: null })
    expect(logged.map(({ level }) => level)).toEqual(['info', 'warn', 'info'])
  })

  it('is given up after the last restart, and later requests are rejected with the cause', async () => {
    const { stage, problems } = await open({ engine: 'onnx', restartDelaysMs })
    for (const state of ['ready', 'ready', 'failed']) {
      const before = problems.length
      await killWorkers(script)
      await until(() => problems.length > before, 'word of the death')
      await settled(stage, state)
    }
    expect(problems.at(-1)).toMatch(/lost 3 times.*ended with code 7/)
    await expect(explain(stage)).rejects.toThrow(/lost 3 times/)
  })

  it('that was given up is opened again after a while in the background, which ends the problem', async () => {
    const { stage, problems } = await open({
      engine: 'onnx',
      inBackground: true,
      restartDelaysMs: [],
      laterDelaysMs: [200]
    })
    await settled(stage, 'ready')
    await killWorkers(script)
    await until(() => problems.length > 1, 'word of the death')
    await expect(explain(stage)).rejects.toMatchObject({ code: 'PL-EXPLAIN-LOST' })
    await settled(stage, 'ready')
    expect(problems).toEqual([null, expect.stringMatching(/lost 1 times.*ended with code 7/), null])
    expect((await explain(stage))!.target).toBe('pain')
  })

  it("is not restarted with another model than the classifier's", async () => {
    const own = await newFolder()
    const before = await loadManifest(await writeTinyModel(own))
    const { stage, problems } = await open({ engine: 'onnx', manifest: before, restartDelaysMs })
    await writeTinyModel(own, { slope: 0.2 })
    await killWorkers(script)
    await settled(stage, 'failed')
    expect(problems.at(-1)).toMatch(/SHA-256/)
    await writeFile(before.file, 'this is no model')
    expect(await killWorkers(script)).toBe(0)
  })

  it('can be stopped before and during its restart', async () => {
    for (const delayMs of [60_000, 1]) {
      const { stage, problems } = await open({ engine: 'onnx', restartDelaysMs: [delayMs] })
      await killWorkers(script)
      await until(() => problems.length > 1, 'word of the death')
      await new Promise((done) => setTimeout(done, 30))
      const waiting = explain(stage)
      await stage.stop()
      expect(await waiting).toBeNull()
      expect(await killWorkers(script)).toBe(0)
    }
  })
})

describe('an explanation that fails', () => {
  it('is reported, and the report is cleared by the next success', async () => {
    // Its logits are near the end of float32's range, and white is beyond.
    const steep = await loadManifest(await writeTinyModel(await newFolder(), { slope: 1.8e36 }))
    const { stage, problems } = await open({ engine: 'onnx', manifest: steep })
    await expect(explain(stage, white)).rejects.toThrow(/not finite/)
    expect(stage.stats()).toMatchObject({ state: 'ready', failed: 1 })
    expect(stage.stats().problem?.code).toBe('PL-EXPLAIN-NOT-FINITE')
    expect((await explain(stage))!.target).toBe('pain')
    expect(problems).toEqual([null, expect.stringMatching(/not finite/), null])
    expect(stage.stats().problem).toBeNull()
  })

  it('is cleared by a trial explanation if no further request arrives', async () => {
    const steep = await loadManifest(await writeTinyModel(await newFolder(), { slope: 1.8e36 }))
    const { stage, problems } = await open({ engine: 'onnx', manifest: steep, probeAfterMs: 50 })
    await expect(explain(stage, white)).rejects.toThrow(/not finite/)
    await until(() => problems.at(-1) === null, 'the problem to be over')
    expect(problems).toEqual([null, expect.stringMatching(/not finite/), null])
    expect(stage.stats()).toMatchObject({ done: 0, failed: 1, problem: null })
  })
})
