export interface AdamWOptions {
  /** Share by which decaying parameters shrink per step at a learning rate of 1. */
  weightDecay: number
  /** Largest Euclidean norm of the whole gradient; larger ones are scaled down. */
  clipNorm: number
  /** Which parameters decay, by index: kernels and matrices, not what is added to or multiplied with their outputs. */
  decays: readonly boolean[]
}

const beta1 = 0.9
const beta2 = 0.999
const epsilon = 1e-8

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019) on plain arrays, which it changes in place. For a few
 * hundred thousand parameters a JavaScript loop is faster than ten tensor operations per layer, and always adds in the
 * same order.
 */
export class AdamW {
  readonly #parameters: readonly Float32Array[]
  readonly #options: AdamWOptions
  readonly #mean: Float32Array[]
  readonly #square: Float32Array[]
  #steps = 0

  constructor(parameters: readonly Float32Array[], options: AdamWOptions) {
    this.#parameters = parameters
    this.#options = options
    this.#mean = parameters.map(({ length }) => new Float32Array(length))
    this.#square = parameters.map(({ length }) => new Float32Array(length))
  }

  step(gradients: readonly Float32Array[], learningRate: number): void {
    this.#steps++
    const scale = Math.min(1, this.#options.clipNorm / (norm(gradients) + epsilon))
    const correction1 = 1 - beta1 ** this.#steps
    const correction2 = 1 - beta2 ** this.#steps
    for (const [layer, values] of this.#parameters.entries()) {
      const [gradient, mean, square] = [gradients[layer]!, this.#mean[layer]!, this.#square[layer]!]
      const keep = 1 - (this.#options.decays[layer] ? learningRate * this.#options.weightDecay : 0)
      for (let i = 0; i < values.length; i++) {
        const g = gradient[i]! * scale
        mean[i] = beta1 * mean[i]! + (1 - beta1) * g
        square[i] = beta2 * square[i]! + (1 - beta2) * g * g
        const update = mean[i]! / correction1 / (Math.sqrt(square[i]! / correction2) + epsilon)
        values[i] = values[i]! * keep - learningRate * update
      }
    }
  }
}

function norm(arrays: readonly Float32Array[]): number {
  let sum = 0
  for (const array of arrays) for (let i = 0; i < array.length; i++) sum += array[i]! * array[i]!
  return Math.sqrt(sum)
}
