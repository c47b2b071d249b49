import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ModelError, ProviderError } from '../../../src/core/errors.js'
import { type Log, silentLog } from '../../../src/core/log.js'
import type { Face } from '../../../src/core/types.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { type Manifest, sha256Of } from '../../../src/lib/model/manifest.js'
import { type Classifier, startClassifier } from '../../../src/stages/classify/index.js'
import { killWorkers } from '../../support/kill-worker.js'
import { moment } from '../../support/moments.js'
import { until } from '../../support/slowness.js'
import { writeTinyModel } from '../../support/tiny-model.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-classify-'))
})
afterAll(() => rm(folder, { recursive: true }))

function faceOfColour(red: number, green: number, blue: number): Face {
  const data = new Uint8Array(16 * 16 * 3).map((_, i) => [red, green, blue][i % 3]!)
  const landmarks = new Float32Array(136)
  return {
    track: 1,
    box: { x: 0, y: 0, width: 16, height: 16 },
    score: 1,
    roll: 0,
    whyNot: null,
    landmarks,
    zone: null,
    crop: { width: 16, height: 16, data, landmarks }
  }
}

/** A sighting of a camera. */
const sight = (...faces: Face[]) => ({ camera: 'bed-1', at: moment(5), faces })

async function open(model: string, provider: 'auto' | 'cpu' | 'cuda' = 'cpu', log: Log = silentLog) {
  return startClassifier({ manifest: await loadManifest(model), provider, threads: 1, log })
}

/** Colours that no other camera's faces have. */
const coloursOf = (count: number): number[] => Array.from({ length: count }, (_, i) => 10 * count + i)

/** The tiny model's verdicts on `count` faces of bed-`count`. */
async function judge(classifier: Classifier, camera: string, count: number) {
  const faces = coloursOf(count).map((red) => faceOfColour(red, 0, 0))
  const verdicts = await classifier.classify({ camera, at: moment(count), faces }).verdicts
  return verdicts.map(({ camera, at, logits }) => ({ camera, at, red: Math.round(10 * logits[2]!) }))
}

const options = (manifest: Manifest) => ({ manifest, provider: 'cpu' as const, threads: 1, log: silentLog })

/** The verdicts for cameras that submit these numbers of faces at once, and the number of faces in each inference. */
async function judgeAtOnce(model: string, counts: readonly number[], largestBatch?: number) {
  const inferences: number[] = []
  const classifier = await startClassifier({
    ...options(await loadManifest(model)),
    largestBatch,
    onInference: (_, faces) => inferences.push(faces)
  })
  const answers = await Promise.all(counts.map((count) => judge(classifier, `bed-${count}`, count)))
  await classifier.stop()
  return { answers, inferences }
}

const expected = (count: number) => coloursOf(count).map((red) => ({ camera: `bed-${count}`, at: count, red }))

