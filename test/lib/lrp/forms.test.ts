import { appendFile } from 'node:fs/promises'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireBackend, type Backend } from '../../../src/lib/lrp/engines/tfjs-backend.js'
import type { ExplainerOptions } from '../../../src/lib/lrp/index.js'
import { naiveRelevance, withExplainer, worst } from './compare.js'
import {
  activations,
  colourSwaps,
  denseAsConvolution,
  denseForms,
  difference,
  flattens,
  gatedRelu6,
  globalPools,
  invertedResidual,
  joined,
  maxFeatureMap,
  nhwcConvolution,
  noiseOf,
  preprocessings,
  squeezeAndExcitation,
  sumOfThree
} from './forms.js'
import { forward, type NaiveRule } from './naive.js'
import { buildNet, type Net, type Spec } from './nets.js'

let backend: Backend
beforeAll(async () => {
  backend = await acquireBackend(1)
})
afterAll(() => backend.release())

const relu: Spec = { kind: 'relu' }
const pool: Spec = { kind: 'maxPool', kernel: [2, 2] }
const conv = (out = 4): Spec => ({ kind: 'conv', out, kernel: [3, 3], pads: [1, 1, 1, 1] })
const dense = (out: number): Spec => ({ kind: 'dense', out })
const tail: Spec[] = [{ kind: 'flatten' }, dense(6), relu, dense(3)]
const body: Spec[] = [conv(), relu, pool, conv(), relu, pool]

const each = (forms: Record<string, Spec>, around: (form: Spec) => Spec[]): [string, Spec[], number][] =>
  Object.entries(forms).map(([name, form]) => [name, around(form), 17])

const families: [string, [string, Spec[], number][]][] = [
  [
    'flatten',
    Object.entries(flattens).map(([name, [opset, form]]) => [name, [...body, form, dense(6), relu, dense(3)], opset])
  ],
  ['dense layer', each(denseForms, (form) => [...body, { kind: 'flatten' }, form, relu, dense(3)])],
  [
    'layout',
    [
      ['a dense layer as a convolution with 1x1 output', [...body, ...denseAsConvolution, dense(3)], 17],
      ['a bias of NHWC maps', [nhwcConvolution, relu, pool, nhwcConvolution, relu, ...tail], 17]
    ]
  ],
  ['preprocessing in the graph', each(preprocessings, (form) => [form, ...body, ...tail])],
  ['order of colours in the graph', each(colourSwaps, (form) => [form, ...body, ...tail])],
  ['activation', each(activations, (form) => [conv(), form, pool, conv(), form, ...tail])],
  ['whole-map pool', each(globalPools, (form) => [...body, form, dense(6), relu, dense(3)])],
  [
    'block',
    [
      ['squeeze and excitation', [conv(), relu, squeezeAndExcitation('Sigmoid'), pool, ...tail], 17],
      ['squeeze and excitation, HardSigmoid', [conv(), relu, squeezeAndExcitation('HardSigmoid'), pool, ...tail], 17],
      ['squeeze and excitation, expand_as', [conv(), relu, squeezeAndExcitation('Sigmoid', true), pool, ...tail], 17],
      ['the larger of two halves', [conv(), maxFeatureMap, pool, conv(), relu, ...tail], 17],
      ['squeeze and excitation of a ReLU6', [conv(), ...gatedRelu6('HardSigmoid'), pool, ...tail], 17],
      ['the sum of three branches', [conv(), relu, sumOfThree, pool, ...tail], 17],
      ['branches joined by channels', [conv(), relu, joined, pool, conv(), relu, ...tail], 17],
      ['the difference of two branches', [conv(), relu, difference, relu, pool, ...tail], 17],
      ['an inverted residual with a depthwise convolution', [conv(), relu, invertedResidual, pool, ...tail], 17]
    ]
  ]
]

/** By kind of layer; `first` for the first one with weights. */
const composites: Record<string, (kind: string, first: boolean) => NaiveRule> = {
  'lrp.epsilon': () => ({ rule: 'epsilon', epsilon: 1e-7 }),
  'lrp.sequential_preset_a': (kind) => presetOf(1, 0)(kind),
  'lrp.sequential_preset_a_flat': (kind, first) => (first ? { rule: 'flat' } : presetOf(1, 0)(kind)),
  'lrp.z_plus': () => ({ rule: 'z_plus' })
}
const presetOf =
  (alpha: number, beta: number) =>
  (kind: string): NaiveRule =>
    kind === 'dense' ? { rule: 'epsilon', epsilon: 0.1 } : { rule: 'alpha_beta', alpha, beta }

/** Where PAINLENS_FORMS_TABLE names a file, the table of docs/measured/lrp-forms.md is appended to it. */
const table = process.env.PAINLENS_FORMS_TABLE

const dims = [2, 3, 16, 16]
const data = noiseOf(2 * 768, 11)

async function outputsOf({ model }: Net): Promise<Float32Array> {
  const session = await InferenceSession.create(model)
  try {
    const results = await session.run({ input: new Tensor('float32', data, dims) })
    return results[session.outputNames[0]!]!.data as Float32Array
  } finally {
    await session.release()
  }
}

