import * as ort from 'onnxruntime-node'
import { InferenceError, InvariantError, ModelError, messageOf } from '../../core/errors.js'
import { collectGarbage } from '../../core/garbage.js'
import { serveWorker, Transferred } from '../../core/worker.js'
import { checkHash, checkInputType, checkShapes, declaredDims, type Manifest } from '../../lib/model/manifest.js'
import {
  asFloats,
  asInputType,
  batchDims,
  contradiction,
  logitsOf,
  preprocess,
  type Reading,
  readingOf
} from '../../lib/model/preprocess.js'
import { trialCrop } from '../../lib/model/trial-crop.js'
import { checkWeights, type Head, type InputType, knownHeadOf, readModel, signatureOf } from '../../lib/onnx/index.js'
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
  /** What the model's outputs are, and how probabilities are made of their logits. */
  head: Head
  reading: Reading
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

/** What the graph says of the model, as far as an inference has to know it. */
interface Told {
  inputType: InputType
  inputDims: (number | null)[]
  output: string
  head: Head
}

interface Opening extends Told {
  manifest: Manifest
  session: ort.InferenceSession
}

interface Open extends Opening {
  /** The batch sizes in use, ascending. */
  sizes: readonly number[]
  /** Scores for each crop. */
  outputs: number
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
    const told = await readGraph(manifest)
    collectGarbage()
    const fixed = told.inputDims[0] ?? null
    const proof = await proveProvider(provider, manifest.file, {
      threads,
      dims: batchDims(manifest.input, fixed ?? 1)
    })
    const session = await openSession(manifest.file, { provider: proof.provider, threads })
    const opening: Opening = { ...told, manifest, session }
    const outputs = await tryOut(opening, fixed ?? 1)
    const most = largestBatch ?? largestBatches[proof.provider]
    const sizes = fixed === null ? await sizesThatWork(opening, outputs, most) : [fixed]
    open = { ...opening, sizes, outputs }
    return { proof, largest: sizes.at(-1)!, head: told.head, reading: readingOf(told.head, outputs) }
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
    const scores = await run(open, buffer.subarray(0, count * size), count)
    const inferenceMs = performance.now() - startedAt
    const { outputs, head } = open
    const logits = new Float32Array(crops.length * manifest.labels.length)
    crops.forEach((_, i) => {
      const own = scores.subarray(i * outputs, (i + 1) * outputs)
      if (!own.every(Number.isFinite))
        throw new InferenceError('PL-INFERENCE-NOT-FINITE', `the model gave ${[...own].join(', ')}`, manifest.file)
      logits.set(logitsOf(own, head), i * manifest.labels.length)
    })
    return new Transferred({ logits, inferenceMs }, [logits.buffer])
  }
}
export type ClassifyMethods = typeof methods

/**
 * What the graph says, which ONNX Runtime does not tell; and whether the weights are numbers. The file's bytes are let go
 * before a session needs as much memory.
 */
async function readGraph(manifest: Manifest): Promise<Told> {
  const { file } = manifest
  const model = await readModel(file)
  const signature = signatureOf(model, manifest, file)
  const { input, output } = signature
  const inputDims = declaredDims(input.dims)
  const scores = declaredDims(output.dims).slice(1)
  checkInputType(manifest, input.type)
  checkShapes(manifest, inputDims, scores.includes(null) ? null : scores.reduce<number>((a, b) => a * b!, 1))
  checkWeights(model, file)
  return { inputType: input.type, inputDims, output: output.name, head: knownHeadOf(signature, file) }
}

async function run({ manifest, session, ...told }: Opening, data: Float32Array, count: number): Promise<Float32Array> {
  const { input, file } = manifest
  try {
    const tensor = new ort.Tensor(told.inputType, asInputType(data, told.inputType), batchDims(input, count))
    const outputs = await session.run({ [session.inputNames[0]!]: tensor }, [told.output])
    return asFloats(outputs[told.output]!)
  } catch (error) {
    throw new InferenceError('PL-INFERENCE-FAILED', `the inference failed (${messageOf(error)})`, file, {
      cause: error
    })
  }
}

/**
 * The proof that the model is what graph and manifest say, by an inference of something like a face.
 * @returns how many scores it gives for each crop
 */
async function tryOut(opening: Opening, count: number): Promise<number> {
  const { manifest, inputDims, head } = opening
  const { file, input } = manifest
  const size = 3 * input.width * input.height
  const data = new Float32Array(count * size)
  preprocess(trialCrop(input), input, data.subarray(0, size))
  const scores = await run(opening, data, count)
  const outputs = scores.length / count
  checkShapes(manifest, inputDims, outputs)
  const own = scores.subarray(0, outputs)
  if (!own.every(Number.isFinite))
    throw new ModelError('PL-MODEL-NOT-FINITE', `its outputs for a trial picture are ${[...own].join(', ')}`, file)
  const why = contradiction(own, head)
  if (why !== null)
    throw new ModelError('PL-MODEL-HEAD', `its outputs for a trial picture are no ${head}: ${why}`, file)
  return outputs
}

/**
 * The batch sizes up to `most` that work. An exported graph may declare a free batch and still contain a Reshape to a batch
 * of one, and memory may not suffice for a large one. Also warms each size up.
 */
async function sizesThatWork(opening: Opening, outputs: number, most: number): Promise<number[]> {
  const { input } = opening.manifest
  const sizes = [1]
  for (const size of batchSizes.filter((each) => each > 1 && each <= most)) {
    const found = await run(opening, new Float32Array(size * 3 * input.width * input.height), size).catch(() => null)
    if (found?.length !== size * outputs) break
    sizes.push(size)
  }
  return sizes
}

serveWorker(methods)
