import type { Window } from '../layers.js'

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
