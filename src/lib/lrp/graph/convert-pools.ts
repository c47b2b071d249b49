import type { OnnxNode } from '../../onnx/index.js'
import { intOf, intsOf, type Window, windowOf } from '../layers.js'
import type { GraphReader } from './reader.js'

/* Pools over windows, over whole maps, and the reductions that are pools. */

type PoolKind = 'maxPool' | 'averagePool'

export function pool(kind: PoolKind, node: OnnxNode, reader: GraphReader): void {
  const [channels, ...input] = reader.mapDims(node)
  const window = windowOf(node, input)
  const includePad = intOf(node, 'count_include_pad', 0) === 1
  if (window === null) throw reader.unsupported(node, 'its attributes do not fit its input')
  if (includePad && intOf(node, 'ceil_mode', 0) === 1) {
    throw reader.unsupported(node, 'count_include_pad together with ceil_mode')
  }
  reader.push(node, {
    kind,
    inputs: [reader.place(node, 0)],
    dims: [channels, ...window.output],
    window,
    includePad
  })
}

export function globalPool(kind: PoolKind, node: OnnxNode, reader: GraphReader): void {
  pushGlobal(kind, node, reader, reader.place(node, 0))
}

/** Over the whole map [channels, height, width]. */
function pushGlobal(kind: PoolKind, node: OnnxNode, reader: GraphReader, place: number): number {
  const { dims } = reader.layers[place]!
  if (dims.length !== 3)
    throw reader.unsupported(node, `it works on [${['batch', ...dims].join(', ')}] instead of a map`)
  const [channels, ...input] = dims as [number, number, number]
  const window: Window = {
    kernel: input,
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    input,
    output: [1, 1]
  }
  return reader.push(node, { kind, inputs: [place], dims: [channels, 1, 1], window, includePad: false })
}

/** ReduceMean and ReduceMax over height and width, channels first or last; axes are an attribute before opset 18. */
export function reduce(kind: PoolKind, node: OnnxNode, reader: GraphReader): void {
  const dims = reader.dimsOf(node)
  const given = reader.has(node, 1) ? reader.integers(node, 1) : (intsOf(node, 'axes') ?? [])
  const axes = given.map((axis) => (axis < 0 ? axis + dims.length + 1 : axis)).sort((a, b) => a - b)
  const channelsLast = axes.join() === '1,2'
  if (dims.length !== 3 || (!channelsLast && axes.join() !== '2,3'))
    throw reader.unsupported(node, "only a map's height and width together can be reduced")
  let place = reader.place(node, 0)
  if (channelsLast) {
    const [height, width, channels] = dims as [number, number, number]
    place = reader.push(node, {
      kind: 'transpose',
      inputs: [place],
      dims: [channels, height, width],
      perm: [0, 3, 1, 2]
    })
  }
  const pooled = pushGlobal(kind, node, reader, place)
  const channels = reader.layers[pooled]!.dims[0]!
  const kept = channelsLast ? [1, 1, channels] : [channels, 1, 1]
  const to = intOf(node, 'keepdims', 1) === 1 ? kept : [channels]
  reader.push(node, { kind: 'reshape', inputs: [pooled], dims: to })
}
