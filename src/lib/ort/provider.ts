import * as ort from 'onnxruntime-node'
import '../../core/full-precision.js'
import '../../core/no-telemetry.js'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DeviceRefusal, refusedDevice } from '../../core/devices.js'
import { ModelError, messageOf, ProviderError } from '../../core/errors.js'
import { automaticProviders, type ProviderChoice, type ProviderName, profileNames } from './provider-names.js'

/** The result of proving a provider by an inference. */
export interface ProviderProof {
  provider: ProviderName
  /** Number of nodes by provider, from ONNX Runtime's own profile: `{ CUDAExecutionProvider: 34, CPUExecutionProvider: 2 }`. */
  nodes: Record<string, number>
  /** Set when `auto` had to fall back: what was tried and why it failed. */
  fallback?: string
  /** What to do, if a device file is the cause. */
  remedy?: string
}

/** @param asked how the user has asked for it */
const remedies: Record<ProviderName, (asked: string) => string> = {
  cpu: () => 'Reinstall painlens: onnxruntime-node brings the CPU provider along.',
  cuda: (asked) =>
    `Install ONNX Runtime's CUDA provider with its CUDA and cuDNN libraries (see deploy/jetson), or set ${asked} to auto or cpu.`,
  tensorrt: (asked) =>
    `Install ONNX Runtime's TensorRT provider with the TensorRT libraries (see deploy/jetson), or set ${asked} to auto, cuda or cpu.`
}

export interface ProvingOptions {
  threads?: number
  /** The input's dims, for those that the model leaves free; 1 unless given. */
  dims?: readonly number[]
  /** What proves the CPU in place of an inference of `model`: one in the session that is to serve. @returns its nodes by provider */
  onCpu?: () => Promise<Record<string, number>>
  /** How the user has asked for it; `inference.provider` of the config unless given. */
  asked?: string
  /** The GPU's device file that may not be opened, of which ONNX Runtime says no more than "no device". */
  refused?: () => DeviceRefusal | undefined
}

/**
 * Proves a provider by an inference of a real model. Being listed or loaded is not enough: ONNX Runtime runs nodes that a
 * provider does not support on the CPU. The profile must show that nodes ran on the provider.
 * @param model an ONNX file with one input
 * @throws ProviderError if a named provider, or even the CPU, does not work
 */
export async function proveProvider(
  choice: ProviderChoice,
  model: string,
  options: ProvingOptions = {}
): Promise<ProviderProof> {
  const { refused = () => refusedDevice('gpu'), asked = 'inference.provider' } = options
  const failures: string[] = []
  let remedy: string | undefined
  for (const provider of choice === 'auto' ? automaticProviders : [choice]) {
    try {
      const nodes = await nodesOn(provider, model, options)
      if (!nodes[profileNames[provider]])
        throw new ProviderError('PL-PROVIDER-UNUSED', `no node of ${model} ran on it`, provider)
      return { provider, nodes, ...(failures.length > 0 && { fallback: failures.join('; '), remedy }) }
    } catch (error) {
      if (provider === 'cpu') throw error
      const device = refused()
      const reason = device ? `${reasonOf(error)}; ${device.what}` : reasonOf(error)
      failures.push(`${provider}: ${reason}`)
      remedy ??= device?.fix
      if (choice !== 'auto')
        throw new ProviderError('PL-PROVIDER-UNUSABLE', `does not work (${reason})`, `${asked} ${provider}`, {
          fix: device?.fix ?? remedies[provider](asked)
        })
    }
  }
  throw new ProviderError('PL-PROVIDER-NONE', `no provider works (${failures.join('; ')})`, asked)
}

function nodesOn(provider: ProviderName, model: string, options: ProvingOptions): Promise<Record<string, number>> {
  return provider === 'cpu' && options.onCpu ? options.onCpu() : profiledInference(provider, model, options)
}

/** ONNX Runtime's own message, without the file, which may work on the next provider. */
function reasonOf(error: unknown): string {
  if (error instanceof ProviderError) return error.what
  return messageOf(error instanceof Error && error.cause ? error.cause : error)
}

/** One inference on zeros; counts the profile's nodes by provider. */
async function profiledInference(
  provider: ProviderName,
  model: string,
  { threads, dims }: ProvingOptions
): Promise<Record<string, number>> {
  const { nodes } = await withProfile(async (profileFilePrefix) => {
    const session = await openSession(model, { provider, threads, profileFilePrefix })
    try {
      await session.run({ [session.inputNames[0]!]: zeros(session, dims) })
      session.endProfiling()
    } finally {
      await session.release()
    }
  })
  return nodes
}

/**
 * @param infer opens a session with that prefix, infers, and ends its profiling
 * @returns what it returned, and the profile's nodes by provider
 */
