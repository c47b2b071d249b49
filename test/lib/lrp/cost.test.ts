import { describe, expect, it } from 'vitest'
import { middleLayerOf, passesOf } from '../../../src/lib/lrp/cost.js'
import { compositeOf, layerGraphOf } from '../../../src/lib/lrp/index.js'
import { decodeModel } from '../../../src/lib/onnx/index.js'
import { buildNet, type Spec } from './nets.js'

const relu: Spec = { kind: 'relu' }
const conv = (out: number): Spec => ({ kind: 'conv', out, kernel: [3, 3], pads: [1, 1, 1, 1] })
const net = buildNet([conv(4), relu, conv(4), relu, { kind: 'flatten' }, { kind: 'dense', out: 3 }], [2, 8, 8], 1)
const graph = layerGraphOf(decodeModel(net.model))
/** Multiplications, counted by hand. */
const first = 4 * 2 * 9 * 64
const second = 4 * 4 * 9 * 64
const dense = 3 * 4 * 64
const forward = first + second + dense

describe('the middle of an explanation', () => {
  const composite = compositeOf('lrp.sequential_preset_a_flat')

  it('is where the longer of both pieces is shortest, each with its part of the forward pass', () => {
    // In front of the dense layer the pieces are forward + dense, and first + 3 * second; earlier the first one would be everything.
    expect(middleLayerOf(graph, composite, 0)).toBe(graph.output - 1)
    expect(graph.layers[graph.output - 1]!.kind).toBe('reshape')
  })

  it('is none where the explanation is short enough, a cut would not shorten it, or a shortcut leads past each layer', () => {
    // Nothing is multiplied on the way back.
    expect(middleLayerOf(graph, compositeOf('lrp.flat'), 0)).toBeNull()
    expect(middleLayerOf(graph, composite, forward + 2 * second + dense)).toBeNull()
    expect(middleLayerOf(graph, composite, forward + 2 * second + dense - 1)).not.toBeNull()
    // A shortcut from the input to the last layer.
    const layers = graph.layers.map((layer, place) =>
      place === graph.output ? { ...layer, kind: 'add' as const, inputs: [0, place - 1] } : layer
    )
    expect(middleLayerOf({ ...graph, layers } as typeof graph, composite, 0)).toBeNull()
  })
})

describe('the cost of LRP', () => {
  it.each([
    // What the forward pass made serves as the denominator: only the ways back.
    ['lrp.z', 2 * forward],
    // Weights of ones cost no multiplications.
    ['lrp.flat', forward],
    // On the input, which has both signs, positive and negative parts take a way each, forward and back.
    ['lrp.alpha_1_beta_0', forward + 4 * first + 2 * second + 2 * dense],
    ['lrp.sequential_preset_a_flat', forward + 2 * second + dense],
    // The inhibiting response is what the activating one leaves of the output.
    ['lrp.sequential_preset_b_flat', forward + 3 * second + dense],
    ['lrp.sequential_preset_a_flat_IB', forward + 2 * second + 2 * dense],
    // One way for each sign of the inputs; what is strengthened by the sign of the output, at the last layer alone.
    ['lrp.gamma', forward + 4 * first + 2 * second + 4 * dense]
  ])('LRP under %s takes %d multiplications on this network', (composite, wanted) => {
    expect(passesOf(graph, compositeOf(composite)) * forward).toBeCloseTo(wanted, 3)
  })
})
