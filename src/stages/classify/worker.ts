import * as ort from 'onnxruntime-node'
import { InferenceError, InvariantError, ModelError, messageOf, type Problem } from '../../core/errors.js'
import { collectGarbage } from '../../core/garbage.js'
import { serveWorker, Transferred } from '../../core/worker.js'
import { type EngineResult, type EngineShape, type Sample, shapeOf } from '../../lib/lrp/engine.js'
import type { OnnxEngine } from '../../lib/lrp/engines/onnx.js'
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
import { type LrpRequest, type OneSession, openWithLrp } from './with-lrp.js'

export interface OpenClassifierRequest {
  manifest: Manifest
  provider: ProviderChoice
  threads: number
  /** Largest batch, in crops; by the provider unless given. */
  largestBatch?: number
  /** Check first that the model file still has the manifest's SHA-256. */
  verify: boolean
  /** Explain in the same session, where that is the CPU's and the model allows it. */
  lrp?: LrpRequest
  /** Where the graph of a large model may be written while such a session is opened. */
  folder?: string
}

export interface OpenClassifierAnswer {
  proof: ProviderProof
  /** How many crops an inference takes. */
  largest: number
  /** What the model's outputs are, and how probabilities are made of their logits. */
  head: Head
  reading: Reading
  /** What explains in the same session; null where nothing does. */
  lrp: EngineShape | null
  /** Why nothing does although it was asked for; null where that has not to be said. */
  lrpProblem: Problem | null
}

/** RGB24 of crops of the manifest's size, no more of them than `largest`. */
export interface ClassifyRequest {
  crops: Uint8Array[]
}

export interface LrpSample {
  sample: Sample
  /** [batch · class]. */
  weights: Float32Array
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
  /** Whether LRP's graph gives the same verdicts: float32, and where the outputs are no logits, the activation is known to be the last step. */
  allowsLrp: boolean
}

/** Scores of a batch of `count` crops, one after the other, as `scores` says. */
type Infer = (data: Float32Array, count: number) => Promise<Float32Array>

interface Opening extends Told {
  manifest: Manifest
  infer: Infer
  /** What `infer` gives: LRP's graph stops before the last activation. */
  scores: Head
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
let lrp: OnnxEngine | undefined
let buffer = new Float32Array(0)

const methods = {
  /** Proves the provider, opens the session and checks the model's shapes against the manifest. */
  async open(request: OpenClassifierRequest): Promise<OpenClassifierAnswer> {
    const { manifest, provider, threads, largestBatch, verify } = request
    if (verify) await checkHash(manifest.file, manifest.sha256, manifest.path)
    const told = await readGraph(manifest)
    collectGarbage()
    const fixed = told.inputDims[0] ?? null
    const proving = { threads, dims: batchDims(manifest.input, fixed ?? 1) }
    let together: OneSession | Problem | null = null
    const onCpu = async (): Promise<Record<string, number>> => {
      together = await openWithLrp(manifest, { ...request.lrp!, threads, folder: request.folder })
      return 'engine' in together ? together.nodes : (await proveProvider('cpu', manifest.file, proving)).nodes
    }
    const proof = await proveProvider(provider, manifest.file, {
      ...proving,
      ...(request.lrp && told.allowsLrp && { onCpu })
    })
    const { engine, problem } = outcomeOf(together)
    const opening = { ...told, manifest, ...(await inferenceBy(engine, { ...told, manifest, threads, proof })) }
    const outputs = await tryOut(opening, fixed ?? 1)
    const most = largestBatch ?? largestBatches[proof.provider]
    const sizes = fixed === null ? await sizesThatWork(opening, outputs, most) : [fixed]
    open = { ...opening, sizes, outputs }
    lrp = engine ?? undefined
    const shape = engine && shapeOf(engine)
    const reading = readingOf(told.head, outputs)
    return { proof, largest: sizes.at(-1)!, head: told.head, reading, lrp: shape, lrpProblem: problem }
  },

  /** One explanation, in the session that judges; see `Engine.explain`. */
  explain({ sample, weights }: LrpSample): Promise<EngineResult> {
    return withLrp().explain(sample, weights)
  },

  /** The session's answer without an explanation; see `Engine.logits`. */
  logits(sample: Sample): Promise<Float32Array> {
    return withLrp().logits(sample)
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
    const found = await open.infer(buffer.subarray(0, count * size), count)
    const inferenceMs = performance.now() - startedAt
    const { outputs, scores } = open
    const logits = new Float32Array(crops.length * manifest.labels.length)
    crops.forEach((_, i) => {
      const own = found.subarray(i * outputs, (i + 1) * outputs)
      if (!own.every(Number.isFinite))
        throw new InferenceError('PL-INFERENCE-NOT-FINITE', `the model gave ${[...own].join(', ')}`, manifest.file)
      logits.set(logitsOf(own, scores), i * manifest.labels.length)
    })
    return new Transferred({ logits, inferenceMs }, [logits.buffer])
  }
}
export type ClassifyMethods = typeof methods

function withLrp(): OnnxEngine {
  if (lrp) return lrp
  throw new InferenceError('PL-EXPLAIN-LOST', 'has no LRP graph since it was started again', "the classifier's session")
}

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
  const head = knownHeadOf(signature, file)
  const allowsLrp = input.type === 'float32' && (head === 'logits' || signature.before !== output.name)
  return { inputType: input.type, inputDims, output: output.name, head, allowsLrp }
}

function outcomeOf(together: OneSession | Problem | null): { engine: OnnxEngine | null; problem: Problem | null } {
  if (together === null) return { engine: null, problem: null }
  return 'engine' in together ? { engine: together.engine, problem: null } : { engine: null, problem: together }
}

interface InferenceOf extends Told {
  manifest: Manifest
  threads: number
  proof: ProviderProof
}

/** By the session that also explains, or else by one of the model's own. */
async function inferenceBy(engine: OnnxEngine | null, model: InferenceOf): Promise<Pick<Opening, 'infer' | 'scores'>> {
  const { manifest, threads, proof, head } = model
  if (engine) {
    const infer: Infer = (data, count) => engine.logits({ data, dims: batchDims(manifest.input, count) })
    return { infer, scores: 'logits' }
  }
  const session = await openSession(manifest.file, { provider: proof.provider, threads })
  return { infer: (data, count) => run({ ...model, session }, data, count), scores: head }
}

async function run(
  { manifest, session, inputType, output }: InferenceOf & { session: ort.InferenceSession },
  data: Float32Array,
  count: number
): Promise<Float32Array> {
  const { input, file } = manifest
  try {
    const tensor = new ort.Tensor(inputType, asInputType(data, inputType), batchDims(input, count))
    const outputs = await session.run({ [session.inputNames[0]!]: tensor }, [output])
    return asFloats(outputs[output]!)
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
  const { manifest, inputDims, scores: head } = opening
  const { file, input } = manifest
  const size = 3 * input.width * input.height
  const data = new Float32Array(count * size)
  preprocess(trialCrop(input), input, data.subarray(0, size))
  const found = await opening.infer(data, count)
  const outputs = found.length / count
  checkShapes(manifest, inputDims, outputs)
  const own = found.subarray(0, outputs)
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
    const found = await opening.infer(new Float32Array(size * 3 * input.width * input.height), size).catch(() => null)
    if (found?.length !== size * outputs) break
    sizes.push(size)
  }
  return sizes
}

serveWorker(methods)
