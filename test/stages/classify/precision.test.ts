import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import type { Face, PrecisionChoice, Verdict } from '../../../src/core/types.js'
import { proofCrops } from '../../../src/daemon/wiring/drawn-faces.js'
import { type Manifest, sha256Of } from '../../../src/lib/model/manifest.js'
import { dataTypes, floatsOf, GraphBuilder, readModel, tensorOf, writeModel } from '../../../src/lib/onnx/index.js'
import { Float32Queue } from '../../../src/stages/classify/float32.js'
import { startClassifier } from '../../../src/stages/classify/index.js'
import { comparePrecision, objectionTo } from '../../../src/stages/classify/precision.js'
import { killWorkers } from '../../support/kill-worker.js'
import { moment } from '../../support/moments.js'
import { quantisedDemo } from '../../support/quantised-model.js'
import { until } from '../../support/slowness.js'

let folder: string
let manifest: Manifest
let crops: Uint8Array[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-precision-'))
  manifest = await quantisedDemo(folder)
  crops = await proofCrops(manifest)
})
afterAll(() => rm(folder, { recursive: true }))

async function open(own: Manifest, choice: PrecisionChoice, thresholds: number[] = []) {
  let asked = 0
  const faces = async () => {
    asked++
    return crops
  }
  const precision = { choice, proofCrops: faces, thresholds }
  const classifier = await startClassifier({ manifest: own, provider: 'cpu', threads: 1, precision, log: silentLog })
  onTestFinished(() => classifier.stop())
  return { classifier, asked: () => asked }
}

function faceOf(data: Uint8Array): Face {
  const { width, height } = manifest.input
  const landmarks = new Float32Array(136)
  const box = { x: 0, y: 0, width, height }
  return {
    track: 1,
    box,
    score: 1,
    roll: 0,
    whyNot: null,
    landmarks,
    zone: null,
    crop: { width, height, data, landmarks }
  }
}

const seen = () => ({ camera: 'bed', at: moment(0), faces: crops.map(faceOf) })

/** What it says of the first face, seen alone. */
async function scoreOf({
  classifier
}: Awaited<ReturnType<typeof open>>): Promise<Pick<Verdict, 'score' | 'precision'>> {
  const [verdict] = (await classifier.classify({ ...seen(), faces: seen().faces.slice(0, 1) }).verdicts) as [Verdict]
  return { score: verdict.score, precision: verdict.precision }
}

/** The model with an int8 file whose weights were changed, as a wrong kernel would. */
async function spoiled(): Promise<Manifest> {
  const file = join(folder, 'spoiled.onnx')
  const model = await readModel(manifest.int8!.file)
  for (const [name, tensor] of model.graph.initializers)
    if (name.endsWith('/weights/scale'))
      model.graph.initializers.set(
        name,
        tensorOf(
          name,
          floatsOf(tensor).map((each) => 1.4 * each),
          tensor.dims
        )
      )
  await writeModel(file, model)
  return { ...manifest, int8: { file, sha256: await sha256Of(file) } }
}

interface OtherModel {
  output: string
  outputs: number
  side: number
  type: 'float32' | 'uint8'
}

/** A model that has nothing to do with the demonstration's. @returns its file */
async function writeOther(changes: Partial<OtherModel>): Promise<string> {
  const { output, outputs, side, type }: OtherModel = { ...demoEnds, ...changes }
  const graph = new GraphBuilder({ name: 'other' })
  graph.input('input', ['N', 3, side, side], type)
  const floats = graph.node('Cast', ['input'], { to: dataTypes.float32.code })
  const weights = graph.constant('weights', new Float32Array(3 * outputs), [3, outputs])
  const scores = graph.node('MatMul', [graph.node('Flatten', [graph.node('GlobalAveragePool', [floats])]), weights])
  graph.output(graph.node('Identity', [scores], {}, { name: output }), ['N', outputs])
  const file = join(folder, `another-${Math.random()}.onnx`)
  await writeModel(file, graph.toModel())
  return file
}

