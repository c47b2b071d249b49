import { rmdirSync, statSync, watch, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { problemOf, UnsupportedModelError, UsageError } from '../../../src/core/errors.js'
import { silentLog } from '../../../src/core/log.js'
import type { Crop, Face } from '../../../src/core/types.js'
import { alignFace } from '../../../src/lib/face/align.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import type { Manifest } from '../../../src/lib/model/manifest.js'
import { trialCrop } from '../../../src/lib/model/trial-crop.js'
import { createRandom } from '../../../src/lib/random.js'
import { createIdentity, expressionUnits, renderPortrait } from '../../../src/show/render/index.js'
import { type Classifier, type ClassifierOptions, startClassifier } from '../../../src/stages/classify/index.js'
import { type ExplainOptions, type ExplainStage, startExplaining } from '../../../src/stages/explain/index.js'
import { killWorkers } from '../../support/kill-worker.js'
import { moment } from '../../support/moments.js'
import { until } from '../../support/slowness.js'
import { writeTinyHead } from '../../support/tiny-model.js'

const composite = 'lrp.sequential_preset_a_flat'
const lrp = { composite, options: {} }

let folder: string
let manifest: Manifest
let face: Face
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-with-lrp-'))
  manifest = await loadManifest(fileURLToPath(new URL('../../../models/pain-demo.yaml', import.meta.url)))
  const portrait = await renderPortrait({
    identity: createIdentity(1),
    units: expressionUnits('pain', 1, createRandom(1)),
    faceSize: 90
  })
  face = faceOf(alignFace(portrait, portrait.landmarks, manifest.input, manifest.alignment))
})
afterAll(() => rm(folder, { recursive: true }))

function faceOf(crop: Crop): Face {
  const box = { x: 0, y: 0, width: crop.width, height: crop.height }
  return { track: 1, box, score: 1, roll: 0, whyNot: null, landmarks: crop.landmarks, zone: null, crop }
}

async function classifierOf(options: Partial<ClassifierOptions> = {}): Promise<Classifier> {
  const classifier = await startClassifier({ manifest, provider: 'cpu', threads: 1, log: silentLog, ...options })
  onTestFinished(() => classifier.stop())
  return classifier
}

async function stageOf(options: Partial<ExplainOptions>): Promise<ExplainStage> {
  const stage = await startExplaining({ manifest, engine: 'onnx', composite, threads: 1, log: silentLog, ...options })
  onTestFinished(() => stage.stop())
  return stage
}

const judge = async (classifier: Classifier) =>
  (await classifier.classify({ camera: 'bed-1', at: moment(5), faces: [face] }).verdicts)[0]!

const request = () => ({ camera: 'bed-1', track: 1, at: moment(5), crop: face.crop })

/** So large that its LRP graph goes through a file. */
const writeLargeModel = (folder: string): Promise<string> =>
  writeTinyHead(
    folder,
    (graph, logits) => {
      const hidden = 2_800_000
      const [up, down] = [new Float32Array(3 * hidden), new Float32Array(3 * hidden)]
      for (let i = 0; i < 3; i++) up[i * hidden + i] = down[i * 3 + i] = 1
      const wide = graph.node('Relu', [graph.node('MatMul', [logits, graph.constant('up', up, [3, hidden])])])
      return graph.node('MatMul', [wide, graph.constant('down', down, [hidden, 3])])
    },
    { changes: { head: 'logits' } }
  )

