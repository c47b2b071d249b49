/**
 * Before each test file: a turn of the event loop after each test. Vitest takes a process for hung whose answers wait for a
 * minute, as they would behind many tests that only compute, on a busy machine.
 */
import { afterEach } from 'vitest'

/** The real one, also where a test plays with the timers. */
const turn = setImmediate

afterEach(() => new Promise<void>((done) => void turn(done)))
