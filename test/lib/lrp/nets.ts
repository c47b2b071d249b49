import { encodeModel, GraphBuilder, type OnnxModel } from '../../../src/lib/onnx/index.js'
import type { Connections, NaiveLayer } from './naive.js'

/** Small networks, built twice from one description: as ONNX for src/lib/lrp, and as connections for the naive oracle. */
export type Spec =
  | {
      kind: 'conv'
      out: number
      kernel: [number, number]
      strides?: [number, number]
      pads?: [number, number, number, number]
      dilations?: [number, number]
      groups?: number
      bias?: boolean
    }
  | {
      kind: 'maxPool' | 'averagePool'
      kernel: [number, number]
      strides?: [number, number]
      pads?: Pads
      include?: boolean
    }
  | { kind: 'dense'; out: number; bias?: boolean; form?: 'gemm' | 'matMul' }
  | { kind: 'relu' | 'flatten' | 'batchNorm' | 'globalAveragePool' | 'softmax' | 'dropout' }
  | { kind: 'pad'; pads: Pads }
  | { kind: 'residual'; body: Spec[] }
  /** Whatever `add` writes, into the ONNX graph and into the naive layers alike. */
  | { kind: 'own'; add: (net: NetBuilder) => void }
type Pads = [number, number, number, number]
export type Dims = [number, number, number] | [number]

export interface Net {
  model: Uint8Array
  naive: NaiveLayer[]
  dims: [number, number, number]
  /** The naive places of conv and dense layers, in order. */
  weighted: number[]
  classes: number
}

/** A small generator of numbers in 0..1 (mulberry32), so that every net is the same each time. */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random())
}

export function buildNet(specs: readonly Spec[], dims: [number, number, number], seed: number, opset = 17): Net {
  const builder = new NetBuilder(dims, seed, opset)
  builder.addAll(specs)
  return builder.finish()
}

export class NetBuilder {
  readonly onnx: GraphBuilder
  readonly opset: number
  readonly #random: () => number
  readonly #input: [number, number, number]
  readonly naive: NaiveLayer[] = []
  value: string
  place = -1
  /** Of the naive value; the ONNX value may have axes of one more. */
  dims: Dims

  constructor(dims: [number, number, number], seed: number, opset: number) {
    this.opset = opset
    this.onnx = new GraphBuilder({ name: 'net', opset })
    this.#random = randomOf(seed)
    this.#input = dims
    this.dims = dims
    this.value = this.onnx.input('input', ['N', ...dims])
  }

  addAll(specs: readonly Spec[]): void {
    for (const spec of specs) this.#add(spec)
  }

  finish(): Net {
    const classes = size(this.dims)
    this.onnx.output(this.value, ['N', ...this.dims])
    const model: OnnxModel = this.onnx.toModel()
    const weighted = [...this.naive.keys()].filter((i) => ['conv', 'dense'].includes(this.naive[i]!.kind))
    return { model: encodeModel(model), naive: this.naive, dims: this.#input, weighted, classes }
  }

  #add(spec: Spec): void {
    switch (spec.kind) {
      case 'conv':
        this.#conv(spec)
        return
      case 'dense':
        this.#dense(spec)
        return
      case 'maxPool':
      case 'averagePool':
        this.#pool(spec)
        return
      case 'globalAveragePool':
        this.#poolOnto(this.dims.slice(1) as [number, number], 'averagePool', {})
        this.value = this.onnx.node('GlobalAveragePool', [this.value])
        return
      case 'relu':
        this.push({ kind: 'relu' })
        this.value = this.onnx.node('Relu', [this.value])
        return
      case 'flatten':
        this.dims = [size(this.dims)]
        this.value = this.onnx.node('Flatten', [this.value], { axis: 1 })
        return
      case 'softmax':
        this.value = this.onnx.node('Softmax', [this.value], { axis: -1 })
        return
      case 'dropout':
        this.value = this.onnx.node('Dropout', [this.value])
        return
      case 'batchNorm':
        this.#batchNorm()
        return
      case 'pad':
        this.#pad(spec.pads)
        return
      case 'own':
        spec.add(this)
        return
      case 'residual': {
        const [value, place] = [this.value, this.place]
        this.addAll(spec.body)
        this.naive.push({ kind: 'add', inputs: [this.place, place] })
        this.place = this.naive.length - 1
        this.value = this.onnx.node('Add', [this.value, value])
      }
    }
  }

