/**
 * Before each unit test file: one thread runs them all, one after the other, so none may leave behind what the next one would see. Each has
 * modules of its own (`isolate` in vitest.config.ts); packages, globals and the environment are shared.
 */
import { afterAll, expect, vi } from 'vitest'

/** What tests replace. */
function sharedState() {
  const { Date: dateClass, setTimeout, setInterval, setImmediate, queueMicrotask, fetch } = globalThis
  return {
    timers: vi.isFakeTimers() ? 'fake' : 'real',
    globals: { Date: dateClass, setTimeout, setInterval, setImmediate, queueMicrotask, fetch },
    functions: { random: Math.random, now: performance.now }
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
