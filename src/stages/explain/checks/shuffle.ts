import { dataTypes, elementCount, nodeTitle, type OnnxModel, type OnnxTensor } from '../../../lib/onnx/index.js'
import type { Random } from '../../../lib/random.js'

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
 * Puts a tensor's values in random order (Fisher and Yates), where they lie in memory: they stay as large and as small as
 * they were, and say nothing any more.
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
