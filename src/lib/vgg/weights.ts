import { type VggSpec, weightCount, weightedLayersOf } from './spec.js'

/** One layer's numbers in ONNX's layouts: a convolution's kernel OIHW, a dense layer's matrix [out, in]. */
export interface LayerWeights {
  weights: Float32Array
  bias: Float32Array
}

/** By layer name. The first dense layer reads the features in the order of an NCHW tensor. */
export type VggWeights = ReadonlyMap<string, LayerWeights>

/**
 * Weights spread evenly over ±√(6 / fan-in) (He, Zhang, Ren and Sun 2015, in the uniform form), which keeps the
 * activations' size through any depth of ReLU layers; biases zero. The same seed gives the same weights everywhere.
 * VGG-Face's 134 M take about a second and no more memory than they need.
 */
export function randomWeights(spec: VggSpec, seed: number): VggWeights {
  const result = new Map<string, LayerWeights>()
  for (const [i, layer] of weightedLayersOf(spec).entries()) {
    const count = weightCount(layer)
    const limit = Math.sqrt(6 / (count / layer.outputs))
    result.set(layer.name, {
      weights: evenlySpread(count, limit, seed * 1000 + i),
      bias: new Float32Array(layer.outputs)
    })
  }
  return result
}

/** Xorshift32 (Marsaglia 2003) written out in the loop: a call per number would cost more than the number. */
function evenlySpread(count: number, limit: number, seed: number): Float32Array {
  const out = new Float32Array(count)
  const scale = limit / 2 ** 31
  let state = Math.imul(seed + 0x6d2b79f5, 0x9e3779b1) | 1
  for (let i = 0; i < count; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    out[i] = state * scale
  }
  return out
}
