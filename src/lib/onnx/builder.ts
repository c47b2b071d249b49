import { type TensorArray, tensorOf } from './tensor.js'
import type { DataType, OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from './types.js'

/**
 * An attribute's value. A plain number is an INT and a list of numbers INTS, as most attributes are; FLOAT, FLOATS,
 * STRINGS and TENSOR are given explicitly, since ONNX distinguishes 1 from 1.0.
 */
export type AttributeInput =
  | number
  | readonly number[]
  | string
  | { float: number }
  | { floats: readonly number[] }
  | { strings: readonly string[] }
  | { tensor: OnnxTensor }
  | { graph: OnnxGraph }

export interface NodeOptions {
  /** The node's name, the base of its outputs' names; the operator's type and a count unless given. */
  name?: string
  /** How many outputs, or their names. */
  outputs?: number | readonly string[]
  domain?: string
}

/** Builds an ONNX model node by node. Values are named by strings; every call returns the new value's name. */
export class GraphBuilder {
  readonly #name: string
  readonly #opset: number
  /** Those of the branch that is being built, if one is. */
  #nodes: OnnxNode[] = []
  readonly #inputs: OnnxValue[] = []
  readonly #outputs: OnnxValue[] = []
  readonly #initializers = new Map<string, OnnxTensor>()
  /** All that are taken, also within branches. */
  readonly #names = new Set<string>()
  /** Those of branches that are done: only their own nodes see them. */
  readonly #hidden = new Set<string>()
  readonly #domains = new Set<string>()
  readonly #metadata = new Map<string, string>()

  /** @param options.opset version of ONNX's own operator set */
  constructor(options: { name: string; opset?: number }) {
    this.#name = options.name
    this.#opset = options.opset ?? 17
  }

  /** Declares a graph input; a dimension given as a string is free. */
  input(name: string, dims: readonly (number | string)[], type: DataType = 'float32'): string {
    this.#inputs.push({ name: this.#claim(name), type, dims: [...dims] })
    return name
  }

  /** Adds an initializer over the array's own memory. @returns its name, with a count if the given one is taken */
  constant(name: string, data: TensorArray, dims: readonly number[]): string {
    return this.tensor(tensorOf(name, data, dims))
  }

  /** Adds an initializer as it is, for instance one read from another model. */
  tensor(tensor: OnnxTensor): string {
    const name = this.#claim(this.#free(tensor.name))
    this.#initializers.set(name, { ...tensor, name })
    return name
  }

  /** Adds a node with one output and returns that output's name. An empty string leaves an optional input out. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeInput>>,
    options?: NodeOptions & { outputs?: 1 }
  ): string
  /** Adds a node with several outputs and returns their names. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeInput>>,
    options: NodeOptions & { outputs: number | readonly string[] }
  ): string[]
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeInput>> = {},
    options: NodeOptions = {}
  ): string | string[] {
    const { domain = '', outputs = 1 } = options
    const missing = inputs.find((input) => input !== '' && !this.#sees(input))
    if (missing !== undefined) throw new RangeError(`${opType}: there is no value "${missing}" yet`)
    const name = this.#claim(this.#free(options.name ?? opType))
    const outputNames =
      typeof outputs === 'number'
        ? Array.from({ length: outputs }, (_, i) => (i === 0 ? name : this.#claim(this.#free(`${name}_${i}`))))
        : outputs.map((output) => (output === name ? name : this.#claim(output)))
    this.#nodes.push({
      name,
      opType,
      domain,
      inputs: [...inputs],
      outputs: outputNames,
      attributes: new Map(Object.entries(attributes).map(([key, value]) => [key, attributeOf(key, value)]))
    })
    if (domain !== '') this.#domains.add(domain)
    return outputs === 1 ? outputNames[0]! : outputNames
  }

  /** Declares a value as a graph output, under its own name. */
  output(name: string, dims: readonly (number | string)[], type: DataType = 'float32'): void {
    if (!this.#sees(name)) throw new RangeError(`there is no value "${name}" to be an output`)
    this.#outputs.push({ name, type, dims: [...dims] })
  }

  /** Declares a value that is no tensor as a graph output: its type is left to be inferred. */
  outputOfOtherType(name: string): void {
    if (!this.#sees(name)) throw new RangeError(`there is no value "${name}" to be an output`)
    this.#outputs.push({ name, type: 'float32', dims: [], inferred: true })
  }

  /**
   * The nodes that `body` adds as a graph of its own, for an If's attribute. It sees all values made so far; initializers that it adds
   * are the whole model's, so that branches may share them.
   * @param body returns the names of the branch's outputs
   */
  branch(name: string, body: () => readonly string[]): OnnxGraph {
    const around = this.#nodes
    this.#nodes = []
    try {
      const outputs = body().map((output): OnnxValue => ({ name: output, type: 'float32', dims: [], inferred: true }))
      for (const node of this.#nodes) for (const output of node.outputs) this.#hidden.add(output)
      return { name, nodes: this.#nodes, inputs: [], outputs, initializers: new Map() }
    } finally {
      this.#nodes = around
    }
  }

  metadata(key: string, value: string): void {
    this.#metadata.set(key, value)
  }

  toModel(): OnnxModel {
    return {
      irVersion: 8,
      producer: 'painlens',
      opsets: [{ domain: '', version: this.#opset }, ...[...this.#domains].map((domain) => ({ domain, version: 1 }))],
      graph: {
        name: this.#name,
        nodes: [...this.#nodes],
        inputs: [...this.#inputs],
        outputs: [...this.#outputs],
        initializers: new Map(this.#initializers)
      },
      metadata: new Map(this.#metadata)
    }
  }

  #sees(name: string): boolean {
    return this.#names.has(name) && !this.#hidden.has(name)
  }

  #claim(name: string): string {
    if (this.#names.has(name)) throw new RangeError(`the name "${name}" is taken`)
    this.#names.add(name)
    return name
  }

  #free(name: string): string {
    let free = name
    for (let count = 1; this.#names.has(free); count++) free = `${name}_${count}`
    return free
  }
}

function attributeOf(name: string, value: AttributeInput): OnnxAttribute {
  if (typeof value === 'string') return { type: 'string', value }
  if (typeof value === 'number') return { type: 'int', value: wholeNumber(name, value) }
  if (isList(value)) return { type: 'ints', value: value.map((item) => wholeNumber(name, item)) }
  if ('float' in value) return { type: 'float', value: value.float }
  if ('floats' in value) return { type: 'floats', value: [...value.floats] }
  if ('strings' in value) return { type: 'strings', value: [...value.strings] }
  if ('graph' in value) return { type: 'graph', value: value.graph }
  return { type: 'tensor', value: value.tensor }
}

function isList(value: AttributeInput): value is readonly number[] {
  return Array.isArray(value)
}

function wholeNumber(name: string, value: number): number {
  if (!Number.isInteger(value))
    throw new TypeError(`attribute ${name}: ${value} is no INT; give { float } or { floats }`)
  return value
}
