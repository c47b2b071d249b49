import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import type * as tfjs from '@tensorflow/tfjs-core'
import type { Window } from '../layers.js'

/**
 * `value` where `from` is exactly 0 (or -0), `from` elsewhere. On the bits of the numbers: whether a response is zero is hard
 * to foresee, and a branch for each of ten million takes five times as long.
 */
export function nonZeroOnHost(to: Float32Array, from: Float32Array, value: number): void {
  const [toBits, fromBits] = [bitsOf(to), bitsOf(from)]
  const valueBits = bitsOf(Float32Array.of(value))[0]!
  for (let i = 0; i < fromBits.length; i++) {
    const bits = fromBits[i]!
    const magnitude = bits << 1
    const isSome = (magnitude | -magnitude) >> 31
    toBits[i] = (bits & isSome) | (valueBits & ~isSome)
  }
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length)
}

/**
 * The way back through a large dense layer, s·W: [rows, out] and [out, in] → [rows, in]. Not done with tfjs: its wasm backend
 * either packs the weights, which doubles their memory, or takes five times as long. About half of the outputs behind a
 * ReLU have no relevance, and their weights are never read.
 */
export function denseBackwardOnHost(
  result: Float32Array,
  s: Float32Array,
  weights: Float32Array,
  { outSize, inSize }: { outSize: number; inSize: number }
): void {
  result.fill(0)
  for (let row = 0; row < s.length / outSize; row++) {
    const factors = s.subarray(row * outSize, (row + 1) * outSize)
    const relevant = [...factors.keys()].filter((out) => factors[out] !== 0)
    addRows(result.subarray(row * inSize, (row + 1) * inSize), weights, factors, relevant)
  }
}

/** Adds factor·weights of these outputs, four at a time: the sums are then read and written a quarter as often. */
function addRows(sums: Float32Array, weights: Float32Array, factors: Float32Array, outputs: readonly number[]): void {
  const size = sums.length
  for (let at = 0; at < outputs.length; at += 4) {
    // Where fewer than four are left, the first one stands in for the missing ones, times zero.
    const taken = [0, 1, 2, 3].map((i) => outputs[at + i] ?? outputs[at]!)
    const [a, b, c, d] = taken.map((out) => out * size) as [number, number, number, number]
    const [fa, fb, fc, fd] = taken.map((out, i) => (at + i < outputs.length ? factors[out]! : 0)) as typeof taken
    for (let i = 0; i < size; i++) {
      sums[i]! += fa! * weights[a + i]! + fb! * weights[b + i]! + fc! * weights[c + i]! + fd! * weights[d + i]!
    }
  }
}

/**
 * Pools in plain loops over channels-last maps [batch, height, width, channels]. Not done with tfjs: its wasm backend
 * gives a tied maximum's gradient to the last winner and none to windows whose maximum is not above zero, and a
 * composition of other kernels takes longer than these loops.
 */
export interface MapShape {
  batch: number
  channels: number
}

/**
 * Puts the largest value of each window into `output`. Returns where it lies in `x`: the first of several (row by row), as
 * TensorFlow has it.
 */
export function maxPoolOnHost(
  output: Float32Array,
  x: Float32Array,
  { batch, channels }: MapShape,
  window: Window
): Int32Array {
  const winners = new Int32Array(output.length).fill(-1)
  output.fill(Number.NEGATIVE_INFINITY)
  eachTap(batch, window, (from, to) => {
    let at = to * channels
    for (let i = from * channels; i < (from + 1) * channels; i++, at++) {
      const value = x[i]!
      if (value > output[at]! || winners[at]! < 0) {
        output[at] = value
        winners[at] = i
      }
    }
  })
  return winners
}

/** Each winner gets its window's relevance; overlapping windows add up. */
export function unpoolOnHost(result: Float32Array, relevance: Float32Array, winners: Int32Array): void {
  result.fill(0)
  for (let i = 0; i < relevance.length; i++) {
    const winner = winners[i]!
    if (winner >= 0) result[winner]! += relevance[i]!
  }
}

/** Sums over each window; padding counts as zeros. */
export function sumPoolOnHost(
  output: Float32Array,
  x: Float32Array,
  { batch, channels }: MapShape,
  window: Window
): void {
  output.fill(0)
  eachTap(batch, window, (from, to) => {
    for (let channel = 0; channel < channels; channel++)
      output[to * channels + channel]! += x[from * channels + channel]!
  })
}

/** The transposed map of `sumPoolOnHost`. */
export function sumPoolBackwardOnHost(
  result: Float32Array,
  s: Float32Array,
  { batch, channels }: MapShape,
  window: Window
): void {
  result.fill(0)
  eachTap(batch, window, (from, to) => {
    for (let channel = 0; channel < channels; channel++)
      result[from * channels + channel]! += s[to * channels + channel]!
  })
}

/** Calls `visit` with the numbers of the input's and the output's pixel for each tap inside the input, row by row. */
function eachTap(batch: number, window: Window, visit: (from: number, to: number) => void): void {
  const { input, output } = window
  const [rows, columns] = [tapPositions(window, 0), tapPositions(window, 1)]
  for (let sample = 0; sample < batch; sample++) {
    for (let at = 0; at < output[0] * output[1]; at++) {
      const inRow = columns[at % output[1]]!
      for (const row of rows[Math.floor(at / output[1])]!) {
        const start = (sample * input[0] + row) * input[1]
        for (const column of inRow) visit(start + column, sample * output[0] * output[1] + at)
      }
    }
  }
}

/** The input rows (or columns) that each output row (or column) sees. */
function tapPositions(window: Window, axis: 0 | 1): number[][] {
  return Array.from({ length: window.output[axis] }, (_, at) =>
    Array.from(
      { length: window.kernel[axis] },
      (_, tap) => at * window.strides[axis] - window.pads[axis] + tap * window.dilations[axis]
    ).filter((position) => position >= 0 && position < window.input[axis])
  )
}

/**
 * Tensors' values for loops in JavaScript. On the wasm backend they are views of its heap, so nothing is copied; elsewhere
 * they are what tfjs gives and takes.
 */
export class HostMemory {
  readonly #tf: typeof tfjs
  readonly #wasm: BackendWasm | null

  /** @param onHeap whether tfjs computes with its wasm backend */
  constructor(tf: typeof tfjs, onHeap: boolean) {
    this.#tf = tf
    this.#wasm = onHeap ? (tf.backend() as BackendWasm) : null
  }

  /**
   * A new tensor that `write` fills.
   * @param sources tensors whose values `write` reads, in that order
   * @param write   gets values that it must set, every one of them, and the sources' values, which it must not
   */
  make(
    shape: readonly number[],
    sources: readonly tfjs.Tensor[],
    write: (to: Float32Array, ...from: Float32Array[]) => void
  ): tfjs.Tensor {
    if (this.#wasm === null) {
      const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1))
      write(values, ...sources.map((source) => source.dataSync() as Float32Array))
      return this.#tf.tensor(values, [...shape])
    }
    const info = this.#wasm.makeOutput([...shape], 'float32')
    // Views are taken only now: making the output may have moved the heap.
    const view = (of: Parameters<BackendWasm['typedArrayFromHeap']>[0]): Float32Array =>
      this.#wasm!.typedArrayFromHeap(of) as Float32Array
    write(view(info), ...sources.map(view))
    return this.#tf.engine().makeTensorFromTensorInfo(info, this.#wasm)
  }
}
