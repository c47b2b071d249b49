import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UsageError } from '../../../src/core/errors.js'
import { acquireBackend, type Backend } from '../../../src/lib/lrp/engines/tfjs-backend.js'
import type { Target } from '../../../src/lib/lrp/index.js'
import { pictures, withExplainer, worst } from './compare.js'
import { backward, forward } from './naive.js'
import { buildNet, type Spec } from './nets.js'

let backend: Backend
beforeAll(async () => {
  backend = await acquireBackend(1)
})
afterAll(() => backend.release())

const relu: Spec = { kind: 'relu' }
const conv: Spec = { kind: 'conv', out: 4, kernel: [3, 3], pads: [1, 1, 1, 1] }
const net = buildNet(
  [conv, relu, { kind: 'maxPool', kernel: [2, 2] }, { kind: 'flatten' }, { kind: 'dense', out: 3 }],
  [3, 8, 8],
  5
)
const data = pictures(net, 2, 9)
const dims = [2, 3, 8, 8]
const labels = ['pain', 'disgust', 'happiness']

/** By the formulas: relevance of each sample that starts with `weights` times the outputs. */
function naiveOf(weights: readonly (readonly number[])[]): number[] {
  return weights.flatMap((own, sample) => {
    const input = Float64Array.from(data.subarray(192 * sample, 192 * (sample + 1)))
    const start = forward(net.naive, input)
      .at(-1)!
      .map((value, i) => value * own[i]!)
    return [...backward(net.naive, input, start, () => ({ rule: 'epsilon', epsilon: 1e-7 }))]
  })
}

const both = (weights: readonly number[]) => [weights, weights]

describe('a target', () => {
  it.each<[string, Target, (readonly number[])[], number[]]>([
    ['a class', 2, both([0, 0, 1]), [2, 2]],
    ['a class by its label', 'disgust', both([0, 1, 0]), [1, 1]],
    ['a contrast by labels', { pain: 1, disgust: -1 }, both([1, -1, 0]), [0, 0]],
    ['a weighting by numbers', { 0: 0.5, 2: 2 }, both([0.5, 0, 2]), [2, 2]],
    [
      'another one for each picture',
      [{ pain: 1, happiness: -0.5 }, 1],
      [
        [1, 0, -0.5],
        [0, 1, 0]
      ],
      [0, 1]
    ]
  ])('of %s has the relevance of the formulas on both engines', async (_, target, weights, wanted) => {
    for (const engine of ['tfjs', 'onnx'] as const)
      await withExplainer({ model: net.model, composite: 'lrp.epsilon', engine, labels }, async (explainer) => {
        const found = await explainer.explain({ data, dims }, { target })
        expect(found.target).toEqual(wanted)
        expect(worst(found.relevance, naiveOf(weights)), engine).toBeLessThan(1e-5)
      })
  })

  it("of the largest output beside a weighting is each picture's own", async () => {
    for (const engine of ['tfjs', 'onnx'] as const)
      await withExplainer({ model: net.model, composite: 'lrp.epsilon', engine }, async (explainer) => {
        const { target, relevance, logits } = await explainer.explain(
          { data, dims },
          { target: ['max', { 1: 1, 0: -1 }] }
        )
        const largest = logits[0]!.indexOf(Math.max(...logits[0]!))
        expect(target).toEqual([largest, 1])
        expect(worst(relevance, naiveOf([[0, 1, 2].map((i) => Number(i === largest)), [-1, 1, 0]]))).toBeLessThan(1e-5)
      })
  })

  it.each<[Target]>([
    ['anger'],
    [{ anger: 1 }],
    [{ pain: Number.NaN }],
    [{ pain: 0 }],
    [{}],
    [3],
    [[0, 1, 2]],
    [null as unknown as Target]
  ])('that makes no sense is refused: %j', async (target) => {
    await withExplainer({ model: net.model, composite: 'lrp.z', labels }, async (explainer) => {
      const refused = explainer.explain({ data, dims }, { target })
      await expect(refused).rejects.toThrow(UsageError)
      await expect(refused).rejects.toThrow(/the target is .* for 2 pictures and 3 classes/)
    })
  })
})
