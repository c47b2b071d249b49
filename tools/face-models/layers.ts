import type { GraphBuilder } from '#painlens/lib/onnx/index.js'
import { type Weight, weightOf } from './weights.js'

/** What a layer ends in. */
export type Activation = 'none' | 'relu' | 'relu6' | 'leaky'

/** A convolution as ONNX wants it: filters [out, in per group, height, width]. */
export interface Filters {
  data: Float32Array
  shape: readonly [number, number, number, number]
}

export interface ConvOptions {
  stride?: number
  activation?: Activation
  /** Each channel on its own. */
  depthwise?: boolean
  /** `same` is TensorFlow's: at an odd amount the bottom and the right get more; a number is the amount on each side. */
  padding?: 'same' | number
}

/** Lays TensorFlow layers into an ONNX graph, NCHW, with their weights taken by name. */
export class Layers {
  constructor(
    readonly graph: GraphBuilder,
    readonly weights: ReadonlyMap<string, Weight>
  ) {}

  vector(name: string, length: number): Float32Array {
    return weightOf(this.weights, name, [length])
  }

  matrix(name: string, rows: number, columns: number): Float32Array {
    return weightOf(this.weights, name, [rows, columns])
  }

  /** Filters [height, width, in, out] turned into ONNX's order. */
  filters(name: string, size: number, channelsIn: number, channelsOut: number): Filters {
    const data = weightOf(this.weights, name, [size, size, channelsIn, channelsOut])
    const area = size * size
    const turned = new Float32Array(data.length)
    for (let k = 0; k < area; k++)
      for (let i = 0; i < channelsIn; i++)
        for (let o = 0; o < channelsOut; o++)
          turned[(o * channelsIn + i) * area + k] = data[(k * channelsIn + i) * channelsOut + o]!
    return { data: turned, shape: [channelsOut, channelsIn, size, size] }
  }

  /** 3x3 depthwise filters [3, 3, channels, 1] turned into ONNX's order. */
  depthwiseFilters(name: string, channels: number): Filters {
    const data = weightOf(this.weights, name, [3, 3, channels, 1])
    const turned = new Float32Array(data.length)
    for (let k = 0; k < 9; k++) for (let c = 0; c < channels; c++) turned[c * 9 + k] = data[k * channels + c]!
    return { data: turned, shape: [channels, 1, 3, 3] }
  }

  /** Convolution with bias and activation; returns the name of its output. */
  conv(name: string, x: string, filters: Filters, bias: Float32Array | undefined, options: ConvOptions = {}): string {
    const { stride = 1, activation = 'none', depthwise = false, padding = 'same' } = options
    const [channelsOut, , height, width] = filters.shape
    const inputs = [x, this.graph.constant(`${name}.filters`, filters.data, filters.shape)]
    if (bias) inputs.push(this.graph.constant(`${name}.bias`, bias, [channelsOut]))
    const out = this.graph.node(
      'Conv',
      inputs,
      {
        kernel_shape: [height, width],
        strides: [stride, stride],
        group: depthwise ? channelsOut : 1,
        ...(padding === 'same' ? { auto_pad: 'SAME_UPPER' } : { pads: [padding, padding, padding, padding] })
      },
      { name }
    )
    return this.#activate(name, out, activation)
  }

  /** A 3x3 depthwise convolution, then a 1x1 one with bias; weights under face-api's names. */
  separable(
    name: string,
    x: string,
    channelsIn: number,
    channelsOut: number,
    { stride = 1, padding = 'same', activation = 'none' }: ConvOptions = {}
  ): string {
    const spread = this.depthwiseFilters(`${name}/depthwise_filter`, channelsIn)
    const mixed = this.filters(`${name}/pointwise_filter`, 1, channelsIn, channelsOut)
    const middle = this.conv(`${name}.depthwise`, x, spread, undefined, { depthwise: true, stride, padding })
    return this.conv(name, middle, mixed, this.vector(`${name}/bias`, channelsOut), { activation })
  }

  #activate(name: string, x: string, activation: Activation): string {
    switch (activation) {
      case 'none':
        return x
      case 'relu':
        return this.graph.node('Relu', [x], {}, { name: `${name}.relu` })
      case 'leaky':
        return this.graph.node('LeakyRelu', [x], { alpha: { float: 0.1 } }, { name: `${name}.leaky` })
      case 'relu6': {
        const [low, high] = [0, 6].map((value) => this.graph.constant(`${name}.bound`, Float32Array.of(value), []))
        return this.graph.node('Clip', [x, low!, high!], {}, { name: `${name}.clip` })
      }
    }
  }
}
