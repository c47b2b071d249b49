import { UnsupportedModelError } from '../../../core/errors.js'
import {
  elementCount,
  floatsOf,
  integersOf,
  nodeTitle,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor
} from '../../onnx/index.js'
import type { Layer } from '../layers.js'

/** What LRP here can explain; anything else is refused. */
export const supportedOperators = [
  ...(['Conv', 'Gemm', 'MatMul', 'Add', 'BatchNormalization', 'Relu'] as const),
  ...(['MaxPool', 'AveragePool', 'GlobalAveragePool', 'Flatten', 'Reshape', 'Squeeze', 'Transpose'] as const),
  ...(['Pad', 'Constant', 'Dropout', 'Identity', 'Cast'] as const)
] as const
export type SupportedOperator = (typeof supportedOperators)[number]

/** Operators whose Keras counterpart is a layer of its own, so that `untilLayerIdx` counts as iNNvestigate does. */
const countedByKeras = new Set([
  ...['Conv', 'Gemm', 'MatMul', 'MaxPool', 'AveragePool', 'GlobalAveragePool'],
  ...['BatchNormalization', 'Flatten', 'Reshape', 'Dropout', 'Pad']
])

type OwnFields<L> = L extends Layer ? Omit<L, 'title' | 'index' | 'nonNegative'> & { nonNegative?: boolean } : never
export type NewLayer = OwnFields<Layer>

/** What converting an ONNX graph node by node has found so far. */
export class GraphReader {
  readonly layers: Layer[] = []
  readonly #places = new Map<string, number>()
  readonly #constants: Map<string, OnnxTensor>
  #index = 0

  constructor(
    model: OnnxModel,
    readonly where: string
  ) {
    this.#constants = new Map(model.graph.initializers)
  }

  /** Adds the layer that a node stands for. */
  push(node: OnnxNode, layer: NewLayer): void {
    if (countedByKeras.has(node.opType) || (node.opType === 'Add' && layer.kind === 'add')) this.#index++
    const nonNegative = layer.nonNegative ?? layer.inputs.every((input) => this.layers[input]!.nonNegative)
    this.layers.push({ ...layer, title: nodeTitle(node), index: this.#index, nonNegative } as Layer)
    this.#places.set(node.outputs[0]!, this.layers.length - 1)
  }

  pushInput(name: string, dims: number[]): void {
    this.layers.push({ kind: 'input', title: `input "${name}"`, inputs: [], dims, nonNegative: false, index: 0 })
    this.#places.set(name, 0)
  }

  /** A node that changes nothing: its output is its input, be that a constant or a layer's values. */
  alias(node: OnnxNode): void {
    const [input, output] = [node.inputs[0]!, node.outputs[0]!]
    if (countedByKeras.has(node.opType)) this.#index++
    const constant = this.#constants.get(input)
    if (constant) this.#constants.set(output, constant)
    else this.#places.set(output, this.place(node, 0))
  }

  addConstant(name: string, tensor: OnnxTensor): void {
    this.#constants.set(name, tensor)
  }

  /** The layer a node reads at `position`. */
  place(node: OnnxNode, position: number): number {
    const name = node.inputs[position] ?? ''
    const place = this.#places.get(name)
    if (place === undefined) throw this.unsupported(node, `input ${position} has to be computed from the picture`)
    return place
  }

  placeOf(name: string): number | undefined {
    return this.#places.get(name)
  }

  dimsOf(node: OnnxNode): number[] {
    return this.layers[this.place(node, 0)]!.dims
  }

  isConstant(node: OnnxNode, position: number): boolean {
    return this.#constants.has(node.inputs[position] ?? '')
  }

  /** Channels, height and width of what a node reads, if that is a map. */
  mapDims(node: OnnxNode): [number, number, number] {
    const dims = this.dimsOf(node)
    if (dims.length !== 3)
      throw this.unsupported(node, `it works on [${['batch', ...dims].join(', ')}] instead of a map`)
    return dims as [number, number, number]
  }

  /** Whether a node has that optional input. */
  has(node: OnnxNode, position: number): boolean {
    return (node.inputs[position] ?? '') !== ''
  }

  constant(node: OnnxNode, position: number): OnnxTensor {
    const tensor = this.#constants.get(node.inputs[position] ?? '')
    if (tensor === undefined) throw this.unsupported(node, `input ${position} has to be a constant`)
    return tensor
  }

  floats(node: OnnxNode, position: number): Float32Array {
    return floatsOf(this.constant(node, position))
  }

  integers(node: OnnxNode, position: number): number[] {
    return integersOf(this.constant(node, position))
  }

  /** A constant of one value per channel (or one for all), `size` floats. */
  perChannel(node: OnnxNode, position: number, size: number): Float32Array {
    const values = this.floats(node, position)
    if (values.length === size) return values
    if (values.length === 1) return new Float32Array(size).fill(values[0]!)
    throw this.unsupported(node, `input ${position} has ${elementCount([values.length])} values instead of ${size}`)
  }

  unsupported(node: OnnxNode, why: string): UnsupportedModelError {
    return new UnsupportedModelError('PL-LRP-NODE', `LRP does not support ${nodeTitle(node)}: ${why}`, this.where, {
      fix: `Export the classifier with no other operators than ${supportedOperators.join(', ')}.`
    })
  }
}
