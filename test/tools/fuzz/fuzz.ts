import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect } from 'vitest'
import { patience } from '../../support/slowness.js'
import { startWatchdog } from './watchdog.js'

export interface Target {
  inputs: fc.Arbitrary<Uint8Array>
  /** Says whether the input was good or was refused as it should be; whatever else it throws is a find. */
  take(input: Uint8Array): 'fine' | 'refused' | Promise<'fine' | 'refused'>
  /** How many inputs it gets, unless it runs for minutes; fewer where each waits for a disk. */
  runs?: number
}

/** `npm run fuzz -- --minutes N` sets it; without it each target gets a fixed number of inputs. */
const minutes = Number(process.env.PAINLENS_FUZZ_MINUTES ?? 0)
const inputsPerTarget = 1500
/** Any single input is answered within this; the slowest take some 10 ms. */
const hangMs = 20_000
/** What caches and compiled code may add after the first tenth. */
const growthBytes = 12e6

export const fuzzTimeoutMs = minutes * 60_000 + patience(180_000)

/**
 * Gives a target its inputs, always the same ones unless it runs for minutes. No input may crash or hang it, and in the
 * end it holds no more memory, handles or open files than after the first tenth.
 */
export async function fuzz({
  inputs,
  take,
  runs = inputsPerTarget
}: Target): Promise<{ fine: number; refused: number }> {
  const seen = { fine: 0, refused: 0 }
  const watchdog = startWatchdog(hangMs)
  let count = 0
  const property = fc.asyncProperty(inputs, async (input) => {
    watchdog.next(input)
    // Vitest wants a word now and then, and closed files are closed on another thread.
    if (++count % 200 === 0) await sleep(1)
    seen[await take(input)]++
  })
  try {
    await fc.assert(property, { numRuns: runs / 10, seed: 1 })
    const before = await held()
    if (minutes > 0) {
      const options = { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: minutes * 60_000 }
      await fc.assert(property, { ...options, markInterruptAsFailure: false })
    } else await fc.assert(property, { numRuns: runs, seed: 2 })
    const after = await held()
    expect(after.resources).toBeLessThanOrEqual(before.resources)
    expect(after.files).toBeLessThanOrEqual(before.files)
    expect(after.bytes - before.bytes).toBeLessThan(growthBytes)
  } finally {
    await watchdog.stop()
  }
  return seen
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What the process holds on to. */
async function held(): Promise<{ bytes: number; resources: number; files: number }> {
  // What a buffer held is given back by the collection after the one that found it.
  const resources: number[] = []
  const files: number[] = []
  const isSettled = (counts: readonly number[]): boolean => counts.length >= 3 && new Set(counts.slice(-3)).size === 1
  // A file is closed on another thread, which a busy machine holds up.
  for (let i = 0; i < 30 && !(isSettled(resources) && isSettled(files)); i++) {
    await sleep(200)
    collectGarbage()
    resources.push(process.getActiveResourcesInfo().length)
    files.push(readdirSync('/proc/self/fd').length)
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { bytes: heapUsed + arrayBuffers, resources: resources.at(-1)!, files: files.at(-1)! }
}
