import { createRequire } from 'node:module'
import { describe, expect, it, vi } from 'vitest'
import { acquireBackend } from '../../../src/lib/lrp/engines/tfjs-backend.js'

/** As if a later tfjs looked different inside. */
vi.mock('../../../src/lib/lrp/engines/wasm-threads.js', async (original) => ({
  ...(await original<object>()),
  allowThreads: () => {
    throw new Error('its worker script is not where it was in 4.22')
  }
}))

describe('the wasm backend', () => {
  it('starts without reading tfjs-node where that lacks what its install script fetches', async () => {
    const require = createRequire(import.meta.url)
    const read = () => Object.keys(require.cache).filter((file) => /[/\\]tfjs-node[/\\].*\.js$/.test(file))
    const backend = await acquireBackend(1)
    expect(read().length > 0).toBe(backend.name === 'tfjs-node')
    await backend.release()
  })

  it('the wasm backend falls back to one thread and is shared until its last user releases it', async () => {
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
