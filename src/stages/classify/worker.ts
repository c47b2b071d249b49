import * as ort from 'onnxruntime-node'
import { InferenceError, InvariantError, messageOf } from '../../core/errors.js'
import { serveWorker, Transferred } from '../../core/worker.js'
import { checkHash, checkShapes, type Manifest } from '../../lib/model/manifest.js'
import { batchDims, preprocess } from '../../lib/model/preprocess.js'
import { openSession, type ProviderProof, proveProvider } from '../../lib/ort/provider.js'
import type { ProviderChoice, ProviderName } from '../../lib/ort/provider-names.js'

export interface OpenClassifierRequest {
  manifest: Manifest
  provider: ProviderChoice
  threads: number
  /** Largest batch, in crops; by the provider unless given. */
  largestBatch?: number
  /** Check first that the model file still has the manifest's SHA-256. */
  verify: boolean
}

export interface OpenClassifierAnswer {
  proof: ProviderProof
  /** How many crops an inference takes. */
  largest: number
}

/** RGB24 of crops of the manifest's size, no more of them than `largest`. */
export interface ClassifyRequest {
  crops: Uint8Array[]
}

export interface ClassifyAnswer {
  /** [crop][class], one after the other. */
  logits: Float32Array
  /** The time that ONNX Runtime took, in ms. */
  inferenceMs: number
}

interface Open {
  manifest: Manifest
  session: ort.InferenceSession
  /** The batch sizes in use, ascending. */
  sizes: readonly number[]
  endsInSoftmax: boolean
}

/**
 * Largest batch by default. On a CPU a batch takes as long as its faces one after the other, delays the first of them, and
 * needs more memory (docs/measured/bench.md has the figures). One face does not fill a GPU.
 */
const largestBatches: Record<ProviderName, number> = { cpu: 1, cuda: 16, tensorrt: 16 }
/** Few sizes, since CUDA's provider searches the fastest kernels for each; other batches are padded. */
const batchSizes = [1, 2, 4, 8, 16]

let open: Open | undefined
let buffer = new Float32Array(0)

const methods = {
  /** Proves the provider, opens the session and checks the model's shapes against the manifest. */
  async open({
    manifest,
    provider,
    threads,
    largestBatch,
    verify
  }: OpenClassifierRequest): Promise<OpenClassifierAnswer> {
    if (verify) await checkHash(manifest.file, manifest.sha256, manifest.path)
    const proof = await proveProvider(provider, manifest.file, threads)
    const session = await openSession(manifest.file, { provider: proof.provider, threads })
    const inputDims = dimsOf(session.inputMetadata[0])
    checkShapes(manifest, inputDims, dimsOf(session.outputMetadata[0]))
    const fixed = inputDims[0]
    const most = largestBatch ?? largestBatches[proof.provider]
    const sizes = typeof fixed === 'number' ? [fixed] : await sizesThatWork({ manifest, session }, most)
    open = { manifest, session, sizes, endsInSoftmax: await looksLikeProbabilities({ manifest, session }, sizes[0]!) }
    return { proof, largest: sizes.at(-1)! }
  },

  async classify({ crops }: ClassifyRequest): Promise<Transferred<ClassifyAnswer>> {
    if (!open) throw new InvariantError('is asked before its model is open', 'the classifier')
    const { manifest, sizes } = open
    const { width, height } = manifest.input
    const size = 3 * width * height
    // The padding holds old data; its results are ignored.
    const count = sizes.find((each) => each >= crops.length)!
    if (buffer.length < count * size) buffer = new Float32Array(count * size)
    crops.forEach((data, i) => {
      preprocess({ width, height, data }, manifest.input, buffer.subarray(i * size, (i + 1) * size))
    })
    const startedAt = performance.now()
    const output = await run(open, buffer.subarray(0, count * size), count)
    const inferenceMs = performance.now() - startedAt
    const wanted = output.subarray(0, crops.length * manifest.labels.length)
    // The logarithm of a softmax's output equals its input up to a constant for each crop.
    const logits = open.endsInSoftmax ? wanted.map((p) => Math.log(Math.max(p, 1e-30))) : Float32Array.from(wanted)
    return new Transferred({ logits, inferenceMs }, [logits.buffer])
  }
}
export type ClassifyMethods = typeof methods

async function run({ manifest, session }: Opening, data: Float32Array, count: number): Promise<Float32Array> {
  try {
    const feeds = { [session.inputNames[0]!]: new ort.Tensor('float32', data, batchDims(manifest.input, count)) }
    const outputs = await session.run(feeds)
    return outputs[session.outputNames[0]!]!.data as Float32Array
  } catch (error) {
    throw new InferenceError('PL-INFERENCE-FAILED', `the inference failed (${messageOf(error)})`, manifest.file, {
      cause: error
    })
  }
}

type Opening = Pick<Open, 'manifest' | 'session'>

/**
 * The batch sizes up to `most` that work. An exported graph may declare a free batch and still contain a Reshape to a batch
 * of one, and memory may not suffice for a large one. Also warms each size up.
 */
async function sizesThatWork(model: Opening, most: number): Promise<number[]> {
  const { input, labels } = model.manifest
  const sizes = [1]
  for (const size of batchSizes.filter((each) => each > 1 && each <= most)) {
    const output = await run(model, new Float32Array(size * 3 * input.width * input.height), size).catch(() => null)
    if (output?.length !== size * labels.length) break
    sizes.push(size)
  }
  return sizes
}

/** Whether the graph ends in a softmax: for two quite different inputs the outputs are positive and sum up to 1. */
async function looksLikeProbabilities(model: Opening, count: number): Promise<boolean> {
  const { width, height } = model.manifest.input
  const classes = model.manifest.labels.length
  for (const value of [0, 1]) {
    const input = Float32Array.from({ length: count * 3 * width * height }, (_, i) => value * Math.sin(i) * 100)
    const output = [...(await run(model, input, count))].slice(0, classes)
    const sum = output.reduce((a, b) => a + b, 0)
    if (output.some((p) => p < 0) || Math.abs(sum - 1) > 1e-4) return false
  }
  return true
}

function dimsOf(meta: ort.InferenceSession.ValueMetadata | undefined): (number | null)[] {
  if (!meta?.isTensor) return []
  return meta.shape.map((dim) => (typeof dim === 'number' ? dim : null))
}

serveWorker(methods)
