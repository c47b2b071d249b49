import { type ConvGeometry, tapsInside, type Window } from './layers.js'
import type { Mixture, WeightPart } from './rules.js'

const parts: Record<WeightPart, (weight: number) => number> = {
  all: (weight) => weight,
  positive: (weight) => Math.max(weight, 0),
  negative: (weight) => Math.min(weight, 0),
  square: (weight) => weight * weight,
  ones: () => 1
}

/** A version of a layer's weights: one part of them, or several summed up. */
export type Weights = WeightPart | Mixture

/** A rule's version of a layer's weights; `all` is the same array. */
export function weightsOf(weights: Float32Array, version: Weights): Float32Array {
  if (version === 'all') return weights
  if (typeof version === 'string') return weights.map(parts[version])
  const terms = Object.entries(version).map(([part, coefficient]) => ({ part: parts[part as WeightPart], coefficient }))
  return weights.map((weight) => {
    let sum = 0
    for (const { part, coefficient } of terms) sum += coefficient * part(weight)
    return sum
  })
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
 * What a convolution answers to an input of ones, of one number per channel, or of a number each: [out, height, width]. Padding is
 * zeros, so border outputs see fewer taps.
 */
export function constantResponse(
  weights: Float32Array,
  geometry: ConvGeometry,
  values: readonly number[] | null = null
): Float32Array {
  return values !== null && values.length > geometry.inChannels
    ? mapResponse(weights, geometry, values)
    : channelResponse(weights, geometry, values)
}

function mapResponse(weights: Float32Array, geometry: ConvGeometry, map: readonly number[]): Float32Array {
  const { kernel, strides, dilations, pads, input, output, inChannels, outChannels, groups } = geometry
  const [inPer, outPer] = [inChannels / groups, outChannels / groups]
  const response = new Float32Array(outChannels * output[0] * output[1])
  for (let i = 0; i < response.length; i++) {
    const [x, y] = [i % output[1], Math.floor(i / output[1]) % output[0]]
    const out = Math.floor(i / (output[0] * output[1]))
    let sum = 0
    for (let w = 0; w < inPer * kernel[0] * kernel[1]; w++) {
      const row = y * strides[0] - pads[0] + (Math.floor(w / kernel[1]) % kernel[0]) * dilations[0]
      const column = x * strides[1] - pads[1] + (w % kernel[1]) * dilations[1]
      if (row < 0 || row >= input[0] || column < 0 || column >= input[1]) continue
      const channel = Math.floor(out / outPer) * inPer + Math.floor(w / (kernel[0] * kernel[1]))
      sum += weights[out * inPer * kernel[0] * kernel[1] + w]! * map[(channel * input[0] + row) * input[1] + column]!
    }
    response[i] = sum
  }
  return response
}

function channelResponse(
  weights: Float32Array,
  geometry: ConvGeometry,
  values: readonly number[] | null
): Float32Array {
  const { kernel, output, inChannels, outChannels, groups } = geometry
  const taps = kernel[0] * kernel[1]
  const perOutput = (inChannels / groups) * taps
  const [rows, columns] = [tapsInside(geometry, 0), tapsInside(geometry, 1)]
  const response = new Float32Array(outChannels * output[0] * output[1])
  const sums = new Float64Array(taps)
  for (let out = 0; out < outChannels; out++) {
    sums.fill(0)
    const first = Math.floor(out / (outChannels / groups)) * (inChannels / groups)
    for (let i = 0; i < perOutput; i++)
      sums[i % taps]! += weights[out * perOutput + i]! * (values === null ? 1 : values[first + Math.floor(i / taps)]!)
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