  push(layer: Omit<NaiveLayer, 'inputs'>): void {
    this.naive.push({ ...layer, inputs: [this.place] })
    this.place = this.naive.length - 1
  }

  weights(length: number, spread: number): Float32Array {
    return Float32Array.from({ length }, () => normal(this.#random) * spread)
  }

  #conv(spec: Spec & { kind: 'conv' }): void {
    const { out, kernel, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1 } = spec
    const [channels, height, width] = this.dims as [number, number, number]
    const per = channels / groups
    const weights = this.weights(out * per * kernel[0] * kernel[1], 0.4)
    const bias = spec.bias === false ? null : this.weights(out, 0.2)
    const taps = windowTaps([height, width], { kernel, strides, pads, dilations })
    const pixels = taps.rows * taps.columns
    const map = connections(out * pixels, size(this.dims))
    for (let to = 0; to < out * pixels; to++) {
      const o = Math.floor(to / pixels)
      map.bias[to] = bias?.[o] ?? 0
      for (let c = 0; c < per; c++) {
        const channel = Math.floor(o / (out / groups)) * per + c
        for (const [tap, pixel] of taps.seen[to % pixels]!) {
          const weight = weights[(o * per + c) * kernel[0] * kernel[1] + tap]!
          connect(map, channel * height * width + pixel, to, weight)
        }
      }
    }
    this.push({ kind: 'conv', connections: map })
    this.dims = [out, taps.rows, taps.columns]
    const inputs = [this.value, this.onnx.constant('w', weights, [out, per, ...kernel])]
    if (bias) inputs.push(this.onnx.constant('b', bias, [out]))
    this.value = this.onnx.node('Conv', inputs, { kernel_shape: kernel, strides, pads, dilations, group: groups })
  }

  #dense({ out, bias: hasBias = true, form = 'gemm' }: Spec & { kind: 'dense' }): void {
    const [inSize] = this.dims as [number]
    const weights = this.weights(out * inSize, 0.4)
    const bias = this.weights(out, 0.2)
    const map = connections(out, inSize)
    for (let o = 0; o < out; o++) {
      map.bias[o] = hasBias ? bias[o]! : 0
      for (let i = 0; i < inSize; i++) connect(map, i, o, weights[o * inSize + i]!)
    }
    this.push({ kind: 'dense', connections: map })
    this.dims = [out]
    const b = hasBias ? [this.onnx.constant('b', bias, [out])] : []
    if (form === 'gemm') {
      const w = this.onnx.constant('w', weights, [out, inSize])
      this.value = this.onnx.node('Gemm', [this.value, w, ...b], { transB: 1 })
    } else {
      const turned = Float32Array.from(weights, (_, k) => weights[(k % out) * inSize + Math.floor(k / out)]!)
      this.value = this.onnx.node('MatMul', [this.value, this.onnx.constant('w', turned, [inSize, out])])
      if (hasBias) this.value = this.onnx.node('Add', [this.value, b[0]!])
    }
  }