describe('the classify stage', () => {
  it('gives each face of a batch its own verdict, with the logits that the model computes', async () => {
    const classifier = await open(await writeTinyModel(folder))
    try {
      const verdicts = await classifier.classify(sight(faceOfColour(10, 20, 30), faceOfColour(40, 0, 10))).verdicts
      expect([...verdicts[0]!.logits].map((x) => x.toFixed(3))).toEqual(['3.000', '2.000', '1.000'])
      expect([...verdicts[1]!.logits].map((x) => x.toFixed(3))).toEqual(['1.000', '0.000', '4.000'])
      expect(verdicts[0]!.score).toBeCloseTo(0.6652409, 5)
      expect(verdicts[0]).toMatchObject({ camera: 'bed-1', at: 5, labels: ['pain', 'disgust', 'happiness'] })
      expect(classifier.proof.nodes.CPUExecutionProvider).toBeGreaterThan(0)
      expect(await classifier.classify(sight()).verdicts).toEqual([])
    } finally {
      await classifier.stop()
    }
  })

  it('is never asked about a face that is not usable', async () => {
    const asked: number[] = []
    const manifest = await loadManifest(await writeTinyModel(folder))
    const classifier = await startClassifier({ ...options(manifest), onInference: (_, faces) => asked.push(faces) })
    try {
      const upsideDown: Face = { ...faceOfColour(40, 0, 10), whyNot: 'roll' }
      const verdicts = await classifier.classify(sight(upsideDown, faceOfColour(10, 20, 30), upsideDown)).verdicts
      expect(verdicts.map(({ logits }) => Math.round(10 * logits[0]!))).toEqual([30])
      expect(verdicts.map(({ face }) => face.whyNot)).toEqual([null])
      expect(await classifier.classify(sight(upsideDown)).verdicts).toEqual([])
      expect(asked).toEqual([1])
    } finally {
      await classifier.stop()
    }
  })

  it('restarts a worker that died, and gives up if the model file has another SHA-256 than the manifest', async () => {
    const own = await mkdtemp(join(folder, 'restart-'))
    const troubles: (Error | null)[] = []
    const givenUp: Error[] = []
    const manifest = await loadManifest(await writeTinyModel(own))
    const classifier = await startClassifier({
      manifest,
      provider: 'cpu',
      threads: 1,
      log: silentLog,
      onTrouble: (problem) => troubles.push(problem),
      onGivenUp: (error) => givenUp.push(error)
    })
    const judge = async () => [...(await classifier.classify(sight(faceOfColour(10, 20, 30))).verdicts)[0]!.logits]
    const before = await judge()
    expect(await killWorkers('classify/worker.js')).toBe(1)
    await until(() => troubles.length === 2, 'the restart')
    expect(troubles[1]).toBeNull()
    expect(await judge()).toEqual(before)
    expect(classifier.restarted).toBe(1)
    await writeTinyModel(own, { slope: 0.3 })
    expect(await killWorkers('classify/worker.js')).toBe(1)
    await until(() => givenUp.length > 0, 'the end')
    expect(givenUp[0]!.message).toMatch(/SHA-256/)
    await expect(judge()).rejects.toThrow(/SHA-256/)
    await classifier.stop()
  })

  it('classifies waiting faces of several cameras in one batch, and returns each camera its own verdicts', async () => {
    const { answers, inferences } = await judgeAtOnce(await writeTinyModel(folder), [1, 2, 3, 4], 4)
    expect(answers).toEqual([1, 2, 3, 4].map(expected))
    // The first starts at once; the faces submitted meanwhile are more than a batch.
    expect(inferences).toEqual([1, 4, 4, 1])
  })

  it('classifies one face per call on the CPU, where batches save no time and delay the first face', async () => {
    const { answers, inferences } = await judgeAtOnce(await writeTinyModel(folder), [2, 1])
    expect(answers).toEqual([2, 1].map(expected))
    expect(inferences).toEqual([1, 1, 1])
  })

  it.each([
    ['a batch of one', { batch: 1 }, [1, 1, 1, 1, 1, 1]],
    ['a batch of three', { batch: 3 }, [1, 3, 2]],
    ['a batch declared as N that works with 1 only', { reshape: 1 }, [1, 1, 1, 1, 1, 1]]
  ])('runs a model with %s', async (_, shape, wanted) => {
    const { answers, inferences } = await judgeAtOnce(await writeTinyModel(folder, shape), [1, 2, 3], 4)
    expect(answers).toEqual([1, 2, 3].map(expected))
    expect(inferences).toEqual(wanted)
  })

  it('rejects the verdicts of every camera in a failed batch, and the next batch succeeds', async () => {
    const manifest = await loadManifest(await writeTinyModel(folder))
    const classifier = await startClassifier({ ...options(manifest), largestBatch: 4 })
    // Without pixels, so that the worker fails.
    const broken = { ...faceOfColour(1, 2, 3), crop: { ...faceOfColour(1, 2, 3).crop, data: null as never } }
    const first = judge(classifier, 'bed-1', 1)
    const failing = [classifier.classify(sight(broken)).verdicts, judge(classifier, 'bed-2', 1)]
    const results = await Promise.allSettled(failing)
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await first).toEqual(expected(1))
    expect(await judge(classifier, 'bed-3', 3)).toEqual(expected(3))
    const left = Promise.allSettled([judge(classifier, 'bed-1', 1), judge(classifier, 'bed-2', 2)])
    await classifier.stop()
    expect((await left).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  it('computes the same scores from a model that ends in a softmax', async () => {
    const classifier = await open(await writeTinyModel(folder, { softmax: true }))
    const [verdict] = await classifier.classify(sight(faceOfColour(10, 20, 30))).verdicts
    await classifier.stop()
    expect(verdict!.score).toBeCloseTo(0.6652409, 5)
  })

  it('with provider auto falls back to the CPU and warns once; a named provider that is missing fails the start', async () => {
    const model = await writeTinyModel(folder)
    const warnings: string[] = []
    const log: Log = { ...silentLog, warn: (_, message) => warnings.push(message) }
    const classifier = await open(model, 'auto', log)
    await classifier.stop()
    if (classifier.proof.provider !== 'cpu') return // A machine with CUDA has nothing to warn of.
    expect(warnings).toEqual(['no GPU provider works; inference runs on the CPU'])
    const error = await open(model, 'cuda').catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ProviderError)
    expect((error as Error).message).toMatch(
      /inference\.provider cuda: does not work .*Install ONNX Runtime's CUDA provider/
    )
  })

  it('refuses a file that is not ONNX, a truncated one, and one that contradicts its manifest', async () => {
    const path = await writeTinyModel(folder)
    const file = join(folder, 'tiny.onnx')
    await expect(open(await writeTinyModel(folder, { changes: { labels: ['pain', 'joy'] } }))).rejects.toThrow(
      /2 labels \(pain, joy\), the model 3 outputs/
    )
    for (const spoil of [() => truncate(file, 150), () => writeFile(file, 'no model at all')]) {
      await spoil()
      const manifest = await spoiltManifest(path, file)
      const error = await startClassifier({
        manifest,
        provider: 'cpu',
        threads: 1,
        log: silentLog
      }).catch((e) => e)
      expect(error).toBeInstanceOf(ModelError)
      expect(error.code).toBe('PL-MODEL-DAMAGED')
      expect(error.message).not.toContain('\n')
    }
  })

  it('rejects a request after stop', async () => {
    const classifier = await open(await writeTinyModel(folder))
    await classifier.stop()
    await expect(classifier.classify(sight(faceOfColour(1, 2, 3))).verdicts).rejects.toThrow('is closed')
  })
})

/** The tiny model's manifest with the hash of whatever lies there now. */
async function spoiltManifest(path: string, file: string) {
  await writeFile(path, (await readFile(path, 'utf8')).replace(/sha256: \S+/, `sha256: ${await sha256Of(file)}`))
  return loadManifest(path)
}
