import { type ConvGeometry, tapsInside, type Window } from './layers.js'
import type { WeightPart } from './rules.js'

const parts: Record<WeightPart, (weight: number) => number> = {
  all: (weight) => weight,
  positive: (weight) => Math.max(weight, 0),
  negative: (weight) => Math.min(weight, 0),
  square: (weight) => weight * weight,
  ones: () => 1
}

/** A rule's version of a layer's weights; `all` is the same array. */
export function weightPart(weights: Float32Array, part: WeightPart): Float32Array {
  return part === 'all' ? weights : weights.map(parts[part])
}

/**
 * The kernel of the forward convolution that is the backward pass of one with `strides` 1 (or, for larger strides, of
 * one over outputs with zeros put between them): flipped, and its channels swapped within each group.
 * [out, in / groups, h, w] → [in, out / groups, h, w].
 */
export function flippedKernel(weights: Float32Array, geometry: ConvGeometry): Float32Array {
  const { kernel, inChannels, outChannels, groups } = geometry
  const taps = kernel[0] * kernel[1]
  const [inPer, outPer] = [inChannels / groups, outChannels / groups]
  const flipped = new Float32Array(weights.length)
  for (let out = 0; out < outChannels; out++) {
    const group = Math.floor(out / outPer)
    for (let i = 0; i < inPer; i++) {
      const from = (out * inPer + i) * taps
      const to = ((group * inPer + i) * outPer + (out % outPer)) * taps
      for (let tap = 0; tap < taps; tap++) flipped[to + taps - 1 - tap] = weights[from + tap]!
    }
  }
  return flipped
}

/** The geometry that goes with `flippedKernel`, for outputs with zeros put between them if strides are above 1. */
export function flippedGeometry(geometry: ConvGeometry): ConvGeometry {
  const { kernel, strides, dilations, pads, input, output } = geometry
  const between = [0, 1].map((axis) => (output[axis]! - 1) * strides[axis]! + 1) as [number, number]
  const reach = [0, 1].map((axis) => dilations[axis]! * (kernel[axis]! - 1)) as [number, number]
  return {
    ...geometry,
    strides: [1, 1],
    pads: [reach[0] - pads[0], reach[1] - pads[1], input[0] + pads[0] - between[0], input[1] + pads[1] - between[1]],
    input: between,
    output: input,
    inChannels: geometry.outChannels,
    outChannels: geometry.inChannels
  }
}

/** A dilated kernel with its zeros written out, so that it needs no dilations; others are the same array. */
export function spacedKernel(weights: Float32Array, geometry: ConvGeometry): Float32Array {
  const { kernel, dilations } = geometry
  if (dilations[0] === 1 && dilations[1] === 1) return weights
  const [height, width] = spacedGeometry(geometry).kernel
  const taps = kernel[0] * kernel[1]
  const spaced = new Float32Array((weights.length / taps) * height * width)
  weights.forEach((weight, i) => {
    const [row, column] = [Math.floor((i % taps) / kernel[1]) * dilations[0], (i % kernel[1]) * dilations[1]]
    spaced[(Math.floor(i / taps) * height + row) * width + column] = weight
  })
  return spaced
}

/** The geometry that goes with `spacedKernel`. */
export function spacedGeometry(geometry: ConvGeometry): ConvGeometry {
  const { kernel, dilations } = geometry
  const spaced: [number, number] = [dilations[0] * (kernel[0] - 1) + 1, dilations[1] * (kernel[1] - 1) + 1]
  return { ...geometry, kernel: spaced, dilations: [1, 1] }
}

/**
 * What a convolution answers to an input of ones: [out, height, width]. Padding is zeros, so border outputs see fewer
 * taps.
 */
export function onesResponse(weights: Float32Array, geometry: ConvGeometry): Float32Array {
  const { kernel, output, inChannels, outChannels, groups } = geometry
  const taps = kernel[0] * kernel[1]
  const perOutput = (inChannels / groups) * taps
  const [rows, columns] = [tapsInside(geometry, 0), tapsInside(geometry, 1)]
  const response = new Float32Array(outChannels * output[0] * output[1])
  const sums = new Float64Array(taps)
  for (let out = 0; out < outChannels; out++) {
    sums.fill(0)
    for (let i = 0; i < perOutput; i++) sums[i % taps]! += weights[out * perOutput + i]!
    rows.forEach((row, y) => {
      columns.forEach((column, x) => {
        let sum = 0
        for (let i = row.first; i < row.first + row.count; i++) {
          for (let j = column.first; j < column.first + column.count; j++) sum += sums[i * kernel[1] + j]!
        }
        response[(out * output[0] + y) * output[1] + x] = sum
      })
    })
  }
  return response
}

/** By how many inputs each of a pool's windows is divided: [height, width]. */
export function poolCounts(window: Window, includePad: boolean): Float32Array {
  const [rows, columns] = [tapsInside(window, 0), tapsInside(window, 1)]
  return Float32Array.from({ length: rows.length * columns.length }, (_, i) => {
    if (includePad) return window.kernel[0] * window.kernel[1]
    return rows[Math.floor(i / columns.length)]!.count * columns[i % columns.length]!.count
  })
}
