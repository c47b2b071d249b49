import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import type * as tfjs from '@tensorflow/tfjs-core'
import { InferenceError, messageOf } from '../../../core/errors.js'
import { requirePackage } from '../../../core/packages.js'
import { allowThreads, keepingProcessHandlers, wasmFolder } from './wasm-threads.js'

/** A started tfjs backend, shared by all explainers of one thread. */
export interface Backend {
  tf: typeof tfjs
  /** `tfjs-wasm (2 threads)`, `tfjs-node`. */
  name: string
  /** Whether it is the wasm backend. */
  wasm: boolean
  /** Gives the backend back; the last one to do so ends it, its threads and its memory. */
  release(): Promise<void>
}

interface Started extends Omit<Backend, 'release'> {
  stop(): Promise<void>
}

/** tfjs is one per thread, and so is its backend. */
let shared: { started: Promise<Started>; users: number } | null = null

/**
 * Starts tfjs: tfjs-node where it is installed, else the wasm backend, with `threads` threads (as far as that is
 * possible). A second call while the first one's backend is in use gets the same. InferenceError if neither starts.
 */
export async function acquireBackend(threads = Math.min(2, availableParallelism())): Promise<Backend> {
  shared ??= { started: start(threads), users: 0 }
  const own = shared
  own.users++
  const { stop, ...started } = await own.started.catch((cause: unknown) => {
    if (shared === own) shared = null
    if (cause instanceof InferenceError) throw cause
    throw new InferenceError('PL-LRP-TFJS', `tfjs does not start: ${messageOf(cause)}`, 'LRP', { cause })
  })
  let released = false
  const release = async (): Promise<void> => {
    if (released) return
    released = true
    if (--own.users > 0) return
    if (shared === own) shared = null
    await stop()
  }
  return { ...started, release }
}

async function start(threads: number): Promise<Started> {
  return (await startNode()) ?? (await startWasm(threads))
}

/**
 * tfjs-node works only where its install script, which `.npmrc` turns off, was asked to download libtensorflow into `lib`. Without that
 * the package is not even read: its files take a second.
 */
async function startNode(): Promise<Started | null> {
  try {
    const require = createRequire(import.meta.url)
    if (!existsSync(join(dirname(require.resolve('@tensorflow/tfjs-node/package.json')), 'lib'))) return null
    const tf = require('@tensorflow/tfjs-node') as typeof tfjs
    if (!(await tf.setBackend('tensorflow'))) return null
    await tf.ready()
    return { tf, name: 'tfjs-node', wasm: false, stop: async () => undefined }
  } catch {
    return null
  }
}

async function startWasm(threads: number): Promise<Started> {
  const tf = requirePackage('@tensorflow/tfjs-core')
  const wasm = requirePackage('@tensorflow/tfjs-backend-wasm')
  wasm.setWasmPaths(wasmFolder())
  const factory = tf.findBackendFactory('wasm')
  const threaded = threads > 1 && (await startThreaded(tf, wasm.setThreadsCount, threads))
  if (!threaded && !(await startSingle(tf)))
    throw new InferenceError('PL-LRP-TFJS', 'tfjs does not start: the wasm backend failed to initialize', 'LRP')
  const name = `tfjs-wasm (${threaded ? threads : 1} thread${threaded ? 's' : ''})`
  const stop = (): Promise<void> =>
    keepingProcessHandlers(() => {
      tf.removeBackend('wasm')
      // Removing forgets how to start it, too.
      tf.registerBackend('wasm', factory, 2)
    })
  return { tf, name, wasm: true, stop }
}

async function startSingle(tf: typeof tfjs): Promise<boolean> {
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  return await keepingProcessHandlers(() => tf.setBackend('wasm'))
}

/** False where threads cannot be had, for instance because a later tfjs differs; then one thread serves. */
async function startThreaded(
  tf: typeof tfjs,
  setThreadsCount: (count: number) => void,
  threads: number
): Promise<boolean> {
  let undo: () => void
  try {
    undo = allowThreads(threads)
  } catch {
    return false
  }
  try {
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', true)
    setThreadsCount(threads)
    const started = await keepingProcessHandlers(() => tf.setBackend('wasm'))
    if (started) unrefThreads(tf.backend() as BackendWasm)
    return started
  } catch {
    return false
  } finally {
    undo()
  }
}

interface Threads {
  PThread?: { pthreads: Record<string, { unref(): void }>; unusedWorkers: { unref(): void }[] }
}

/** Idle threads must not keep the process alive. */
function unrefThreads(backend: BackendWasm): void {
  // Emscripten's module has it; tfjs's types do not say so.
  const { PThread } = backend.wasm as unknown as Threads
  for (const worker of [...Object.values(PThread?.pthreads ?? {}), ...(PThread?.unusedWorkers ?? [])]) worker.unref()
}
