/**
 * The model-parameter randomisation test of Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity checks for
 * saliency maps" (NeurIPS 2018): with the model's weights shuffled layer by layer from the output down, its
 * explanation has to change. One that stays the same does not explain the model.
 */
import { dataTypes, elementCount, nodeTitle, type OnnxModel, type OnnxTensor } from '../../../lib/onnx/index.js'
import type { Random } from '../../../lib/random.js'
import { spearman } from '../../../lib/statistics/index.js'

/** How alike the shuffled model's map is to the original's, by Spearman's rank correlation, -1..1. */
export interface Likeness {
  signed: number
  /** Of the absolute values, as in Adebayo et al.: flipped signs leave the places of relevance unchanged. */
  absolute: number
}

export function likenessOf(original: Float32Array, shuffled: Float32Array): Likeness {
  return {
    signed: alike(original, shuffled),
    absolute: alike(original.map(Math.abs), shuffled.map(Math.abs))
  }
}

/** A constant map orders no pixels: it is like another constant one, and unlike all others. */
function alike(a: Float32Array, b: Float32Array): number {
  const isConstant = (map: Float32Array) => map.every((value) => value === map[0])
  return spearman(a, b) ?? (isConstant(a) && isConstant(b) ? 1 : 0)
}

/**
 * Numbers of shuffled layers, from the output, at which maps are compared: all, or if these are more than `most`, the
 * first, the last, and some evenly between.
 */
export function cascadeSteps(layers: number, most: number): number[] {
  const count = Math.min(layers, most)
  if (count < 2) return layers > 0 ? [layers] : []
  return Array.from({ length: count }, (_, i) => 1 + Math.round((i * (layers - 1)) / (count - 1)))
}

export type RandomisationOutcome = 'changes' | 'insensitive' | 'unchanged'

export interface RandomisationVerdict {
  outcome: RandomisationOutcome
  /** False only for `unchanged`. */
  passed: boolean
  /** Means over the pictures after each step. */
  steps: Likeness[]
}

/** With all weights shuffled, a map that depends on the model has at most this likeness. */
const changedBelow = 0.5
/** With half of the layers shuffled, a map that depends on them has at most this likeness. */
const changedHalfwayBelow = 0.9
/** Two maps of one model have at least this likeness: they differ by rounding only. */
const sameFrom = 0.99

/**
 * @param cascade for each step of the cascade and each picture, how alike the maps are; at least one of each
 * @returns `unchanged` if the maps do not depend on the weights, so that they do not explain the model; `insensitive` if
 *   they depend on the picture, or the first layers, more than on the whole model, as alpha-beta and z-plus rules are known
 *   to do (Sixt, Granz and Landgraf, "When explanations lie", ICML 2020)
 */
export function judgeRandomisation(cascade: readonly (readonly Likeness[])[]): RandomisationVerdict {
  const steps = cascade.map((pictures) => ({
    signed: mean(pictures.map(({ signed }) => signed)),
    absolute: mean(pictures.map(({ absolute }) => absolute))
  }))
  const [halfway, last] = [steps[halfwayOf(steps)]!, steps.at(-1)!].map(({ signed, absolute }) =>
    Math.max(signed, absolute)
  ) as [number, number]
  const insensitive = last >= changedBelow || halfway >= changedHalfwayBelow
  const outcome = last >= sameFrom ? 'unchanged' : insensitive ? 'insensitive' : 'changes'
  return { outcome, passed: outcome !== 'unchanged', steps }
}

/** The step after which half of the layers are shuffled. */
export function halfwayOf(steps: readonly unknown[]): number {
  return Math.floor((steps.length - 1) / 2)
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

/** A layer with weights, and the initializers that it reads them from. */
export interface ShuffledLayer {
  /** `node "conv1_1" (Conv)` */
  title: string
  tensors: OnnxTensor[]
}

const weightedOperators = new Set(['Conv', 'Gemm', 'MatMul'])

/**
 * The layers that have weights of their own, from the output down, which is the order in which they are shuffled. Biases
 * belong to them where they are inputs of the same node. A tensor that several nodes read belongs to the last of them.
 */
export function weightedLayers({ graph }: OnnxModel): ShuffledLayer[] {
  const seen = new Set<OnnxTensor>()
  return graph.nodes
    .filter(({ opType, domain }) => weightedOperators.has(opType) && domain === '')
    .reverse()
    .map((node) => {
      const tensors = node.inputs
        .map((input) => graph.initializers.get(input))
        .filter((tensor): tensor is OnnxTensor => tensor !== undefined && !seen.has(tensor))
      for (const tensor of tensors) seen.add(tensor)
      return { title: nodeTitle(node), tensors }
    })
    .filter(({ tensors }) => tensors.length > 0)
}

/**
 * Puts a tensor's values in random order (Fisher and Yates), in place: their distribution stays, their meaning is lost.
 */
export function shuffleTensor({ data, dims, type }: OnnxTensor, random: Random): void {
  const { bytes } = dataTypes[type]
  const values = elementsOf(data, bytes)
  for (let i = elementCount(dims) - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    values.swap(i, j)
  }
}

/** Elements of any size at any alignment; four aligned bytes, which weights are as a rule, without a copy. */
function elementsOf(data: Uint8Array, bytes: number): { swap(i: number, j: number): void } {
  if (bytes === 4 && data.byteOffset % 4 === 0) {
    const words = new Uint32Array(data.buffer, data.byteOffset, data.byteLength / 4)
    return {
      swap: (i, j) => {
        const word = words[i]!
        words[i] = words[j]!
        words[j] = word
      }
    }
  }
  return {
    swap: (i, j) => {
      for (let byte = 0; byte < bytes; byte++) {
        const [a, b] = [i * bytes + byte, j * bytes + byte]
        const value = data[a]!
        data[a] = data[b]!
        data[b] = value
      }
    }
  }
}
