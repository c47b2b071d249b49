/** How much slower this machine is now than a quiet one, so that limits on waiting grow where they have to. */
import { spawnSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What a quiet machine with two cores takes, in ms: the arithmetic of `spin`, and a Node.js process from its start to its end.
 * A slower or a busy machine takes longer, and every limit grows by as much.
 */
const quietMs = { spin: 18, spawn: 50 }
/** Beyond this the machine is broken, not slow. */
const most = 8

/** A factor of at least 1, measured here and now, in 0.1 s on a quiet machine. */
export function measureSlowness(): number {
  const spin = timed(spinOnce) / quietMs.spin
  const spawn = timed(() => spawnSync(process.execPath, ['-e', '0'])) / quietMs.spawn
  return Math.min(most, Math.max(1, spin, spawn))
}

/** Its result is looked at, so that no compiler leaves it out. */
function spinOnce(): void {
  let state = 1
  for (let round = 0; round < 16_000_000; round++) state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
  if (state === 0) throw new Error('the generator has no zero here')
}

function medianOf(measure: () => number): number {
  return [measure(), measure(), measure()].sort((a, b) => a - b)[1]!
}

function timed(run: () => unknown): number {
  const began = performance.now()
  run()
  return performance.now() - began
}

/** For so long a measurement holds for the files that begin after it: hundreds of files would measure for half a minute of a core. */
const sharedMs = 15_000

/** What another file of this run has measured a moment ago, else measured here and now. */
function sharedSlowness(): number {
  const folder = process.env.PAINLENS_TEST_SHARED
  if (folder === undefined) return measureSlowness()
  const file = join(folder, 'slowness.json')
  try {
    const { at, slowness } = JSON.parse(readFileSync(file, 'utf8')) as { at: number; slowness: number }
    if (Math.abs(Date.now() - at) < sharedMs) return slowness
  } catch {
    // The first file of the run.
  }
  const slowness = measureSlowness()
  try {
    writeFileSync(`${file}.${process.pid}`, JSON.stringify({ at: Date.now(), slowness }))
    renameSync(`${file}.${process.pid}`, file)
  } catch {
    // The run is over.
  }
  return slowness
}

/** The greatest that was measured in this process, since what made the machine slow may come again. */
let greatest = sharedSlowness()

/** A limit on waiting: the `ms` of a quiet machine. Not for times that a test asserts. */
export const patience = (ms: number): number => Math.round(ms * greatest)

/** As `patience`, by how slow the machine is by now: for limits that what is tested is given, which do not grow while it runs. */
export function patienceNow(ms: number): number {
  greatest = Math.max(greatest, sharedSlowness())
  return patience(ms)
}

/** The end of a wait that began now. A machine that has become slower since is measured anew when the limit is reached. */
export class Deadline {
  readonly #began = performance.now()
  readonly #ms: number
  #measured = false

  constructor(ms: number) {
    this.#ms = ms
  }

  isOver(): boolean {
    if (this.#elapsed() <= patience(this.#ms)) return false
    // Once: of many measurements the greatest is a moment's, and a wait in vain would take many times its limit.
    if (!this.#measured) greatest = Math.max(greatest, medianOf(measureSlowness))
    this.#measured = true
    return this.#elapsed() > patience(this.#ms)
  }

  /** For the message of a wait that failed. */
  toString(): string {
    return `${Math.round(this.#elapsed())} ms, the machine being ${greatest.toFixed(1)} times as slow as a quiet one`
  }

  #elapsed(): number {
    return performance.now() - this.#began
  }
}

/** What a wait looks for, or nothing yet. */
type Look<T> = () => T | undefined | false | null | Promise<T | undefined | false | null>

/**
 * Looks again and again until there is something.
 * @param what  for the message where it never comes: "waited in vain for …"
 * @param ms    the limit on a quiet machine
 * @throws Error at the limit, and what `look` throws
 */
export async function until<T>(look: Look<T>, what: string, ms = 20_000): Promise<T> {
  const deadline = new Deadline(ms)
  for (;;) {
    const found = await look()
    if (found) return found
    if (deadline.isOver()) throw new Error(`waited in vain for ${what}: ${deadline}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

/**
 * Waits for a promise, with a limit that grows with the machine's slowness while it waits.
 * @param what  for the message where it never comes: "waited in vain for …"
 * @param ms    the limit on a quiet machine
 * @throws Error at the limit, and what the promise throws
 */
export async function within<T>(promise: Promise<T>, what: string, ms = 20_000): Promise<T> {
  const deadline = new Deadline(ms)
  let looking: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    looking = setInterval(() => {
      if (deadline.isOver()) reject(new Error(`waited in vain for ${what}: ${deadline}`))
    }, 100)
  })
  return await Promise.race([promise, late]).finally(() => clearInterval(looking))
}
