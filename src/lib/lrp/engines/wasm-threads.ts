import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { InvariantError } from '../../../core/errors.js'

const require = createRequire(import.meta.url)
const packageName = '@tensorflow/tfjs-backend-wasm'

/** Undoes something, once. */
type Undo = () => void

/** Where the package keeps its .wasm files, with a slash at the end. */
export function wasmFolder(): string {
  return path.join(path.dirname(require.resolve(`${packageName}/package.json`)), 'dist') + path.sep
}

/**
 * Makes ready for a start of tfjs-backend-wasm 4.22 with threads in Node, which it has but does not offer there
 * (tensorflow/tfjs#3830). Three things stand in the way, all for the time of the start only:
 * - it hands its worker script over as a blob: URL, which worker_threads refuses: give it a file;
 * - that worker reads the module's source through another blob: URL: point it to the file in the package;
 * - it takes at most half of os.cpus() as threads: show it twice as many as wanted.
 * Throws where the package looks different. The result undoes everything.
 */
export function allowThreads(threads: number): Undo {
  const folder = path.join(path.dirname(require.resolve(`${packageName}/package.json`)), 'wasm-out')
  const module = path.join(folder, 'tfjs-backend-wasm-threaded-simd.js')
  require.resolve(module)
  const script = require(path.join(folder, 'tfjs-backend-wasm-threaded-simd.worker.js')) as {
    wasmWorkerContents: string
  }
  if (typeof script.wasmWorkerContents !== 'string')
    throw new InvariantError('its worker script is not where it was in 4.22', packageName)
  const temporary = mkdtempSync(path.join(os.tmpdir(), 'painlens-wasm-'))
  const worker = path.join(temporary, 'worker.cjs')
  const prefix = `URL.createObjectURL = () => ${JSON.stringify(module)}; URL.revokeObjectURL = () => {};\n`
  writeFileSync(worker, prefix + script.wasmWorkerContents.replace(/\n/g, '\\n'))
  const undos = [replaceObjectUrl(worker), replaceCpus(threads), keepGlobalWorker()]
  return () => {
    for (const undo of undos) undo()
    rmSync(temporary, { recursive: true, force: true })
  }
}

function replaceObjectUrl(file: string): Undo {
  const original = URL.createObjectURL
  URL.createObjectURL = () => file
  return () => {
    URL.createObjectURL = original
  }
}

function replaceCpus(threads: number): Undo {
  // The module asks require('os'), so the CommonJS object has to change, not the ES module's bindings.
  const common = require('node:os') as { cpus: typeof os.cpus }
  const original = common.cpus
  const [cpu] = original()
  common.cpus = () => new Array(2 * threads).fill(cpu)
  return () => {
    common.cpus = original
  }
}

/** The module's start leaves worker_threads' Worker as a global. */
function keepGlobalWorker(): Undo {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'Worker')
  return () => {
    if (before) Object.defineProperty(globalThis, 'Worker', before)
    else Reflect.deleteProperty(globalThis, 'Worker')
  }
}

const processEvents = ['uncaughtException', 'unhandledRejection'] as const

/**
 * Runs `body` and puts the process's handlers for uncaught errors back to what they were: the wasm module's start adds
 * some that rethrow everything, and its end removes all there are.
 */
export async function keepingProcessHandlers<R>(body: () => Promise<R> | R): Promise<R> {
  const before = processEvents.map((event) => process.rawListeners(event))
  try {
    return await body()
  } finally {
    processEvents.forEach((event, i) => {
      process.removeAllListeners(event)
      for (const listener of before[i]!) process.on(event, listener as () => void)
    })
  }
}