  #pool({
    kind,
    kernel,
    strides = kernel,
    pads = [0, 0, 0, 0],
    include = false
  }: Spec & { kind: 'maxPool' | 'averagePool' }): void {
    this.#poolOnto(kernel, kind, { strides, pads, include })
    this.value = this.onnx.node(kind === 'maxPool' ? 'MaxPool' : 'AveragePool', [this.value], {
      kernel_shape: kernel,
      strides,
      pads,
      ...(include && { count_include_pad: 1 })
    })
  }

  #poolOnto(
    kernel: [number, number],
    kind: 'maxPool' | 'averagePool',
    {
      strides = [1, 1],
      pads = [0, 0, 0, 0],
      include = false
    }: { strides?: [number, number]; pads?: Pads; include?: boolean }
  ): void {
    const [channels, height, width] = this.dims as [number, number, number]
    const { rows, columns, seen } = windowTaps([height, width], { kernel, strides, pads, dilations: [1, 1] })
    const sources: number[][] = []
    const map = connections(channels * rows * columns, size(this.dims))
    for (let at = 0; at < channels * rows * columns; at++) {
      const start = Math.floor(at / (rows * columns)) * height * width
      const window = seen[at % (rows * columns)]!.map(([, pixel]) => start + pixel)
      sources.push(window)
      for (const from of window) connect(map, from, at, 1 / (include ? kernel[0] * kernel[1] : window.length))
    }
    this.push(kind === 'maxPool' ? { kind, sources } : { kind: 'linear', connections: map })
    this.dims = [channels, rows, columns]
  }

  /** Right behind a conv or dense layer it belongs to that layer's weights; elsewhere it is a layer of its own. */
  #batchNorm(): void {
    const [channels] = this.dims
    const per = size(this.dims) / channels
    const [scale, shift, mean] = [0.5, 0.3, 0.3].map((spread) => this.weights(channels, spread))
    const variance = Float32Array.from({ length: channels }, () => 0.5 + this.#random())
    const factor = (at: number): number => {
      const channel = Math.floor(at / per)
      return scale![channel]! / Math.sqrt(variance[channel]! + 1e-3)
    }
    const offset = (at: number): number => shift![Math.floor(at / per)]! - mean![Math.floor(at / per)]! * factor(at)
    const before = this.naive[this.place]
    if (before?.kind === 'conv' || before?.kind === 'dense') {
      const map = before.connections!
      map.weight = map.weight.map((weight, k) => weight * factor(map.to[k]!))
      map.bias = map.bias.map((bias, at) => bias * factor(at) + offset(at))
    } else {
      const map = connections(size(this.dims), size(this.dims))
      map.bias.forEach((_, at) => {
        map.bias[at] = offset(at)
        connect(map, at, at, factor(at))
      })
      this.push({ kind: 'linear', connections: map })
    }
    const parameters = [scale!, shift!, mean!, variance].map((data) => this.onnx.constant('bn', data, [channels]))
    this.value = this.onnx.node('BatchNormalization', [this.value, ...parameters], { epsilon: { float: 1e-3 } })
  }

  #pad(pads: Pads): void {
    const [channels, height, width] = this.dims as [number, number, number]
    const [rows, columns] = [height + pads[0] + pads[2], width + pads[1] + pads[3]]
    const sources = Array.from({ length: channels * rows * columns }, (_, at) => {
      const [row, column] = [(Math.floor(at / columns) % rows) - pads[0], (at % columns) - pads[1]]
      const inside = row >= 0 && row < height && column >= 0 && column < width
      return [inside ? (Math.floor(at / (rows * columns)) * height + row) * width + column : -1]
    })
    this.push({ kind: 'same', sources })
    this.dims = [channels, rows, columns]
    const all = [0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]
    const amounts = this.onnx.constant('pads', BigInt64Array.from(all, BigInt), [8])
    this.value = this.onnx.node('Pad', [this.value, amounts], { mode: 'constant' })
  }
}

interface Steps {
  kernel: [number, number]
  strides: [number, number]
  pads: Pads
  dilations: [number, number]
}

/** For each output pixel, [tap, input pixel] of the taps inside the input, row by row. */
function windowTaps([height, width]: [number, number], { kernel, strides, pads, dilations }: Steps) {
  const rows = Math.floor((height + pads[0] + pads[2] - dilations[0] * (kernel[0] - 1) - 1) / strides[0]) + 1
  const columns = Math.floor((width + pads[1] + pads[3] - dilations[1] * (kernel[1] - 1) - 1) / strides[1]) + 1
  const seen = Array.from({ length: rows * columns }, (_, at) => {
    const taps: [number, number][] = []
    for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
      const row = Math.floor(at / columns) * strides[0] - pads[0] + Math.floor(tap / kernel[1]) * dilations[0]
      const column = (at % columns) * strides[1] - pads[1] + (tap % kernel[1]) * dilations[1]
      if (row >= 0 && row < height && column >= 0 && column < width) taps.push([tap, row * width + column])
    }
    return taps
  })
  return { rows, columns, seen }
}

export function connections(outSize: number, inSize: number): Connections {
  return { from: [], to: [], weight: [], bias: new Float64Array(outSize), inSize }
}

export function connect(map: Connections, from: number, to: number, weight: number): void {
  map.from.push(from)
  map.to.push(to)
  map.weight.push(weight)
}

export function size(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}