describe.each(families)('%s', (family, forms) => {
  it.each(forms)('%s has the relevance of the formulas on both engines', async (name, specs, opset) => {
    const net = buildNet(specs, [3, 16, 16], 23, opset)
    // The naive net is the exported one, by ONNX Runtime's word.
    const outputs = await outputsOf(net)
    const errors: Record<'tfjs' | 'onnx', number> = { tfjs: 0, onnx: 0 }
    for (const [composite, ruleOf] of Object.entries(composites)) {
      const wanted = naiveRelevance(net, data, (index) => ruleOf(net.naive[net.weighted[index]!]!.kind, index === 0))
      expect(worst(outputs, wanted.logits.flat())).toBeLessThan(1e-4)
      for (const engine of ['tfjs', 'onnx'] as const) {
        await withExplainer({ model: net.model, composite, engine }, async (explainer) => {
          const { relevance, logits } = await explainer.explain({ data, dims })
          expect(
            worst(
              logits.flatMap((row) => [...row]),
              wanted.logits.flat()
            )
          ).toBeLessThan(1e-4)
          const error = worst(relevance, wanted.relevance)
          expect(error, `${composite} by ${engine}`).toBeLessThan(1e-3)
          errors[engine] = Math.max(errors[engine], error)
        })
      }
    }
    const row = [family, name, ...[errors.tfjs, errors.onnx].map((error) => error.toExponential(0))]
    if (table) await appendFile(table, `| ${row.join(' | ')} |\n`)
  })
})

describe('a model with its preprocessing in the graph', () => {
  const rest = [...body, ...tail]
  const bare = buildNet(rest, [3, 16, 16], 23)
  const presets = ['lrp.z', 'lrp.sequential_preset_a_flat', 'lrp.sequential_preset_b_flat']
  type Options = Pick<ExplainerOptions, 'engine' | 'composite' | 'inputLayerRule'>
  const explainedBy = (model: Uint8Array, picture: Float32Array, options: Options) =>
    withExplainer({ model, ...options }, (explainer) => explainer.explain({ data: picture, dims }))

  it.each(Object.entries(preprocessings))('%s has the map of the preprocessing before the model', async (_, form) => {
    const net = buildNet([form, ...rest], [3, 16, 16], 23)
    const preprocess = net.naive[0]!.apply!
    const preprocessed = data.map((value, i) => preprocess(value, i % 768))
    for (const engine of ['tfjs', 'onnx'] as const)
      for (const composite of presets) {
        const wanted = await explainedBy(bare.model, preprocessed, { engine, composite })
        const { relevance } = await explainedBy(net.model, data, { engine, composite })
        expect(worst(relevance, wanted.relevance), `${composite} by ${engine}`).toBeLessThan(1e-3)
      }
  })

  const [low, high] = [
    [-5, -6, -4.5],
    [4.5, 5, 7]
  ]

  it.each(Object.entries({ ...preprocessings, ...colourSwaps }))(
    '%s has the map of a box whose bounds were preprocessed before the model',
    async (_, form) => {
      const net = buildNet([form, ...rest], [3, 16, 16], 23)
      const [front] = net.naive
      const through = (picture: ArrayLike<number>) => forward([front!], Float64Array.from(picture))[0]!
      const behind = [low, high].map((bound) => {
        const values = through(Array.from({ length: 768 }, (_, i) => bound![Math.floor(i / 256)]!))
        return [0, 1, 2].map((channel) => values[256 * channel]!)
      })
      const preprocessed = Float32Array.from([0, 1].flatMap((i) => [...through(data.slice(768 * i, 768 * (i + 1)))]))
      const bounds = [Math.min, Math.max].map((of) => [0, 1, 2].map((i) => of(behind[0]![i]!, behind[1]![i]!)))
      for (const engine of ['tfjs', 'onnx'] as const) {
        const options = { engine, composite: 'lrp.epsilon_gamma_box' }
        const wanted = await explainedBy(bare.model, preprocessed, {
          ...options,
          inputLayerRule: bounds as [number[], number[]]
        })
        const { relevance } = await explainedBy(net.model, data, { ...options, inputLayerRule: [low!, high!] })
        // The map has the colours in the order of the model's input.
        const found =
          front!.kind === 'same'
            ? [0, 1].flatMap((i) => [...through(relevance.slice(768 * i, 768 * (i + 1)))])
            : relevance
        expect(worst(found, wanted.relevance), engine).toBeLessThan(1e-3)
      }
    }
  )
})

describe('quantised values', () => {
  it.each([
    ['uint8', Uint8Array.of(0), 0, 255 / 64],
    ['uint8 with a zero point', Uint8Array.of(128), -2, 127 / 64],
    ['int8', Int8Array.of(0), -2, 127 / 64]
  ])('of %s are explained as values that saturate at its ends', async (_, zero, low, high) => {
    const quantised: Spec = {
      kind: 'own',
      add: (net) => {
        const inputs = [net.onnx.constant('s', Float32Array.of(1 / 64), []), net.onnx.constant('z', zero, [])]
        net.value = net.onnx.node('DequantizeLinear', [
          net.onnx.node('QuantizeLinear', [net.value, ...inputs]),
          ...inputs
        ])
      }
    }
    const clipped: Spec = {
      kind: 'own',
      add: (net) => {
        const bounds = [low, high].map((bound) => net.onnx.constant('b', Float32Array.of(bound), []))
        net.value = net.onnx.node('Clip', [net.value, ...bounds])
      }
    }
    const [own, wanted] = [quantised, clipped].map((form) => buildNet([conv(), form, pool, ...tail], [3, 16, 16], 23))
    for (const engine of ['tfjs', 'onnx'] as const) {
      const options = { composite: 'lrp.sequential_preset_a_flat', engine } as const
      const results = [own!, wanted!].map(({ model }) =>
        withExplainer({ model, ...options }, (explainer) => explainer.explain({ data, dims }))
      )
      const [found, expected] = await Promise.all(results)
      expect(worst(found!.relevance, expected!.relevance)).toBeLessThan(1e-5)
    }
  })
})
