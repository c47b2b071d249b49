import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { UnsupportedModelError } from '../../../src/core/errors.js'
import { packageRoot } from '../../../src/core/version.js'
import { operators } from '../../../src/lib/lrp/graph/operators.js'
import { layerGraphOf, readLayerGraph } from '../../../src/lib/lrp/index.js'
import { encodeModel, GraphBuilder } from '../../../src/lib/onnx/index.js'

type Make = (graph: GraphBuilder, x: string) => string

function modelOf(make: Make, dims: (number | string)[] = ['N', 3, 8, 8]) {
  const graph = new GraphBuilder({ name: 'net' })
  graph.output(make(graph, graph.input('x', dims)), ['N', 'n'])
  return graph.toModel()
}

const ints = (graph: GraphBuilder, ...values: number[]): string =>
  graph.constant('i', BigInt64Array.from(values, BigInt), [values.length])
const behind: Make = (graph, x) => graph.node('Relu', [x])

describe('the operators that LRP reads', () => {
  it('are those that docs/operate/models.md lists', () => {
    const page = readFileSync(join(packageRoot, 'docs/operate/models.md'), 'utf8')
    const [, section = ''] = page.split('\n## What LRP reads\n')
    const listed = [...section.split('\n## ')[0]!.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, name]) => name!)
    expect([...new Set(listed)].sort()).toEqual(Object.keys(operators).sort())
  })
})

describe('a model that LRP cannot read is refused with what to do about', () => {
  it.each<[string, RegExp, Make]>([
    ['Resize', /cuts faces out at the manifest's size/, (g, x) => behind(g, g.node('Resize', [x]))],
    ['ArgMax', /Drop the head/, (g, x) => behind(g, g.node('ArgMax', [x]))],
    ['Softmax', /A softmax is read as the head only/, (g, x) => behind(g, g.node('Softmax', [x]))],
    ['QLinearConv', /before its quantisation/, (g, x) => behind(g, g.node('QLinearConv', [x]))],
    ['LSTM', /rules for convolutional networks/, (g, x) => behind(g, g.node('LSTM', [x]))],
    ['If', /do_constant_folding/, (g, x) => behind(g, g.node('If', [x]))],
    [
      'BatchNormalization',
      /model\.eval\(\)/,
      (g, x) => {
        const one = g.constant('one', new Float32Array(3).fill(1), [3])
        return behind(g, g.node('BatchNormalization', [x, one, one, one, one], { training_mode: 1 }))
      }
    ],
    ['Sin', /the operators of docs\/operate\/models\.md/, (g, x) => behind(g, g.node('Sin', [x]))]
  ])('%s', (operator, remedy, make) => {
    const read = () => layerGraphOf(modelOf(make), 'net.onnx')
    expect(read).toThrow(remedy)
    expect(read).toThrow(new RegExp(`^net\\.onnx: LRP does not support node "${operator}" \\(${operator}\\): `))
    expect(read).toThrow(UnsupportedModelError)
  })

  it.each<[string, RegExp, Make]>([
    ['a product of two signals', /not exactly one is a gate/, (g, x) => g.node('Mul', [g.node('Relu', [x]), x])],
    [
      'a product of two gates',
      /not exactly one is a gate/,
      (g, x) => g.node('Mul', [g.node('Sigmoid', [x]), g.node('Sigmoid', [x])])
    ],
    [
      'a division by a signal',
      /divides by something else than a constant/,
      (g, x) => g.node('Div', [x, g.node('Relu', [x])])
    ],
    [
      'a mean over the batch',
      /axes behind the batch that lie side by side/,
      (g, x) => g.node('ReduceMean', [x], { axes: [0] })
    ],
    [
      'a mean over axes apart',
      /axes behind the batch that lie side by side/,
      (g, x) => g.node('ReduceMean', [x], { axes: [1, 3] })
    ],
    [
      'an expanded value that is no gate',
      /only a factor of a product/,
      (g, x) => g.node('Relu', [g.node('Expand', [g.node('GlobalMaxPool', [x]), ints(g, 1, 3, 8, 8)])])
    ],
    [
      'parts of the batch',
      /its axis 0 is none behind the batch/,
      (g, x) => g.node('Slice', [x, ints(g, 1), ints(g, 2), ints(g, 0)])
    ],
    [
      'a shape that repeats the batch',
      /\[batch, batch, -1\] does not keep the batch apart/,
      (g, x) => {
        const batch = g.node('Shape', [x], { start: 0, end: 1 })
        return g.node('Reshape', [x, g.node('Concat', [batch, batch, ints(g, -1)], { axis: 0 })])
      }
    ],
    [
      'a shape that reckons with the batch',
      /what it computes with shapes cannot be followed/,
      (g, x) => g.node('Reshape', [x, g.node('Mul', [g.node('Shape', [x]), ints(g, 2, 1, 1, 1)])])
    ],
    [
      'a constant of another shape',
      /the constant \[2, 1, 1\] does not fit \[batch, 3, 8, 8\]/,
      (g, x) => g.node('Add', [x, g.constant('c', new Float32Array(2), [2, 1, 1])])
    ]
  ])('%s', (_, message, make) => {
    expect(() => layerGraphOf(modelOf((g, x) => behind(g, make(g, x))))).toThrow(message)
  })

  it('constants that the runtime cannot work out', async () => {
    const model = modelOf((g, x) => g.node('Add', [x, g.node('Unheard', [g.constant('c', new Float32Array(1), [1])])]))
    const read = readLayerGraph(encodeModel(model))
    await expect(read).rejects.toThrow(/its constants cannot be worked out .*constants folded/)
    await expect(read).rejects.toThrow(UnsupportedModelError)
  })
})

describe('an input of free size', () => {
  it('is read with the size that is given, and refused without one', () => {
    const model = modelOf(behind, ['N', 3, 'height', 'width'])
    expect(layerGraphOf(model, 'net.onnx', { inputDims: [1, 3, 8, 6] }).input.dims).toEqual(['N', 3, 8, 6])
    expect(() => layerGraphOf(model)).toThrow(/\[N, 3, height, width\] has no fixed size/)
  })
})
