import { floatsOf, type OnnxNode } from '../../onnx/index.js'
import { type ConvGeometry, floatOf, intOf, windowOf } from '../layers.js'
import type { GraphReader } from './reader.js'

/* The operators that sum up weighted inputs: convolutions, dense layers, and normalizations that can be folded into them. */

export function conv(node: OnnxNode, reader: GraphReader): void {
  const [inChannels, ...input] = reader.mapDims(node)
  const { dims } = reader.constant(node, 1)
  const groups = intOf(node, 'group', 1)
  const window = dims.length === 4 ? windowOf(node, input, [dims[2]!, dims[3]!]) : null
  const [outChannels, perGroup] = dims as [number, number]
  if (window === null || perGroup * groups !== inChannels || outChannels % groups !== 0) {
    throw reader.unsupported(node, `weights [${dims.join(', ')}] and attributes do not fit ${inChannels} channels`)
  }
  const geometry = { ...window, inChannels, outChannels, groups }
  const weights = reader.floats(node, 1)
  const bias = reader.has(node, 2) ? reader.perChannel(node, 2, outChannels) : null
  const place = reader.place(node, 0)
  if (isDense(geometry)) {
    denseOfConv(node, reader, place, { geometry, weights, bias })
    return
  }
  const own = { dims: [outChannels, ...window.output], geometry, weights, bias, nonNegative: false }
  reader.push(node, { kind: 'conv', inputs: [place], ...own })
}

/** Whether each output sees the whole input once: DeepFace's VGG-Face has its dense layers so. */
function isDense({ kernel, input, output, pads, groups }: ConvGeometry): boolean {
  return (
    groups === 1 &&
    pads.every((pad) => pad === 0) &&
    [0, 1].every((axis) => kernel[axis] === input[axis] && output[axis] === 1)
  )
}

interface ConvParts {
  geometry: ConvGeometry
  /** [out, in, height, width], which is a dense layer's [out, in · height · width]. */
  weights: Float32Array
  bias: Float32Array | null
}

function denseOfConv(node: OnnxNode, reader: GraphReader, place: number, parts: ConvParts): void {
  const { geometry, ...own } = parts
  const { inChannels, outChannels, kernel } = geometry
  const inSize = inChannels * kernel[0] * kernel[1]
  const flat = reader.push(node, { kind: 'reshape', inputs: [place], dims: [inSize] })
  const sums = { dims: [outChannels], inSize, outSize: outChannels, ...own, nonNegative: false }
  const dense = reader.push(node, { kind: 'dense', inputs: [flat], ...sums })
  reader.push(node, { kind: 'reshape', inputs: [dense], dims: [outChannels, 1, 1] })
}

export function gemm(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  if (dims.length !== 1 || intOf(node, 'transA', 0) === 1) throw reader.unsupported(node, 'it is no plain dense layer')
  const bias = reader.has(node, 2) ? scaled(floatOf(node, 'beta', 1), (size) => reader.perChannel(node, 2, size)) : null
  dense(node, reader, { outFirst: intOf(node, 'transB', 0) === 1, alpha: floatOf(node, 'alpha', 1), bias })
}

export function matMul(node: OnnxNode, reader: GraphReader): void {
  dense(node, reader, { outFirst: false, alpha: 1, bias: null })
}

interface DenseForm {
  outFirst: boolean
  alpha: number
  bias: ((size: number) => Float32Array) | null
}

function dense(node: OnnxNode, reader: GraphReader, { outFirst, alpha, bias }: DenseForm): void {
  const input = reader.dimsOf(node)
  const { tensor, turned } = reader.matrix(node, 1)
  const isOutFirst = outFirst !== turned
  const { dims } = tensor
  const [inSize, outSize] = isOutFirst ? [dims[1], dims[0]] : [dims[0], dims[1]]
  if (dims.length !== 2 || inSize === undefined || inSize !== input.at(-1) || outSize === undefined) {
    throw reader.unsupported(node, `weights [${dims.join(', ')}] do not fit [${['batch', ...input].join(', ')}]`)
  }
  const weights = floatsOf(tensor)
  const ordered = isOutFirst ? weights : transposed(weights, inSize, outSize)
  reader.push(node, {
    kind: 'dense',
    inputs: [reader.place(node, 0)],
    dims: [...input.slice(0, -1), outSize],
    inSize,
    outSize,
    weights: alpha === 1 ? ordered : ordered.map((weight) => weight * alpha),
    bias: bias?.(outSize) ?? null,
    nonNegative: false
  })
}

function scaled(factor: number, values: (size: number) => Float32Array): (size: number) => Float32Array {
  return factor === 1 ? values : (size) => values(size).map((value) => value * factor)
}

/** [rows, columns] → [columns, rows], in blocks that stay in the cache: a VGG's first dense layer has 400 MB. */
function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const block = 32
  const result = new Float32Array(matrix.length)
  for (let row0 = 0; row0 < rows; row0 += block) {
    for (let column0 = 0; column0 < columns; column0 += block) {
      for (let row = row0; row < Math.min(rows, row0 + block); row++) {
        for (let column = column0; column < Math.min(columns, column0 + block); column++) {
          result[column * rows + row] = matrix[row * columns + column]!
        }
      }
    }
  }
  return result
}

/** y = (x - mean) · scale / √(variance + ε) + shift, with the statistics that training left behind. */
export function batchNormalization(node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  if (intOf(node, 'training_mode', 0) === 1 || (dims.length !== 3 && dims.length !== 1)) {
    throw reader.unsupported(node, 'only an inference-mode normalization of channels can be folded')
  }
  const [scale, offset, mean, variance] = [1, 2, 3, 4].map((position) => reader.perChannel(node, position, dims[0]!))
  const epsilon = floatOf(node, 'epsilon', 1e-5)
  const factor = scale!.map((value, channel) => value / Math.sqrt(variance![channel]! + epsilon))
  reader.push(node, {
    kind: 'scale',
    inputs: [reader.place(node, 0)],
    dims,
    shape: dims.map((dim, axis) => (axis === 0 ? dim : 1)),
    factor,
    shift: offset!.map((value, channel) => value - mean![channel]! * factor[channel]!),
    handsOn: false,
    nonNegative: false
  })
}
