import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { registerGradientKernels, type Tensorflow } from './gradient-kernels.js'

const require = createRequire(import.meta.url)

/**
 * TensorFlow.js ready to train: tfjs-node where it is installed, else the wasm backend on one thread with the gradient
 * kernels that it lacks. One thread gives the same weights on every run, and on a busy machine it is no slower than two.
 */
export async function loadTensorflow(): Promise<Tensorflow> {
  return (await loadNative()) ?? loadWasm()
}

async function loadNative(): Promise<Tensorflow | null> {
  try {
    // An optional dependency: the name in a variable keeps the compiler from asking for its types.
    const name = '@tensorflow/tfjs-node'
    return require(name) as Tensorflow
  } catch {
    return null
  }
}

/** The wasm backend, whatever else is installed. */
export async function loadWasm(): Promise<Tensorflow> {
  const tf = require('@tensorflow/tfjs') as Tensorflow
  const wasm = require('@tensorflow/tfjs-backend-wasm') as typeof import('@tensorflow/tfjs-backend-wasm')
  const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))
  wasm.setWasmPaths(join(folder, 'dist') + sep)
  await withoutNewHandlers(async () => {
    await tf.setBackend('wasm')
    await tf.ready()
  })
  registerGradientKernels(tf)
  return tf
}

/** Emscripten's start adds process-wide error handlers that throw again and would end the process: they are taken off. */
async function withoutNewHandlers(start: () => Promise<void>): Promise<void> {
  const events = ['uncaughtException', 'unhandledRejection'] as const
  const before = events.map((event) => process.listeners(event as 'uncaughtException'))
  await start()
  for (const [i, event] of events.entries())
    for (const listener of process.listeners(event as 'uncaughtException'))
      if (!before[i]!.includes(listener)) process.removeListener(event, listener)
}
