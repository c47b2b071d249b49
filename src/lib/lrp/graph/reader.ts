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
import { remedyFor } from './remedies.js'
import { batch, type Extent, type Sizes, shapeSizes, sizeOperators } from './sizes.js'

/** Operators whose Keras counterpart is a layer of its own, so that `untilLayerIdx` counts as iNNvestigate does. */
const countedByKeras = new Set([
  ...['Conv', 'Gemm', 'MatMul', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'ReduceMean'],
  ...['BatchNormalization', 'Flatten', 'Reshape', 'Dropout', 'Pad', 'Concat']
])

type OwnFields<L> = L extends Layer ? Omit<L, 'title' | 'index' | 'nonNegative'> & { nonNegative?: boolean } : never
export type NewLayer = OwnFields<Layer>

/** What converting an ONNX graph node by node has found so far. */
export class GraphReader {
  readonly layers: Layer[] = []
  readonly #places = new Map<string, number>()
  readonly #constants: Map<string, OnnxTensor>
  readonly #nodes: readonly OnnxNode[]
  /** Matrices of constants that a Transpose turns, by its output's name. */
  readonly #turned = new Map<string, OnnxTensor>()
  readonly #sizes = new Map<string, Sizes>()
  #index = 0
  #counted: OnnxNode | null = null

  constructor(
    model: OnnxModel,
    readonly where: string
  ) {
    this.#constants = new Map(model.graph.initializers)
    this.#nodes = model.graph.nodes
  }

  /**
   * Adds a layer that a node stands for, or one of several.
   * @param output the value that it is; the node's first output unless given
   * @returns its place
   */
  push(node: OnnxNode, layer: NewLayer, output = node.outputs[0]!): number {
    this.#count(node, layer.kind)
    const nonNegative = layer.nonNegative ?? layer.inputs.every((input) => this.layers[input]!.nonNegative)
    this.layers.push({ ...layer, title: nodeTitle(node), index: this.#index, nonNegative } as Layer)
    this.#places.set(output, this.layers.length - 1)
    return this.layers.length - 1
  }

  #count(node: OnnxNode, kind: Layer['kind'] | null): void {
    if (this.#counted === node) return
    this.#counted = node
    if (countedByKeras.has(node.opType) || kind === 'add') this.#index++
  }

  pushInput(name: string, dims: number[]): void {
    this.layers.push({ kind: 'input', title: `input "${name}"`, inputs: [], dims, nonNegative: false, index: 0 })
    this.#places.set(name, 0)
  }

  /** A node that changes nothing: its output is its input, be that a constant or a layer's values. */
  alias(node: OnnxNode): void {
    const [input, output] = [node.inputs[0]!, node.outputs[0]!]
    this.#count(node, null)
    const constant = this.#constants.get(input)
    if (constant) this.#constants.set(output, constant)
    else this.#places.set(output, this.place(node, 0))
  }

  addConstant(name: string, tensor: OnnxTensor): void {
    this.#constants.set(name, tensor)
  }

  /** Remembers a constant matrix that is to be read with its axes exchanged. @returns whether the node's input is one */
  addTurned(node: OnnxNode): boolean {
    const tensor = this.#constants.get(node.inputs[0]!)
    if (tensor?.dims.length !== 2) return false
    this.#turned.set(node.outputs[0]!, tensor)
    return true
  }

  /** A constant matrix, and whether its axes are to be exchanged. */
  matrix(node: OnnxNode, position: number): { tensor: OnnxTensor; turned: boolean } {
    const tensor = this.#turned.get(node.inputs[position] ?? '')
    return tensor ? { tensor, turned: true } : { tensor: this.constant(node, position), turned: false }
  }

  /** Works out a node that computes with shapes. @returns false where it is none */
  evaluate(node: OnnxNode): boolean {
    const place = this.#places.get(node.inputs[0] ?? '')
    if (node.opType === 'Shape' && place !== undefined) {
      this.#sizes.set(node.outputs[0]!, shapeSizes(node, [batch, ...this.layers[place]!.dims]))
      return true
    }
    if (!node.inputs.some((input) => this.#sizes.has(input))) return false
    const inputs = node.inputs.map((_, position) => this.#sizesOrNull(node, position))
    const result = sizeOperators[node.opType]?.(node, inputs) ?? null
    // What reads sizes beside values, such as a Reshape, is no computation with shapes.
    if (result === null && place === undefined)
      throw this.unsupported(node, 'what it computes with shapes cannot be followed')
    if (result === null || inputs[0] === null) return false
    this.#sizes.set(node.outputs[0]!, result)
    return true
  }

  #sizesOrNull(node: OnnxNode, position: number): Sizes | null {
    const name = node.inputs[position] ?? ''
    const known = this.#sizes.get(name)
    if (known) return known
    const tensor = this.#constants.get(name)
    const isWhole = tensor && ['int64', 'int32'].includes(tensor.type) && tensor.dims.length < 2
    return isWhole ? { items: integersOf(tensor), isList: tensor.dims.length === 1 } : null
  }

  /** Sizes that a node reads: constants, or computed from shapes. */
  sizes(node: OnnxNode, position: number): readonly Extent[] {
    return this.#sizesOrNull(node, position)?.items ?? this.integers(node, position)
  }

  /** The operators that read a node's first output. */
  readersOf({ outputs }: OnnxNode): string[] {
    return this.#nodes.filter(({ inputs }) => inputs.includes(outputs[0]!)).map(({ opType }) => opType)
  }

  /** The layer a node reads at `position`. */
  place(node: OnnxNode, position: number): number {
    const place = this.#places.get(node.inputs[position] ?? '')
    if (place === undefined) throw this.unsupported(node, `input ${position} has to be computed from the picture`)
    return place
  }

  placeOf(name: string): number | undefined {
    return this.#places.get(name)
  }

  dimsOf(node: OnnxNode, position = 0): number[] {
    return this.layers[this.place(node, position)]!.dims
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

  /** A single constant. */
  scalar(node: OnnxNode, position: number): number {
    return this.perChannel(node, position, 1)[0]!
  }

  integers(node: OnnxNode, position: number): number[] {
    const sizes = this.#sizes.get(node.inputs[position] ?? '')?.items
    if (sizes === undefined) return integersOf(this.constant(node, position))
    if (sizes.includes(batch)) throw this.unsupported(node, `input ${position} depends on the batch`)
    return sizes as number[]
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
      fix: remedyFor(node.opType)
    })
  }
}
