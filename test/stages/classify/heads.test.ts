import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InferenceError, ModelError } from '../../../src/core/errors.js'
import { silentLog } from '../../../src/core/log.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import type { GraphBuilder } from '../../../src/lib/onnx/index.js'
import { startClassifier } from '../../../src/stages/classify/index.js'
import { moment } from '../../support/moments.js'
import { type HeadOptions, writeTinyHead } from '../../support/tiny-model.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-heads-'))
})
afterAll(() => rm(folder, { recursive: true }))

type HeadOf = (graph: GraphBuilder, logits: string) => string | string[]

async function open(head: HeadOf, options: HeadOptions = {}) {
  const manifest = await loadManifest(await writeTinyHead(folder, head, options))
  return startClassifier({ manifest, provider: 'cpu', threads: 1, log: silentLog })
}

/** A crop of one colour: the tiny model's logits are its blue, green and red times 0.1. */
async function judge(head: HeadOf, [blue, green, red]: [number, number, number], options: HeadOptions = {}) {
  const classifier = await open(head, options)
  try {
    const data = new Uint8Array(16 * 16 * 3).map((_, i) => [red, green, blue][i % 3]!)
    const landmarks = new Float32Array(136)
    const crop = { width: 16, height: 16, data, landmarks }
    const box = { x: 0, y: 0, width: 16, height: 16 }
    const face = { track: 1, box, score: 1, landmarks, zone: null, crop, roll: 0, whyNot: null }
    const [verdict] = await classifier.classify({ camera: 'bed', at: moment(1), faces: [face] }).verdicts
    return { ...verdict!, head: classifier.head }
  } finally {
    await classifier.stop()
  }
}

const scalar = (graph: GraphBuilder, value: number): string => graph.constant('c', Float32Array.of(value), [])
const column = (graph: GraphBuilder, x: string, at: number): string =>
  graph.node('Gather', [x, graph.constant('at', BigInt64Array.of(BigInt(at)), [1])], { axis: 1 })
const quantised = (graph: GraphBuilder, x: string): string => {
  const scale = [scalar(graph, 1 / 256), graph.constant('zero', Uint8Array.of(0), [])]
  return graph.node('DequantizeLinear', [graph.node('QuantizeLinear', [x, ...scale]), ...scale])
}
const softmaxOf = (logits: number[]): number[] => {
  const powers = logits.map(Math.exp)
  return powers.map((power) => power / powers.reduce((a, b) => a + b))
}
const sigmoidOf = (logit: number): number => 1 / (1 + Math.exp(-logit))

describe('the scores of a model that ends in', () => {
  const logits = [3, 2, 1]
  const colour: [number, number, number] = [30, 20, 10]

  it.each<[string, string, HeadOf, number[], number]>([
    ['logits', 'logits', (_, x) => x, softmaxOf(logits), 1e-5],
    ['a softmax', 'softmax', (g, x) => g.node('Softmax', [x], { axis: 1 }), softmaxOf(logits), 1e-5],
    ['a softmax in uint8', 'softmax', (g, x) => quantised(g, g.node('Softmax', [x])), softmaxOf(logits), 1 / 256],
    ['a log-softmax', 'log_softmax', (g, x) => g.node('LogSoftmax', [x], { axis: 1 }), softmaxOf(logits), 1e-5],
    ['a sigmoid for each class', 'sigmoid', (g, x) => g.node('Sigmoid', [x]), logits.map(sigmoidOf), 1e-4]
  ])('%s are the probabilities that it means', async (_, head, make, wanted, within) => {
    const { probabilities, score, head: found } = await judge(make, colour)
    expect(found).toBe(head)
    for (const [i, each] of wanted.entries()) expect(Math.abs(probabilities[i]! - each)).toBeLessThan(within)
    expect(score).toBe(probabilities[0])
  })

  it.each<[string, HeadOf, number]>([
    ['a single logit', (g, x) => column(g, x, 0), sigmoidOf(3)],
    ['a single sigmoid', (g, x) => g.node('Sigmoid', [column(g, x, 2)]), sigmoidOf(1)]
  ])('%s are that of the alarm label and its opposite', async (_, make, wanted) => {
    const { probabilities, labels } = await judge(make, colour, { changes: { labels: ['pain', 'none'] } })
    expect(labels).toEqual(['pain', 'none'])
    expect(probabilities[0]).toBeCloseTo(wanted, 5)
    expect(probabilities[1]).toBeCloseTo(1 - wanted, 5)
  })

  it('an embedding and scores are those of the output that the manifest names', async () => {
    const make: HeadOf = (g, x) => [x, g.node('Relu', [x], {}, { name: 'embedding' })]
    const { probabilities } = await judge(make, colour, { changes: { output: 'MatMul' } })
    expect(probabilities[0]).toBeCloseTo(softmaxOf(logits)[0]!, 5)
    await expect(open(make)).rejects.toThrow(/2 outputs: embedding, MatMul\. Put output: NAME into the manifest/)
  })
})