const demoEnds: OtherModel = { output: 'logits', outputs: 3, side: 64, type: 'float32' }

describe('a classifier with an int8 file', () => {
  it('judges drawn faces in int8 within the bounds of the proof, and differs from float32 as the proof says', async () => {
    const quick = await open(manifest, 'int8')
    const exact = await open(manifest, 'float32')
    expect(quick.classifier.precision).toMatchObject({ used: 'int8', problem: null, compared: { faces: 24 } })
    expect([exact.classifier.precision.used, exact.asked()]).toEqual(['float32', 0])
    const { mean, max } = quick.classifier.precision.compared!
    const found = await quick.classifier.classify(seen()).verdicts
    const right = await exact.classifier.classify(seen()).verdicts
    expect(new Set(found.map(({ precision }) => precision))).toEqual(new Set(['int8']))
    expect(new Set(right.map(({ precision }) => precision))).toEqual(new Set(['float32']))
    const differences = found.flatMap(({ probabilities }, i) =>
      [...probabilities].map((each, label) => Math.abs(each - right[i]!.probabilities[label]!))
    )
    expect(Math.max(...differences)).toBeCloseTo(max, 5)
    expect(differences.reduce((sum, each) => sum + each, 0) / differences.length).toBeCloseTo(mean, 5)
    expect(max).toBeGreaterThan(0)
    const confirmed = await quick.classifier.confirm(faceOf(crops[0]!))
    expect(confirmed?.score).toBeCloseTo(right[0]!.score, 6)
    expect(confirmed?.logits[0]).toBeCloseTo(right[0]!.logits[0]!, 4)
  })

  it('asks float32 again where a score is within 0.1 of a threshold, and only there', async () => {
    const exact = await scoreOf(await open(manifest, 'float32'))
    const quick = await scoreOf(await open(manifest, 'int8'))
    expect(quick).toMatchObject({ precision: 'int8' })
    expect(await scoreOf(await open(manifest, 'int8', [quick.score + 0.0999]))).toEqual(exact)
    expect(await scoreOf(await open(manifest, 'int8', [quick.score - 0.0999]))).toEqual(exact)
    expect(await scoreOf(await open(manifest, 'int8', [quick.score + 0.1001]))).toEqual(quick)
  })

  it('gives float32 half a second for a second look, and a second for what an alarm or an explanation asks', async () => {
    const judge = vi.spyOn(Float32Queue.prototype, 'judge')
    onTestFinished(() => void judge.mockRestore())
    const { score } = await scoreOf(await open(manifest, 'int8'))
    const { classifier } = await open(manifest, 'int8', [score])
    const [face] = seen().faces as [Face]
    const [verdict] = (await classifier.classify({ ...seen(), faces: [face] }).verdicts) as [Verdict]
    await classifier.confirm(face)
    await classifier.exact({ ...verdict, precision: 'int8' })
    expect(judge.mock.calls.map(([, wish]) => wish)).toEqual([
      { withinMs: 500, urgent: false },
      { withinMs: 1000, urgent: true },
      { withinMs: 1000, urgent: false }
    ])
  })

  it('judges in float32 where int8 judges otherwise, and says by how much', async () => {
    const { classifier } = await open(await spoiled(), 'int8')
    expect(classifier.precision).toMatchObject({ used: 'float32', problem: { code: 'PL-PRECISION-DIFFERS' } })
    expect(classifier.precision.problem!.message).toMatch(
      /int8 judges otherwise than float32: differences of 0\.\d+ on/
    )
    const [verdict] = await classifier.classify(seen()).verdicts
    expect(verdict!.precision).toBe('float32')
  })

  it.each([
    ['another one than the manifest says', async (file: string) => copyFile(manifest.file, file), 'PL-MODEL-HASH'],
    ['missing', async () => undefined, 'PL-MODEL-UNREADABLE']
  ])('judges in float32 where the int8 file is %s, and says which file that is', async (_, place, code) => {
    const file = join(folder, `other-${Math.random()}.onnx`)
    await place(file)
    const { classifier } = await open({ ...manifest, int8: { file, sha256: manifest.int8!.sha256 } }, 'auto')
    expect(classifier.precision).toMatchObject({ used: 'float32', compared: null, problem: { code } })
    expect(classifier.precision.problem!.message).toContain(`int8 does not work: ${file}: `)
    // What to do goes by the code.
    expect(classifier.precision.problem!.message).not.toMatch(/Copy the model again|Check file/)
  })

  it.each<[string, Partial<OtherModel>, RegExp]>([
    ['another output', { output: 'other' }, /has no output "logits"/],
    ['more labels', { outputs: 4 }, /gives 4 scores, the float32 file 3$/],
    [
      'smaller pictures',
      { side: 16 },
      /takes float32 \[any, 3, 16, 16\], the float32 file float32 \[any, 3, 64, 64\]$/
    ],
    ['whole numbers', { type: 'uint8' }, /takes uint8 \[any, 3, 64, 64\], the float32 file float32/]
  ])(
    'judges in float32 where the int8 file was made of another model, with %s, and says so',
    async (_, other, said) => {
      const file = await writeOther(other)
      const { classifier } = await open({ ...manifest, int8: { file, sha256: await sha256Of(file) } }, 'int8')
      const { problem } = classifier.precision
      expect(problem).toMatchObject({ code: 'PL-PRECISION-FILE', message: expect.stringMatching(said) })
      expect(problem!.message).toContain(`int8 does not work: ${file}: it was made of another model: `)
    }
  )

  it('judges in int8 again after its worker has died, without another proof', async () => {
    const { classifier, asked } = await open(manifest, 'int8')
    const before = classifier.precision
    expect(await killWorkers('classify/worker.js')).toBe(1)
    await until(() => classifier.restarted === 1, 'the restart')
    expect(classifier.precision).toEqual(before)
    expect(asked()).toBe(1)
    const [verdict] = await classifier.classify({ ...seen(), faces: [faceOf(crops[0]!)] }).verdicts
    expect(verdict!.precision).toBe('int8')
  })

  it('refuses to start in a precision that is not there', async () => {
    const { int8: _, ...plain } = manifest
    await expect(open(plain, 'int8')).rejects.toThrow(
      /inference\.precision is int8, and the manifest names no int8 file/
    )
    await expect(open(manifest, 'float16')).rejects.toThrow(
      /inference\.precision is float16, and the CPU has no kernels for it/
    )
    const { classifier } = await open(plain, 'auto')
    expect(classifier.precision).toEqual({ used: 'float32', compared: null, problem: null })
  })
})

