import { createRequire } from 'node:module'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireBackend } from '../../../src/lib/lrp/engines/tfjs-backend.js'

const require = createRequire(import.meta.url)
/** Node's modules are the same object for each who requires them. */
const script = require('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.worker.js') as {
  wasmWorkerContents?: string
}

describe('the wasm backend', () => {
  const contents = script.wasmWorkerContents
  /** As if a later tfjs looked different inside. */
  beforeEach(() => {
    delete script.wasmWorkerContents
  })
  afterEach(() => {
    script.wasmWorkerContents = contents
  })

  it('without the worker script it has in 4.22 it falls back to one thread, and is shared until its last user releases it', async () => {
    const [first, second] = await Promise.all([acquireBackend(2), acquireBackend(4)])
    expect(first.name).toMatch(/^tfjs-(node|wasm \(1 thread\))$/)
    expect(second.tf).toBe(first.tf)
    await first.release()
    await first.release()
    const { tf } = second
    expect(tf.tidy(() => tf.add(tf.scalar(1), 2).dataSync()[0])).toBe(3)
    await second.release()
    const third = await acquireBackend(2)
    expect(tf.tidy(() => tf.add(tf.scalar(2), 2).dataSync()[0])).toBe(4)
    await third.release()
  })
})