describe('a model whose input', () => {
  it.each(['float16', 'float64', 'uint8'] as const)('is %s gets crops of that type', async (type) => {
    const { probabilities } = await judge((_, x) => x, [30, 20, 10], { type })
    expect(probabilities[0]).toBeCloseTo(softmaxOf([3, 2, 1])[0]!, 3)
  })

  it('is uint8 is refused with a mean that such an input cannot hold', async () => {
    const input = { layout: 'nchw', width: 16, height: 16, colour: 'bgr', mean: [93.594, 104.7624, 129.1863] }
    await expect(open((_, x) => x, { type: 'uint8', changes: { input } })).rejects.toThrow(
      /its input is uint8, which holds no shifted or scaled pixels\. Set mean to \[0, 0, 0\] and scale to 1/
    )
  })

  it('has no fixed size gets crops of the manifest’s', async () => {
    const { probabilities } = await judge((_, x) => x, [30, 20, 10], { dims: ['N', 3, 'height', 'width'] })
    expect(probabilities[0]).toBeCloseTo(softmaxOf([3, 2, 1])[0]!, 5)
  })
})

describe('a model is refused at start that', () => {
  it.each<[string, HeadOf, HeadOptions, RegExp]>([
    ['ends in a ReLU', (g, x) => g.node('Relu', [x], {}, { name: 'act' }), {}, /node "act" \(Relu\).*Put head: logits/],
    [
      'has four outputs of undeclared number for three labels',
      (g, x) => g.node('Concat', [x, column(g, x, 0)], { axis: 1 }),
      {},
      /3 labels \(pain, disgust, happiness\), the model 4 outputs/
    ],
    [
      'has one output for three labels',
      (g, x) => column(g, x, 0),
      { changes: { head: 'logits' } },
      /the model 1 output\. Give two labels/
    ],
    [
      'has one output, and the alarm label second',
      (g, x) => column(g, x, 0),
      { changes: { head: 'logits', labels: ['none', 'pain'] } },
      /Give two labels .* the alarm label first/
    ],
    [
      'does not give the probabilities that its manifest says',
      (g, x) => g.node('Relu', [x]),
      { changes: { head: 'softmax' } },
      /outputs for a trial picture are no softmax: [\d.]+ is no probability/
    ],
    [
      'gives no number',
      (g, x) => g.node('Add', [x, g.node('Log', [g.node('Sub', [scalar(g, 0), g.node('Exp', [x])])])]),
      { changes: { head: 'logits' } },
      /its outputs for a trial picture are NaN, NaN, NaN/
    ],
    [
      'chooses the class by itself',
      (g, x) => g.node('ArgMax', [x], { axis: 1 }),
      { outputType: 'int64' },
      /is int64, made by .*ArgMax/
    ]
  ])('%s', async (_, make, options, message) => {
    const error = await open(make, options).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ModelError)
    expect((error as Error).message).toMatch(message)
  })

  it('has a weight that is no number, which a ReLU would hide', async () => {
    const make: HeadOf = (g, x) => g.node('Add', [x, g.node('Relu', [g.node('Mul', [x, scalar(g, Number.NaN)])])])
    await expect(open(make, { changes: { head: 'logits' } })).rejects.toThrow(/value 0 of its tensor "c" is no number/)
  })
})

describe('a score that is no number', () => {
  it('fails the classification, and not the next one', async () => {
    // log(25 - blue · 0.1) is none for the lightest blue only.
    const make: HeadOf = (g, x) => g.node('Add', [x, g.node('Log', [g.node('Sub', [scalar(g, 25), x])])])
    const changes = { head: 'logits' }
    const failing = judge(make, [255, 0, 0], { changes })
    await expect(failing).rejects.toThrow(InferenceError)
    await expect(failing).rejects.toMatchObject({ code: 'PL-INFERENCE-NOT-FINITE' })
    expect((await judge(make, [100, 0, 0], { changes })).probabilities[0]).toBeGreaterThan(0.9)
  })
})
