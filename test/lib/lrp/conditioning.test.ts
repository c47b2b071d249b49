import { describe, expect, it } from 'vitest'
import { compositeOf, layerGraphOf } from '../../../src/lib/lrp/index.js'
import { cancelsUnder } from '../../../src/lib/lrp/walk.js'
import { decodeModel } from '../../../src/lib/onnx/index.js'
import { buildNet } from './nets.js'

const netOf = (bias: boolean) =>
  buildNet(
    [
      { kind: 'conv', out: 4, kernel: [3, 3], bias },
      { kind: 'relu' },
      { kind: 'conv', out: 4, kernel: [3, 3], bias },
      { kind: 'relu' },
      { kind: 'flatten' },
      { kind: 'dense', out: 3, bias }
    ],
    [2, 8, 8],
    1
  )

describe('whether relevance may be ill-conditioned', () => {
  it.each([
    // The inhibiting part and a bias above zero may come to nearly nothing.
    ['lrp.alpha_2_beta_1', true],
    ['lrp.sequential_preset_b_flat', true],
    // Each denominator is a layer's output, of which relevance is a multiple, or a sum of one sign.
    ['lrp.z', false],
    ['lrp.epsilon', false],
    ['lrp.sequential_preset_a_flat', false],
    ['lrp.sequential_preset_b_flat_IB', false],
    ['lrp.alpha_2_beta_1_IB', false],
    ['lrp.z_plus', false],
    // The last layer's outputs may be below zero.
    ['lrp.alpha_1_beta_0', true],
    ['lrp.gamma', false],
    ['lrp.flat', false]
  ])('is told by the rules of %s: %s', (name, cancels) => {
    expect(cancelsUnder(layerGraphOf(decodeModel(netOf(true).model)), compositeOf(name))).toBe(cancels)
  })

  it('depends on a bias', () => {
    const composite = compositeOf('lrp.alpha_2_beta_1')
    expect(cancelsUnder(layerGraphOf(decodeModel(netOf(false).model)), composite)).toBe(false)
  })
})
