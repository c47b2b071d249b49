/**
 * Makes a classifier's int8 twin: QDQ form (QuantizeLinear and DequantizeLinear around float operators), which ONNX Runtime fuses
 * into QLinearConv and QGemm. Activations are uint8, weights int8 by output channel, as in Jacob et al. 2018.
 */
import { ModelError } from '../../../core/errors.js'
import { floatsOf, tensorOf } from '../tensor.js'
import type { OnnxModel, OnnxNode, OnnxTensor } from '../types.js'
import type { QuantisedLayer, QuantisePlan } from './plan.js'

export { planQuantisation, type QuantisePlan } from './plan.js'

/** The smallest and largest value that was seen. */
export interface ValueRange {
  min: number
  max: number
}

/**
 * Weights use 7 of their 8 bits: without VNNI, x86 processors add the products of two neighbouring values in 16 bits, which
 * saturate with full weights, silently.
 */
const largestWeight = 64
/** From this version of ONNX on its own operators take scales by channel; before, those of ONNX Runtime. */
const channelOpset = 13
const runtimeDomain = 'com.microsoft'

/**
 * The graph that calibration runs: the classifier, which gives the smallest and the largest of each value whose range is wanted.
 * @returns it with the names of its outputs by value
 */
export function rangeModelOf(model: OnnxModel, { nodes, values }: QuantisePlan) {
  const outputs = new Map<string, { min: string; max: string }>()
  const added: OnnxNode[] = []
  for (const value of new Set(values.values())) {
    const names = { min: `${value}/min`, max: `${value}/max` }
    outputs.set(value, names)
    for (const [opType, name] of [
      ['ReduceMin', names.min],
      ['ReduceMax', names.max]
    ] as const)
      added.push(nodeOf(opType, [value], name, '', { keepdims: 0 }))
  }
  const graph = {
    ...model.graph,
    nodes: [...nodes, ...added],
    outputs: added.map(({ name }) => ({ name, type: 'float32' as const, dims: [], inferred: true }))
  }
  return { model: { ...model, graph }, outputs }
}

/**
 * @param ranges of the values that the plan wants, as calibration found them
 * @throws ModelError where a range is missing or not finite
 */
export function quantiseModel(
  model: OnnxModel,
  plan: QuantisePlan,
  ranges: ReadonlyMap<string, ValueRange>,
  where: string
): OnnxModel {
  return new Quantiser(model, plan, ranges, where).run()
}

interface Scaling {
  scale: number
  zero: number
}

class Quantiser {
  readonly #model: OnnxModel
  readonly #plan: QuantisePlan
  readonly #scalings = new Map<string, Scaling>()
  readonly #domain: string
  readonly #nodes: OnnxNode[] = []
  readonly #initializers = new Map<string, OnnxTensor>()
  /** By value: the same in float again, after it was in 8 bits. */
  readonly #rounded = new Map<string, string>()

  constructor(model: OnnxModel, plan: QuantisePlan, ranges: ReadonlyMap<string, ValueRange>, where: string) {
    this.#model = model
    this.#plan = plan
    const own = model.opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx')
    this.#domain = (own?.version ?? 0) >= channelOpset ? '' : runtimeDomain
    for (const value of new Set(plan.values.values())) this.#scalings.set(value, scalingOf(value, ranges, where))
  }

  run(): OnnxModel {
    const { graph, opsets } = this.#model
    const { nodes, layers } = this.#plan
    for (const { name } of graph.inputs) this.#round(name)
    for (const node of nodes) {
      const layer = layers.get(node)
      this.#nodes.push(layer ? this.#layer(layer) : { ...node, inputs: this.#inputs(node) })
      for (const output of node.outputs) this.#round(output)
    }
    const domains =
      this.#domain === '' || opsets.some(({ domain }) => domain === runtimeDomain)
        ? opsets
        : [...opsets, { domain: runtimeDomain, version: 1 }]
    return {
      ...this.#model,
      producer: 'painlens',
      opsets: domains,
      graph: { ...graph, nodes: this.#nodes, initializers: this.#initializers }
    }
  }

  #inputs(node: OnnxNode): string[] {
    const { initializers } = this.#model.graph
    return node.inputs.map((input) => {
      const constant = initializers.get(input)
      if (constant) this.#initializers.set(input, constant)
      return this.#rounded.get(input) ?? input
    })
  }

