import * as ort from 'onnxruntime-node'
import {
  codeOf,
  InferenceError,
  InvariantError,
  ModelError,
  messageOf,
  type Problem,
  whatOf
} from '../../core/errors.js'
import { collectGarbage } from '../../core/garbage.js'
import type { Precision, PrecisionChoice } from '../../core/types.js'
import { serveWorker, Transferred } from '../../core/worker.js'
import { type EngineResult, type EngineShape, engineShape, type Sample } from '../../lib/lrp/engine.js'
import type { OnnxEngine, Unfinished } from '../../lib/lrp/engines/onnx.js'
import { checkHash, checkInputType, checkShapes, declaredDims, type Manifest } from '../../lib/model/manifest.js'
import {
  asFloats,
  asInputType,
  batchDims,
  contradiction,
  logitsOf,
  preprocess,
  probabilitiesOf,
  type Reading,
  readingOf
} from '../../lib/model/preprocess.js'
import { trialCrop } from '../../lib/model/trial-crop.js'
import {
  checkWeights,
  encodeModel,
  type Head,
  halfModelOf,
  type InputType,
  knownHeadOf,
  readModel,
  signatureOf
} from '../../lib/onnx/index.js'
import { openSession, type ProviderProof, proveProvider } from '../../lib/ort/provider.js'
import type { ProviderChoice, ProviderName } from '../../lib/ort/provider-names.js'
import { checkTwin, comparePrecision, type Judge, objectionTo, type PrecisionStatus } from './precision.js'
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
  precision: PrecisionChoice
  /** Faces to prove another precision than float32 with: RGB24 of the manifest's size. */
  proofCrops: readonly Uint8Array[]
  /** What an earlier worker found on this processor, and need not be proved again. */
  proved: PrecisionStatus | null
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
  precision: PrecisionStatus
}

