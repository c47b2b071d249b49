/** Bases that `study train` cannot train: one sentence each, and nothing is left that keeps the next try out. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { sha256Of } from '../../src/lib/model/manifest.js'
import { GraphBuilder, type OnnxModel, readModel, writeModel } from '../../src/lib/onnx/index.js'
import { type VggSpec, writeRandomVgg } from '../../src/lib/vgg/index.js'
import { type TrainOptions, trainStudy } from '../../src/study/train/index.js'
import { patience } from '../support/slowness.js'
import { type StudyRig, studyRig, trainOptions } from './rig.js'

let rig: StudyRig
beforeAll(async () => {
  rig = await studyRig({ subjects: 4, crops: 1 })
}, patience(60_000))
afterAll(() => rig.remove())

const optionsFor = (out: string, changed: Partial<TrainOptions>): TrainOptions => {
  const options = trainOptions(rig, out, { trainFrom: 'fc8', folds: 2, views: 1, ...changed })
  return { ...options, recipe: { ...options.recipe, epochs: 1 } }
}

const train = (options: TrainOptions): Promise<string> =>
  trainStudy(options, () => undefined, new AbortController().signal)

describe('a base', { timeout: patience(60_000) }, () => {
  it('without the layer of --train-from is refused, and the next layer is taken in the same folder', async () => {
    const two: VggSpec = { input: { width: 32, height: 32 }, blocks: [[8], [12]], dense: [16, 9] }
    const base = await writeRandomVgg(two, join(rig.folder, 'two.onnx'), Array.from('abcdefghi'), 4)
    const options = optionsFor('layers', { base, trainFrom: 'fc6' })
    await expect(train(options)).rejects.toMatchObject({
      code: 'PL-TRAIN-FROM',
      message: expect.stringMatching(/fc6 is not there: .* Give --train-from fc8 or fc7 or conv5_1 or all\./)
    })
    expect(existsSync(join(options.out, 'run.yaml'))).toBe(false)
    await train({ ...options, trainFrom: 'fc7' })
    await expect(train(options)).rejects.toMatchObject({ code: 'PL-STUDY-FOLDER' })
  })

  const wave = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i) / 10)

  /** A base of one dense layer behind whatever `before` makes of its input. */
  async function baseOf(
    name: string,
    dims: readonly (number | string)[],
    before: (graph: GraphBuilder, input: string) => string = (_, input) => input
  ): Promise<string> {
    const graph = new GraphBuilder({ name: 'base' })
    const [, ...own] = dims
    const size = own.reduce<number>((product, dim) => product * Number(dim), 1)
    const flat = graph.node('Flatten', [before(graph, graph.input('input', dims))], { axis: 1 }, { name: 'flat' })
    const constants = [graph.constant('w', wave(9 * size), [9, size]), graph.constant('b', wave(9), [9])]
    graph.output(graph.node('Gemm', [flat, ...constants], { transB: 1 }, { name: 'fc' }), ['batch', 9])
    return written(name, graph.toModel())
  }

  async function written(name: string, model: OnnxModel): Promise<string> {
    const file = join(rig.folder, `${name}.onnx`)
    await writeModel(file, model)
    return file
  }

  async function withInput(name: string, type: 'float16' | 'uint8'): Promise<string> {
    const model = await readModel(await baseOf(name, picture))
    return written(name, {
      ...model,
      graph: { ...model.graph, inputs: model.graph.inputs.map((one) => ({ ...one, type })) }
    })
  }

  const picture = ['batch', 3, 32, 32] as const
  const size = 3 * 32 * 32

  it.each<[string, () => Promise<string>, string, RegExp]>([
    [
      'that is no ONNX file',
      async () => {
        writeFileSync(join(rig.folder, 'text.onnx'), 'no model')
        return join(rig.folder, 'text.onnx')
      },
      'PL-MODEL-DAMAGED',
      /byte 1 starts no protobuf field/
    ],
    [
      'that gives maps in place of classes',
      async () => {
        const graph = new GraphBuilder({ name: 'maps' })
        const kernel = graph.constant('k', wave(27), [1, 3, 3, 3])
        const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }
        graph.output(graph.node('Conv', [graph.input('input', picture), kernel], attributes), ['batch', 1, 32, 32])
        return written('maps', graph.toModel())
      },
      'PL-TRAIN-MODEL',
      /it is no classifier that can be trained: no dense layer leads to its output/
    ],
    [
      'that takes more than a picture',
      () =>
        baseOf('two', picture, (graph, input) =>
          graph.node('Add', [input, graph.input('flag', picture)], {}, { name: 'add' })
        ),
      'PL-MODEL-INPUT',
      /it has 2 inputs \(input, flag\) instead of one/
    ],
    [
      'of another size',
      () => baseOf('large', ['batch', 3, 64, 64]),
      'PL-STUDY-BASE',
      /it takes \[batch, 3, 64, 64\], and what is said of its input makes \[batch, 3, 32, 32\]/
    ],
    [
      'of another layout',
      () => baseOf('nhwc', ['batch', 32, 32, 3]),
      'PL-STUDY-BASE',
      /it takes \[batch, 32, 32, 3\], and what/
    ],
    ['of one channel', () => baseOf('grey', ['batch', 1, 32, 32]), 'PL-STUDY-BASE', /it takes \[batch, 1, 32, 32\]/],
    ['of vectors', () => baseOf('vector', ['batch', size]), 'PL-STUDY-BASE', /it takes \[batch, 3072\]/],
    [
      'of one picture at a time',
      () => baseOf('single', [1, 3, 32, 32]),
      'PL-STUDY-BASE',
      /it takes 1 picture\(s\) at a time.*dynamic_axes/
    ],
    [
      'of one picture at a time, though its input does not say so',
      () =>
        baseOf('reshaped', picture, (graph, input) => {
          const shape = graph.constant('shape', BigInt64Array.of(1n, 3n, 32n, 32n), [4])
          return graph.node('Reshape', [input, shape], {}, { name: 'reshape' })
        }),
      'PL-TRAIN-MODEL',
      /it cannot compute 8 pictures at a time \([^\n]*\)\. Export/
    ],
    ['in float16', () => withInput('half', 'float16'), 'PL-STUDY-BASE', /its input is float16, and training gives/],
    ['in uint8', () => withInput('bytes', 'uint8'), 'PL-STUDY-BASE', /its input is uint8/],
    [
      'with an operator that is not known',
      () => baseOf('erf', picture, (graph, input) => graph.node('Erf', [input], {}, { name: 'erf' })),
      'PL-TRAIN-MODEL',
      /its layers cannot be read: .*"erf" \(Erf\).* Give a base of the operators/
    ]
  ])('%s is refused in one sentence, and its folder takes another base', async (name, make, code, words) => {
    const input = join(rig.folder, 'input.yaml')
    writeFileSync(input, stringify((parse(readFileSync(rig.base, 'utf8')) as { input: unknown }).input))
    const options = optionsFor(name.replaceAll(/\W/g, '-'), { base: await make(), input })
    const error = (await train(options).catch((thrown: unknown) => thrown)) as Error
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) })
    expect(error.message).not.toMatch(/\n|explanation\.enabled/)
    expect(readdirSync(options.out)).toEqual([])
    await train({ ...options, base: rig.base, input: undefined })
  })

  it('with operators that cannot be trained is refused from there on, and trained behind them', async () => {
    const base = await baseOf('tanh', picture, (graph, input) => {
      const constants = [graph.constant('k', wave(81), [3, 3, 3, 3])]
      const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }
      const sums = graph.node('Conv', [input, ...constants], attributes, { name: 'conv' })
      return graph.node('Tanh', [sums], {}, { name: 'tanh' })
    })
    const input = join(rig.folder, 'input.yaml')
    const options = optionsFor('tanh-out', { base, input, trainFrom: 'all' })
    await expect(train(options)).rejects.toMatchObject({
      code: 'PL-TRAIN-MODEL',
      what: 'cannot be trained from there: node "tanh" (Tanh) cannot be trained'
    })
    await train({ ...options, trainFrom: 'fc8' })
  })

  it('with several outputs is trained before the one that its manifest names', async () => {
    const model = await readModel(rig.base.replace('.yaml', '.onnx'))
    const { outputs, nodes } = model.graph
    const hidden = { ...outputs[0]!, name: nodes.at(-1)!.inputs[0]!, dims: ['batch', 16] }
    const file = await written('several', { ...model, graph: { ...model.graph, outputs: [hidden, ...outputs] } })
    const manifest = { ...(parse(readFileSync(rig.base, 'utf8')) as object), file, sha256: await sha256Of(file) }
    const base = join(rig.folder, 'several.yaml')
    writeFileSync(base, stringify({ ...manifest, output: outputs[0]!.name }))
    await train(optionsFor('several-out', { base }))
    writeFileSync(base, stringify(manifest))
    await expect(train(optionsFor('several-none', { base }))).rejects.toMatchObject({
      code: 'PL-MODEL-OUTPUT',
      fix: expect.stringMatching(/^Put output: NAME into the manifest/)
    })
    const input = join(rig.folder, 'input.yaml')
    await expect(train(optionsFor('several-input', { base: file, input }))).rejects.toMatchObject({
      code: 'PL-MODEL-OUTPUT',
      fix: expect.stringMatching(/^Give --base a manifest of this file that has output: NAME/)
    })
  })
})