  /** Puts a value through 8 bits, where the plan says so. */
  #round(value: string): void {
    const range = this.#plan.values.get(value)
    if (range === undefined) return
    const { scale, zero } = this.#scalings.get(range)!
    const [scaleName, zeroName] = [`${range}/scale`, `${range}/zero`]
    this.#initializers.set(scaleName, tensorOf(scaleName, Float32Array.of(scale), []))
    this.#initializers.set(zeroName, tensorOf(zeroName, Uint8Array.of(zero), []))
    const [quantised, rounded] = [`${value}/uint8`, `${value}/rounded`]
    this.#nodes.push(nodeOf('QuantizeLinear', [value, scaleName, zeroName], quantised, this.#domain))
    this.#nodes.push(nodeOf('DequantizeLinear', [quantised, scaleName, zeroName], rounded, this.#domain))
    this.#rounded.set(value, rounded)
  }

  #layer(layer: QuantisedLayer): OnnxNode {
    const { node, bias } = layer
    const [input = ''] = node.inputs
    const { scales, values, dims, axis } = quantisedWeights(layer)
    const base = node.outputs[0]!
    const inputs = [this.#rounded.get(input)!, this.#constant(`${base}/weights`, values, dims, { scales, axis })]
    if (bias) {
      const inputScale = this.#scalings.get(this.#plan.values.get(input)!)!.scale
      const products = scales.map((scale) => inputScale * scale)
      const whole = Int32Array.from(floatsOf(bias), (each, i) => clamp(Math.round(each / products[i]!), 2 ** 31 - 1))
      inputs.push(this.#constant(`${base}/bias`, whole, bias.dims, { scales: products, axis: 0 }))
    }
    const attributes = new Map([...node.attributes].filter(([name]) => name !== 'transB'))
    return { ...node, inputs, attributes }
  }

  /** A constant in whole numbers, as the float that it stands for. */
  #constant(
    name: string,
    values: Int8Array | Int32Array,
    dims: readonly number[],
    { scales, axis }: { scales: Float32Array; axis: number }
  ): string {
    const zeros = values instanceof Int8Array ? new Int8Array(scales.length) : new Int32Array(scales.length)
    const parts = [
      tensorOf(`${name}/whole`, values, dims),
      tensorOf(`${name}/scale`, scales, [scales.length]),
      tensorOf(`${name}/zero`, zeros, [scales.length])
    ]
    for (const part of parts) this.#initializers.set(part.name, part)
    const inputs = parts.map((part) => part.name)
    this.#nodes.push(nodeOf('DequantizeLinear', inputs, name, this.#domain, { axis }))
    return name
  }
}

/** Zero is a whole number of steps, so that padding and what a ReLU cuts off stay exact. */
function scalingOf(value: string, ranges: ReadonlyMap<string, ValueRange>, where: string): Scaling {
  const { min, max } = ranges.get(value) ?? { min: Number.NaN, max: Number.NaN }
  if (!Number.isFinite(min) || !Number.isFinite(max))
    throw new ModelError('PL-MODEL-NOT-FINITE', `"${value}" of the crops is from ${min} to ${max}`, where)
  const low = Math.min(0, min)
  const scale = Math.max(Math.max(0, max) - low, 1e-9) / 255
  return { scale: Math.fround(scale), zero: Math.min(255, Math.max(0, Math.round(-low / scale))) }
}

interface WholeWeights {
  scales: Float32Array<ArrayBuffer>
  values: Int8Array
  dims: number[]
  axis: 0 | 1
}

/**
 * Weights in steps of a scale of their own for each output. Those of a dense layer lie as [input][output] afterwards, as
 * ONNX Runtime packs them: it would copy the others to turn them, and keep that memory.
 */
function quantisedWeights({ node, weights, axis }: QuantisedLayer): WholeWeights {
  const floats = floatsOf(weights)
  const outputs = weights.dims[axis]!
  const length = floats.length / outputs
  // Along axis 0 an output's weights lie side by side, along axis 1 every `outputs` apart.
  const places = { 0: [length, 1], 1: [1, outputs] } as const
  const axisAfter = node.opType === 'Conv' ? 0 : 1
  const [[start, step], [startAfter, stepAfter]] = [places[axis], places[axisAfter]]
  const scales = new Float32Array(outputs)
  const values = new Int8Array(floats.length)
  for (let output = 0; output < outputs; output++) {
    let largest = 0
    for (let i = 0, at = output * start; i < length; i++, at += step) largest = Math.max(largest, Math.abs(floats[at]!))
    const scale = Math.fround(Math.max(largest / largestWeight, 1e-12))
    scales[output] = scale
    const [from, to] = [output * start, output * startAfter]
    for (let i = 0; i < length; i++)
      values[to + i * stepAfter] = clamp(Math.round(floats[from + i * step]! / scale), largestWeight)
  }
  return { scales, values, dims: axis === axisAfter ? [...weights.dims] : [length, outputs], axis: axisAfter }
}

const clamp = (value: number, most: number): number => Math.min(most, Math.max(-most, value))

const nodeOf = (
  opType: string,
  inputs: string[],
  output: string,
  domain: string,
  attributes: Record<string, number> = {}
): OnnxNode => ({
  name: output,
  opType,
  domain,
  inputs,
  outputs: [output],
  attributes: new Map(Object.entries(attributes).map(([key, value]) => [key, { type: 'int', value }]))
})
