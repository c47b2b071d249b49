import type { LayerGraph } from './layers.js'

/** `tfjs` computes with tfjs-node or wasm, `onnx` emits a graph that ONNX Runtime runs. */
export const engineNames = ['tfjs', 'onnx'] as const
export type EngineName = (typeof engineNames)[number]

/** A batch of pictures: `dims` is the model's input shape with the batch in front, `data` its values row by row. */
export interface Sample {
  data: Float32Array
  dims: readonly number[]
}

export interface EngineResult {
  /** [batch · class]. */
  logits: Float32Array
  /** The explained output neuron of each sample. */
  target: number[]
  /** As the sample's data. */
  relevance: Float32Array
}

/** One classifier under one composite, ready to explain. */
export interface Engine {
  /** For people: what computes, and with how many threads. */
  readonly name: string
  /** The model's input: the batch and other free dimensions as names. */
  readonly inputDims: readonly (number | string)[]
  readonly classes: number
  /** @param wanted the output neuron per sample, -1 for the largest */
  explain(sample: Sample, wanted: readonly number[]): Promise<EngineResult>
  /** Frees memory and threads. */
  close(): Promise<void>
}

/**
 * Reads the classifier. A function, so that nobody but the engine holds the graph: its weights may be half a gigabyte,
 * which nobody needs once the engine is ready.
 */
export type LoadGraph = () => Promise<LayerGraph>

/** The neuron to explain per sample; of several largest the first. */
export function targetsOf(logits: Float32Array, wanted: readonly number[], classes: number): number[] {
  return wanted.map((neuron, sample) => {
    if (neuron >= 0) return neuron
    const own = logits.subarray(sample * classes, (sample + 1) * classes)
    return own.reduce((best, value, i) => (value > own[best]! ? i : best), 0)
  })
}

/** The logits with all but each sample's target set to zero: the relevance that LRP starts with. */
export function startingRelevance(logits: Float32Array, target: readonly number[], classes: number): Float32Array {
  const relevance = new Float32Array(logits.length)
  target.forEach((neuron, sample) => {
    relevance[sample * classes + neuron] = logits[sample * classes + neuron]!
  })
  return relevance
}