describe('the proof of a precision', () => {
  const faces = Array.from({ length: 10 }, (_, i) => Uint8Array.of(i))
  const off = (by: (i: number) => number) =>
    comparePrecision(
      async () => [0.5, 0.5],
      async ([i]) => [0.5 + by(i!), 0.5],
      faces
    )

  it.each([
    ['none', () => 0, null],
    ['a little everywhere', () => 0.03, null],
    ['more everywhere', () => 0.06, 'PL-PRECISION-DIFFERS'],
    ['much on one face', (i: number) => (i === 7 ? 0.13 : 0), 'PL-PRECISION-DIFFERS'],
    ['no number on one face', (i: number) => (i === 7 ? Number.NaN : 0), 'PL-PRECISION-DIFFERS']
  ])('with a difference of %s', async (_, by, code) => {
    expect(objectionTo('int8', await off(by), false)?.code ?? null).toBe(code)
  })

  it('objects to a precision that is hardly faster, where it has to be', () => {
    const found = { faces: 24, mean: 0, max: 0, speed: 1.05 }
    expect(objectionTo('int8', found, true)?.code).toBe('PL-PRECISION-SLOW')
    expect(objectionTo('int8', found, false)).toBeNull()
    expect(objectionTo('int8', { ...found, speed: 1.2 }, true)).toBeNull()
  })
})