/** Until it ends, LRP graphs find a file where their folder should be, as on a disk that does not take them. */
function withFullDisk(folder: string) {
  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  const disk = { refused: 0, end: () => watcher.close() }
  const watcher = watch(folder, (_, name) => {
    const path = join(folder, name ?? '')
    if (!name?.startsWith('painlens-graph-') || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
    rmdirSync(path)
    writeFileSync(path, '')
    disk.refused++
  })
  onTestFinished(() => {
    disk.end()
    process.env.TMPDIR = TMPDIR
    if (TMPDIR === undefined) delete process.env.TMPDIR
  })
  return disk
}

describe('a classifier that explains in its own session', () => {
  it('gives the verdict of one that only judges, and the explanation of an engine of its own', async () => {
    const alone = await classifierOf()
    const both = await classifierOf({ lrp })
    expect(alone.lrp).toBeNull()
    expect(both.lrp).toMatchObject({ name: 'onnx-cpu (1 thread)', classes: manifest.labels.length })
    expect(both.proof.nodes.CPUExecutionProvider).toBeGreaterThan(0)
    const [wanted, found] = [await judge(alone), await judge(both)]
    expect(found.score).toBeGreaterThan(0.5)
    expect(both.head).toBe(alone.head)
    found.probabilities.forEach((probability, i) => {
      expect(probability).toBeCloseTo(wanted.probabilities[i]!, 5)
    })
    const own = (await (await stageOf({})).submit(request()))!
    const shared = (await (await stageOf({ shared: both })).submit(request()))!
    expect(shared.relevance).toEqual(own.relevance)
    expect(shared).toMatchObject({
      engine: own.engine,
      text: own.text,
      uncertainty: own.uncertainty,
      probability: own.probability
    })
    expect(shared.probability).toBeCloseTo(found.score, 5)
  })

  it('judges between two views of an explanation', async () => {
    const classifier = await classifierOf({ lrp })
    const events: string[] = []
    const { explain, ...engine } = classifier.lrp!
    const told: typeof explain = async (...about) => {
      const answer = await explain(...about)
      events.push('view')
      return answer
    }
    // Larger crops go one by one; of these, twelve go at once, so that two explanations are four views.
    const stage = await stageOf({ shared: { lrp: { ...engine, explain: told } } })
    events.length = 0
    let explained = false
    const explanations = Promise.all([stage.submit(request()), stage.submit({ ...request(), track: 2 })]).then(() => {
      explained = true
    })
    while (!explained) {
      await judge(classifier)
      events.push('verdict')
    }
    await explanations
    const [first, last] = [events.indexOf('view'), events.lastIndexOf('view')]
    expect(events.filter((event) => event === 'view')).toHaveLength(4)
    expect(events.slice(first, last)).toContain('verdict')
  })

  it('that dies explains again once it is back', async () => {
    const troubles: (Error | null)[] = []
    const classifier = await classifierOf({ lrp, onTrouble: (problem) => troubles.push(problem) })
    const stage = await stageOf({ shared: classifier })
    expect(await killWorkers('classify/worker.js')).toBe(1)
    await expect(stage.submit(request())).rejects.toMatchObject({ code: 'PL-WORKER-CRASHED' })
    await until(() => troubles.at(-1) === null, 'the restart')
    expect((await stage.submit(request()))!.target).toBe('pain')
  })

  it('that is opened again without room for the LRP graph judges on, and explanations get a session of their own', async () => {
    const manifest = await loadManifest(await writeLargeModel(await mkdtemp(join(folder, 'large-'))))
    const large = { ...face, crop: trialCrop(manifest.input) }
    const judged = async (by: Classifier) =>
      (await by.classify({ camera: 'bed-1', at: moment(5), faces: [large] }).verdicts)[0]!.score
    const explained = () => stage.submit({ ...request(), crop: large.crop })
    const [troubles, problems]: (string | null)[][] = [[], []]
    const classifier = await classifierOf({
      manifest,
      lrp,
      onTrouble: (problem) => troubles.push(problem?.message ?? null)
    })
    const stage = await stageOf({
      manifest,
      shared: classifier,
      inBackground: true,
      restartDelaysMs: [],
      laterDelaysMs: [500, 10],
      onProblem: (problem) => problems.push(problem && problemOf(problem).code)
    })
    const score = await judged(classifier)
    const relevance = (await explained())!.relevance
    const full = withFullDisk(await mkdtemp(join(folder, 'tmp-')))
    expect(await killWorkers('classify/worker.js')).toBe(1)
    await until(() => troubles.at(-1) === null, 'the restart')
    expect(classifier.lrp).toBeNull()
    expect(await judged(classifier)).toBeCloseTo(score, 5)
    // Its session is gone, and at first there is no room for one of its own either.
    await expect(explained()).rejects.toMatchObject({ code: 'PL-EXPLAIN-LOST' })
    expect(stage.stats()).toMatchObject({ state: 'failed', problem: { code: 'PL-EXPLAIN-LOST' } })
    await until(() => full.refused === 2, 'the first try')
    full.end()
    await until(() => stage.stats().state === 'ready', 'a session of its own')
    expect((await explained())!.relevance).toEqual(relevance)
    expect(problems).toEqual([null, 'PL-EXPLAIN-LOST', null])
    expect(await killWorkers('classify/worker.js')).toBe(1)
    await until(() => troubles.length === 4 && troubles.at(-1) === null, 'the next restart')
    expect(classifier.lrp).toBeNull()
  })

  it('refuses an unknown composite, and a model that LRP cannot read', async () => {
    await expect(classifierOf({ lrp: { composite: 'lrp.none', options: {} } })).rejects.toThrow(UsageError)
    const odd = await loadManifest(
      await writeTinyHead(folder, (graph, logits) => graph.node('Erf', [logits]), { changes: { head: 'logits' } })
    )
    await expect(classifierOf({ manifest: odd, lrp })).rejects.toThrow(UnsupportedModelError)
  })

  it('leaves the model its own session where that alone can prove the head of the manifest, or the input is no float32', async () => {
    const said = { changes: { head: 'softmax' } }
    const head = (graph: Parameters<Parameters<typeof writeTinyHead>[1]>[0], logits: string): string =>
      graph.node('HardSigmoid', [logits])
    const own = await mkdtemp(join(folder, 'head-'))
    const byManifest = await loadManifest(await writeTinyHead(own, head, said))
    const halves = await loadManifest(
      await writeTinyHead(await mkdtemp(join(folder, 'half-')), (_, x) => x, { type: 'float16' })
    )
    expect((await classifierOf({ manifest: halves, lrp })).lrp).toBeNull()
    await expect(classifierOf({ manifest: byManifest, lrp })).rejects.toMatchObject({ code: 'PL-MODEL-HEAD' })
  })
})
