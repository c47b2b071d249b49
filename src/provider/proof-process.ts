/**
 * A process that runs the classifier on a build of ONNX Runtime, so that a build that crashes does not crash the installer.
 * Started by `prove`, which sends a ProofRequest and gets a ProofAnswer; or the reason why it does not come to the build's
 * native code, before which it says that it begins.
 */
import '../core/no-telemetry.js'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { messageOf, ProviderError, whatOf } from '../core/errors.js'
import { loadManifest } from '../lib/model/load-manifest.js'
import type { Manifest } from '../lib/model/manifest.js'
import { asFloats, asInputType, batchDims, preprocess } from '../lib/model/preprocess.js'
import type { InputType } from '../lib/onnx/index.js'
import type { SessionOptions } from '../lib/ort/provider.js'
import type { ProviderName } from '../lib/ort/provider-names.js'

export interface ProofRequest {
  /** Where the native files lie, absolute and without symlinks. */
  folder: string
  /** Whether to load them from there instead of onnxruntime-node's own folder. */
  redirect: boolean
  /** The classifier's manifest. */
  model: string
  providers: readonly ProviderName[]
}

export interface ProvedRun {
  provider: ProviderName
  /** Number of the model's nodes per provider, by ONNX Runtime's own profile. */
  nodes: Record<string, number>
  /** The model's outputs for some pictures, one after the other. */
  outputs: number[]
  /** Duration of the last inference. */
  milliseconds: number
}

/** On failure, with the provider that was tried last. */
export type ProofAnswer = { runs: ProvedRun[] } | { provider: ProviderName; failure: string }

const binding = 'onnxruntime_binding.node'
const ownFiles = [binding, 'libonnxruntime.so.1']
/** Number of compared pictures: noise, for which kernels have no shortcut. */
const pictures = 2

// The parent process has ended.
process.once('disconnect', () => process.exit(1))
process.once('message', async (request: ProofRequest) => {
  const manifest = await loadManifest(request.model).catch((error: unknown) => ({ notBegun: messageOf(error) }))
  if ('notBegun' in manifest) {
    process.send!(manifest, () => process.exit(1))
    return
  }
  process.send!({ begun: true })
  void answer(request, manifest)
    .catch((error: unknown): ProofAnswer => ({ provider: request.providers[0]!, failure: whatOf(error) }))
    .then((message) => process.send!(message, () => process.exit(0)))
})

async function answer({ folder, redirect, providers }: ProofRequest, manifest: Manifest): Promise<ProofAnswer> {
  if (redirect) loadBindingFrom(folder)
  // Only now: importing it loads the binding.
  const { proveProvider } = await import('../lib/ort/provider.js')
  checkLoaded(folder)
  const runs: Extract<ProofAnswer, { runs: unknown }>['runs'] = []
  for (const provider of providers) {
    // Reported before the attempt, in case it ends the process.
    process.send!({ trying: provider })
    try {
      const { nodes } = await proveProvider(provider, manifest.file, { dims: batchDims(manifest.input, 1) })
      runs.push({ provider, nodes, ...(await outputsOf(manifest, provider)) })
    } catch (error) {
      return { provider, failure: loaderError(folder, provider) ?? whatOf(error) }
    }
  }
  return { runs }
}

/** Makes onnxruntime-node's JavaScript load native files from another folder. */
function loadBindingFrom(folder: string): void {
  const load = process.dlopen
  process.dlopen = (module: object, path: string, ...rest: [flags?: number]) =>
    Reflect.apply(load, process, [module, path.endsWith(binding) ? join(folder, binding) : path, ...rest])
}

/** By the memory map of this process: LD_LIBRARY_PATH may have brought another library along (ld.so(8)). */
function checkLoaded(folder: string): void {
  const map = readFileSync('/proc/self/maps', 'utf8')
  const paths = map.split('\n').map((line) => line.slice(line.indexOf('/')))
  const loaded = new Set(paths.filter((path) => ownFiles.some((name) => path.endsWith(`/${name}`))))
  const others = [...loaded].filter((path) => dirname(path) !== folder)
  if (others.length > 0 || loaded.size === 0)
    throw new ProviderError(
      'PL-INSTALL-UNUSABLE',
      `the system has loaded ${others.join(' and ') || 'none of its files'} instead of it; is LD_LIBRARY_PATH set?`,
      folder
    )
}

/**
 * Why the system's loader refuses a provider's library, which ONNX Runtime does not report.
 * @returns null if the loader accepts it or fails for another reason
 */
function loaderError(folder: string, provider: ProviderName): string | null {
  try {
    process.dlopen({ exports: {} }, join(folder, `libonnxruntime_providers_${provider}.so`))
    return null
  } catch (error) {
    const text = whatOf(error)
    return /cannot open shared object file|undefined symbol|version `[^`']*' not found|ELF/.test(text) ? text : null
  }
}

async function outputsOf(manifest: Manifest, provider: ProviderName) {
  const { openSession } = await import('../lib/ort/provider.js')
  const { Tensor } = await import('onnxruntime-node')
  const options: SessionOptions = { provider }
  const session = await openSession(manifest.file, options)
  const [meta] = session.inputMetadata
  const type = (meta?.isTensor ? meta.type : 'float32') as InputType
  const output = manifest.output ?? session.outputNames[0]!
  const outputs: number[] = []
  let milliseconds = 0
  try {
    for (let seed = 1; seed <= pictures; seed++) {
      const values = preprocess(noise(manifest, seed), manifest.input)
      const input = new Tensor(type, asInputType(values, type), batchDims(manifest.input, 1))
      const startedAt = performance.now()
      const result = await session.run({ [session.inputNames[0]!]: input })
      milliseconds = performance.now() - startedAt
      outputs.push(...asFloats(result[output]!))
    }
  } finally {
    await session.release()
  }
  return { outputs, milliseconds }
}

/** A crop of noise, the same on each machine (numbers of Park and Miller 1988). */
function noise({ input: { width, height } }: Manifest, seed: number) {
  let state = seed * 7919
  const data = Uint8Array.from({ length: 3 * width * height }, () => {
    state = (state * 48271) % 2147483647
    return state & 255
  })
  return { width, height, data }
}
