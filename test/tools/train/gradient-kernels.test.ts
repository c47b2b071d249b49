import type { Tensor, Tensor4D } from '@tensorflow/tfjs'
import { beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import type { Tensorflow } from '../../../tools/train/gradient-kernels.js'
import { loadWasm } from '../../../tools/train/tensorflow.js'

let tf: Tensorflow
beforeAll(async () => {
  tf = await loadWasm()
})

const random = createRandom(3)
const numbers = (count: number) => Float32Array.from({ length: count }, () => random.normal(0, 1))

/** The gradients that `work` answers, by the registered kernels and by tfjs's own cpu backend. */
async function onBoth(work: () => Tensor[]): Promise<[wasm: Float32Array[], cpu: Float32Array[]]> {
  const values = async (backend: string) => {
    await tf.setBackend(backend)
    const tensors = tf.tidy(work)
    return tensors.map((tensor) => tensor.dataSync() as Float32Array)
  }
  const wasm = await values('wasm')
  const cpu = await values('cpu')
  await tf.setBackend('wasm')
  return [wasm, cpu]
}

function expectClose(found: Float32Array[], wanted: Float32Array[]): void {
  expect(found.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length))
  for (const [t, values] of wanted.entries()) {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(largest).toBeGreaterThan(0)
    for (const [i, value] of values.entries())
      expect(Math.abs(found[t]![i]! - value)).toBeLessThan(1e-5 * largest + 1e-6)
  }
}

describe('the registered kernels against the cpu backend', () => {
  it.each([
    { size: [7, 9], kernel: [3, 3], pad: 'same' },
    { size: [7, 9], kernel: [3, 3], pad: 'valid' },
    { size: [8, 6], kernel: [5, 3], pad: 'same' },
    { size: [8, 6], kernel: [1, 5], pad: 'valid' }
  ] as const)("the gradient of a convolution $kernel, $pad equals the cpu backend's", async ({ size, kernel, pad }) => {
    const [x, w] = [numbers(2 * size[0] * size[1] * 3), numbers(kernel[0] * kernel[1] * 3 * 4)]
    const [out, weigh] = [
      pad === 'same' ? size : [size[0] - kernel[0] + 1, size[1] - kernel[1] + 1],
      numbers(2 * 100 * 4)
    ]
    const [wasm, cpu] = await onBoth(() => {
      const factors = tf.tensor4d(weigh.subarray(0, 2 * out[0] * out[1] * 4), [2, out[0], out[1], 4])
      const loss = (x: Tensor, w: Tensor) =>
        tf.sum(tf.mul(tf.conv2d(x as Tensor4D, w as Tensor4D, 1, pad), factors)).asScalar()
      return tf.grads(loss)([tf.tensor4d(x, [2, ...size, 3]), tf.tensor4d(w, [...kernel, 3, 4])])
    })
    expectClose(wasm, cpu)
  })

  it("the gradient of max pooling equals the cpu backend's, with ties and negative windows", async () => {
    const coarse = numbers(2 * 6 * 8 * 3).map((value) => Math.round(value))
    const weigh = numbers(2 * 3 * 4 * 3)
    const [wasm, cpu] = await onBoth(() => {
      const loss = (x: Tensor) =>
        tf.sum(tf.mul(tf.maxPool(x as Tensor4D, 2, 2, 'valid'), tf.tensor4d(weigh, [2, 3, 4, 3]))).asScalar()
      return [tf.grad(loss)(tf.tensor4d(coarse, [2, 6, 8, 3]))]
    })
    // Each window's gradient arrives once, whichever of equal maxima has it: that is what wasm's own kernel gets wrong.
    const windows = (values: Float32Array) =>
      tf.tidy(() => {
        const sums = tf.avgPool(tf.tensor4d(values, [2, 6, 8, 3]), 2, 2, 'valid').mul(4)
        return sums.dataSync() as Float32Array
      })
    expectClose([windows(wasm[0]!)], [weigh])
    expectClose(wasm, [firstWinner(coarse, weigh)])
    expectClose(wasm, cpu)
  })

  it("products of transposed matrices equal the cpu backend's", async () => {
    const [a, b, weigh] = [numbers(60 * 5), numbers(60 * 7), numbers(35)]
    const [wasm, cpu] = await onBoth(() => {
      const product = tf.matMul(tf.tensor2d(a, [60, 5]), tf.tensor2d(b, [60, 7]), true, false)
      const other = tf.matMul(tf.tensor2d(weigh, [5, 7]), tf.tensor2d(b, [60, 7]), false, true)
      return [product, other]
    })
    expectClose(wasm, cpu)
  })

  it('the kernels refuse a geometry that they do not support', () => {
    const gradient = () =>
      tf.tidy(() =>
        tf.grad((x: Tensor) =>
          tf.sum(tf.conv2d(x as Tensor4D, tf.ones([3, 3, 1, 1]) as Tensor4D, 2, 'same')).asScalar()
        )(tf.ones([1, 6, 6, 1]))
      )
    expect(gradient).toThrow('stride 1')
  })

  it('the kernels free every tensor', () => {
    const step = () =>
      tf.tidy(() => {
        const w = tf.ones([3, 3, 2, 2]) as Tensor4D
        const loss = (x: Tensor) => tf.sum(tf.maxPool(tf.conv2d(x as Tensor4D, w, 1, 'same'), 2, 2, 'valid')).asScalar()
        tf.grad(loss)(tf.ones([1, 4, 4, 2]))
      })
    step()
    const before = tf.memory().numTensors
    step()
    expect(tf.memory().numTensors).toBe(before)
  })
})

/** 2x2 windows of stride 2 over [2, 6, 8, 3]: all of the gradient to the first of the largest values. */
function firstWinner(x: Float32Array, dy: Float32Array): Float32Array {
  const dx = new Float32Array(x.length)
  const at = (n: number, y: number, column: number, c: number) => ((n * 6 + y) * 8 + column) * 3 + c
  for (const [i, gradient] of dy.entries()) {
    const [n, y, column, c] = [Math.floor(i / 36), Math.floor(i / 12) % 3, Math.floor(i / 3) % 4, i % 3]
    const window = [0, 1, 2, 3].map((k) => at(n, 2 * y + (k >> 1), 2 * column + (k & 1), c))
    const largest = Math.max(...window.map((place) => x[place]!))
    dx[window.find((place) => x[place] === largest)!]! += gradient
  }
  return dx
}
