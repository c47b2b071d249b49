/**
 * Before each unit test file: one thread runs them all, one after the other, so none may leave behind what the next one would see. Each has
 * modules of its own (`isolate` in vitest.config.ts); packages, globals and the environment are shared.
 */
import { createRequire } from 'node:module'
import { afterAll, expect, vi } from 'vitest'

const { cache } = createRequire(import.meta.url)

/** What tests replace. */
function sharedState() {
  const { Date: dateClass, setTimeout, setInterval, setImmediate, queueMicrotask, fetch } = globalThis
  return {
    timers: vi.isFakeTimers() ? 'fake' : 'real',
    globals: { Date: dateClass, setTimeout, setInterval, setImmediate, queueMicrotask, fetch },
    functions: { random: Math.random, now: performance.now },
    // It is one for the whole thread, with its backend and that one's memory and registered kernels: a test that uses it has its own thread.
    tfjs: Object.keys(cache).some((file) => /[/\\]tfjs-core[/\\]/.test(file))
  }
}

const before = sharedState()
const environment = { ...process.env }

afterAll(() => {
  // Put back, since painlens itself sets variables for ONNX Runtime.
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
  Object.assign(process.env, environment)
  vi.restoreAllMocks()
  expect(sharedState(), 'what a unit test file leaves behind for the next one').toEqual(before)
})