export async function withProfile<R>(
  infer: (profileFilePrefix: string) => Promise<R>
): Promise<{ result: R; nodes: Record<string, number> }> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-proof-'))
  try {
    const result = await infer(join(folder, 'profile'))
    const [file] = await readdir(folder)
    return { result, nodes: countNodes(await readFile(join(folder, file!), 'utf8')) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Zeros for a session's first input, in its own type. */
function zeros(session: ort.InferenceSession, given: readonly number[] = []): ort.Tensor {
  const meta = session.inputMetadata[0]
  if (!meta?.isTensor) return new ort.Tensor('float32', new Float32Array(1), [])
  const dims = meta.shape.map((dim, axis) => (typeof dim === 'number' ? dim : (given[axis] ?? 1)))
  const size = dims.reduce((a, b) => a * b, 1)
  if (meta.type === 'float16') return new ort.Tensor('float16', new Uint16Array(size), dims)
  if (meta.type === 'float64') return new ort.Tensor('float64', new Float64Array(size), dims)
  if (meta.type === 'uint8') return new ort.Tensor('uint8', new Uint8Array(size), dims)
  return new ort.Tensor('float32', new Float32Array(size), dims)
}

function countNodes(profile: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { provider } of placedNodes(profile)) counts[provider] = (counts[provider] ?? 0) + 1
  return counts
}

export interface SessionOptions {
  provider: ProviderName
  /** Threads within an operator; 0 or absent: one for each core. */
  threads?: number
  /**
   * For a large model in a file: its weights are used from where they are mapped, without a second copy in a layout of
   * the runtime's own, and the run's memory is not planned as one block, which is larger than what is needed at any moment
   * (90 MB for VGG-Face's LRP graph).
   */
  mapped?: boolean
  /** Writes the model there as the runtime's basic optimisations leave it: constants folded, batch normalisation merged into convolutions. */
  writeBasicTo?: string
  /** Prefix of the profile's path (see `ort.InferenceSession.SessionOptions.profileFilePrefix`); none when absent. */
  profileFilePrefix?: string
}

// ONNX Runtime would write to stderr; its failures are thrown as errors too, which painlens words for the user.
ort.env.logLevel = 'fatal'

/**
 * Opens an ONNX model for inference. The session's `run` blocks the calling thread, so call it in a worker.
 * @param model a file (external data is found beside it) or the bytes of a model
 * @throws ModelError if the file is missing, truncated or not ONNX, or the provider cannot load it
 */
export async function openSession(model: string | Uint8Array, options: SessionOptions): Promise<ort.InferenceSession> {
  const settings = settingsOf(options)
  try {
    return typeof model === 'string'
      ? await ort.InferenceSession.create(model, settings)
      : await ort.InferenceSession.create(model, settings)
  } catch (error) {
    const where = typeof model === 'string' ? model : 'a model in memory'
    throw new ModelError(
      'PL-MODEL-UNOPENABLE',
      `cannot be opened as an ONNX model by the ${options.provider} provider (${firstSentence(error)})`,
      where,
      { cause: error }
    )
  }
}

function settingsOf(options: SessionOptions): ort.InferenceSession.SessionOptions {
  const { provider, threads, mapped, writeBasicTo, profileFilePrefix } = options
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads || cpus().length,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    // Spinning idle threads would take cores from the decoders.
    extra: { session: { intra_op: { allow_spinning: '0' }, ...(mapped && { disable_prepacking: '1' }) } },
    ...(mapped && { enableMemPattern: false }),
    ...(writeBasicTo && { graphOptimizationLevel: 'basic', optimizedModelFilePath: writeBasicTo }),
    ...(profileFilePrefix && { enableProfiling: true, profileFilePrefix })
  }
}

function firstSentence(error: unknown): string {
  return messageOf(error).split('\n')[0]!.slice(0, 200)
}

/** A node of a graph and the provider that it ran on, from ONNX Runtime's own profile. */
export interface PlacedNode {
  name: string
  /** ONNX's type, or the runtime's own for fused nodes: `Conv`, `FusedConv`, `MemcpyToHost`. */
  operator: string
  /** `CPUExecutionProvider`, `CUDAExecutionProvider`, … */
  provider: string
}

interface ProfileEvent {
  cat: string
  name: string
  args?: { provider?: string; op_name?: string }
}

const suffix = '_kernel_time'

/**
 * The nodes in a profile, each once for any number of runs.
 * @param profile the text of the file that a session's `endProfiling` writes
 */
export function placedNodes(profile: string): PlacedNode[] {
  const nodes = new Map<string, PlacedNode>()
  for (const { cat, name, args } of JSON.parse(profile) as ProfileEvent[]) {
    if (cat !== 'Node' || !name.endsWith(suffix) || !args?.provider) continue
    const own = name.slice(0, -suffix.length)
    nodes.set(own, { name: own, operator: args.op_name ?? '', provider: args.provider })
  }
  return [...nodes.values()]
}

/** Whether the node only copies a tensor to or from the provider's memory. */
export function isCopy({ operator }: PlacedNode): boolean {
  return operator === 'MemcpyToHost' || operator === 'MemcpyFromHost'
}