/** RGB24 of crops of the manifest's size, no more of them than `largest`. */
export interface ClassifyRequest {
  crops: Uint8Array[]
  /** Ask the float32 model, also where another one judges; one crop then. */
  exact?: boolean
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
  /** The manifest's own file, or its twin in other numbers. */
  file: string
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

interface Serving {
  /** Judges all faces. */
  quick: Open
  /** Judges single ones in float32; the same where that judges all. */
  exact: Open
}

/**
 * Largest batch by default. On a CPU a batch takes as long as its faces one after the other, delays the first of them, and
 * needs more memory (docs/measured/bench.md has the figures). One face does not fill a GPU.
 */
const largestBatches: Record<ProviderName, number> = { cpu: 1, cuda: 16, tensorrt: 16 }
/** Few sizes, since CUDA's provider searches the fastest kernels for each; other batches are padded. */
const batchSizes = [1, 2, 4, 8, 16]

let open: Serving | undefined
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
    const asked = askedPrecision(request, proof.provider)
    const most = largestBatch ?? largestBatches[proof.provider]
    const model = { ...told, manifest, file: manifest.file }
    const exact = await opened(
      { ...model, ...(await exactBy(engine, model, { threads, provider: proof.provider })) },
      most
    )
    const { quick, ...precision } = await quickest(request, { asked, provider: proof.provider }, exact, most)
    open = { quick: quick ?? exact, exact }
    lrp = engine ?? undefined
    const reading = readingOf(told.head, exact.outputs)
    const largest = open.quick.sizes.at(-1)!
    const explains = { lrp: engine && engineShape(engine), lrpProblem: problem }
    return { proof, largest, head: told.head, reading, precision, ...explains }
  },

  /** One explanation, in the session that judges, or its first half; see `OnnxEngine.begin`. */
  explain({ sample, weights }: LrpSample): Promise<EngineResult | Unfinished> {
    return withLrp().begin(sample, weights)
  },

  /** Its second half. */
  finish(unfinished: Unfinished): Promise<EngineResult> {
    return withLrp().finish(unfinished)
  },

  /** The session's answer without an explanation; see `Engine.logits`. */
  logits(sample: Sample): Promise<Float32Array> {
    return withLrp().logits(sample)
  },

  async classify({ crops, exact = false }: ClassifyRequest): Promise<Transferred<ClassifyAnswer>> {
    if (!open) throw new InvariantError('is asked before its model is open', 'the classifier')
    const answer = await answerOf(exact ? open.exact : open.quick, crops)
    return new Transferred(answer, [answer.logits.buffer])
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

/** The precision to be tried. @throws ModelError where the config names one that is not there */
function askedPrecision({ manifest, precision }: OpenClassifierRequest, provider: ProviderName): Precision {
  const refused = (why: string): ModelError =>
    new ModelError('PL-PRECISION-NONE', `inference.precision is ${precision}, and ${why}`, manifest.path)
  if (precision === 'float16' && provider === 'cpu') throw refused('the CPU has no kernels for it')
  if (precision === 'auto') return provider === 'cpu' && manifest.int8 ? 'int8' : 'float32'
  if (precision === 'int8' && !manifest.int8) throw refused('the manifest names no int8 file')
  if (precision === 'int8' && provider !== 'cpu') throw refused(`${provider} has no kernels for it`)
  return precision
}

/** The model with its batch sizes, tried out. */
async function opened(opening: Opening, most: number): Promise<Open> {
  const fixed = opening.inputDims[0] ?? null
  const outputs = await tryOut(opening, fixed ?? 1)
  const sizes = fixed === null ? await sizesThatWork(opening, outputs, most) : [fixed]
  return { ...opening, outputs, sizes }
}

/** The twin that is asked for, if it can be opened, and is proved right on this processor; with why not. */
async function quickest(
  { manifest, threads, precision, proofCrops, proved }: OpenClassifierRequest,
  { asked, provider }: { asked: Precision; provider: ProviderName },
  exact: Open,
  most: number
): Promise<PrecisionStatus & { quick: Open | null }> {
  const stays = { used: 'float32', compared: null, problem: null, quick: null } as const
  if (asked === 'float32') return stays
  if (proved?.used === 'float32') return { ...proved, quick: null }
  const file = asked === 'int8' ? manifest.int8!.file : manifest.file
  let session: ort.InferenceSession | undefined
  try {
    session = asked === 'int8' ? await openInt8(manifest, threads) : await openHalf(manifest, provider, threads)
    if (asked === 'int8') checkTwin(session, exact, file)
    const own = { ...exact, file, scores: exact.head }
    const quick = await opened({ ...own, infer: inferBy(session, own) }, most)
    if (proved) return { ...proved, quick }
    const compared = await comparePrecision(judgeBy(exact), judgeBy(quick), proofCrops)
    const problem = objectionTo(asked, compared, precision === 'auto')
    if (problem === null) return { used: asked, compared, problem, quick }
    await session.release()
    return { ...stays, compared, problem }
  } catch (error) {
    await session?.release()
    return { ...stays, problem: { code: codeOf(error), message: `${asked} does not work: ${file}: ${whatOf(error)}` } }
  }
}

async function openInt8({ int8, path }: Manifest, threads: number): Promise<ort.InferenceSession> {
  const { file, sha256 } = int8!
  await checkHash(file, sha256, path)
  return openSession(file, { provider: 'cpu', threads })
}

/** The model itself with its weights in half precision, made anew at each start. */
async function openHalf({ file }: Manifest, provider: ProviderName, threads: number): Promise<ort.InferenceSession> {
  const bytes = encodeModel(halfModelOf(await readModel(file), file))
  collectGarbage()
  return openSession(bytes, { provider, threads })
}

function judgeBy(model: Open): Judge {
  const { head, outputs, manifest } = model
  const reading = readingOf(head, outputs)
  return async (crop) => probabilitiesOf((await answerOf(model, [crop])).logits, reading, manifest.temperature)
}

/** @throws InferenceError */
async function answerOf(model: Open, crops: readonly Uint8Array[]) {
  const { manifest, sizes, outputs, scores, file } = model
  const { width, height } = manifest.input
  const size = 3 * width * height
  // The padding holds old data; its results are ignored.
  const count = sizes.find((each) => each >= crops.length)!
  if (buffer.length < count * size) buffer = new Float32Array(count * size)
  crops.forEach((data, i) => {
    preprocess({ width, height, data }, manifest.input, buffer.subarray(i * size, (i + 1) * size))
  })
  const startedAt = performance.now()
  const found = await model.infer(buffer.subarray(0, count * size), count)
  const inferenceMs = performance.now() - startedAt
  const logits = new Float32Array(crops.length * manifest.labels.length)
  crops.forEach((_, i) => {
    const own = found.subarray(i * outputs, (i + 1) * outputs)
    if (!own.every(Number.isFinite))
      throw new InferenceError('PL-INFERENCE-NOT-FINITE', `the model gave ${[...own].join(', ')}`, file)
    logits.set(logitsOf(own, scores), i * manifest.labels.length)
  })
  return { logits, inferenceMs } satisfies ClassifyAnswer
}

/** In float32, by the session that also explains, or else by one of the model's own. */
async function exactBy(
  engine: OnnxEngine | null,
  model: Omit<Opening, 'infer' | 'scores'>,
  options: { threads: number; provider: ProviderName }
): Promise<Pick<Opening, 'infer' | 'scores'>> {
  const { manifest, file, head } = model
  if (!engine) return { infer: inferBy(await openSession(file, options), model), scores: head }
  return { infer: (data, count) => engine.logits({ data, dims: batchDims(manifest.input, count) }), scores: 'logits' }
}

/** By a session of the model itself. */
function inferBy(session: ort.InferenceSession, model: Omit<Opening, 'infer' | 'scores'>): Infer {
  const { manifest, file, inputType, output } = model
  return async (data, count) => {
    try {
      const tensor = new ort.Tensor(inputType, asInputType(data, inputType), batchDims(manifest.input, count))
      const outputs = await session.run({ [session.inputNames[0]!]: tensor }, [output])
      return asFloats(outputs[output]!)
    } catch (error) {
      throw new InferenceError('PL-INFERENCE-FAILED', `the inference failed (${messageOf(error)})`, file, {
        cause: error
      })
    }
  }
}
/**
 * The proof that the model is what graph and manifest say, by an inference of something like a face.
 * @returns how many scores it gives for each crop
 */
async function tryOut(opening: Opening, count: number): Promise<number> {
  const { manifest, inputDims, scores: head, file } = opening
  const { input } = manifest
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
