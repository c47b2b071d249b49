import { Worker } from 'node:worker_threads'

/** Looks from another thread whether the inputs go on, since a loop without an end holds this one. */
const script = `
const { workerData: { shared, limitMs } } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const head = new Int32Array(shared, 0, 2)
const computedMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 }
let [last, since, computed] = [-1, Date.now(), computedMs()]
setInterval(() => {
  const count = Atomics.load(head, 0)
  if (count !== last) [last, since, computed] = [count, Date.now(), computedMs()]
  else if (computedMs() - computed > limitMs || Date.now() - since > 15 * limitMs) {
    const input = Buffer.from(Buffer.from(shared, 8, Atomics.load(head, 1)))
    writeSync(2, 'an input takes more than ' + limitMs + ' ms: ' + input.toString('base64') + '\\n')
    process.kill(process.pid, 'SIGKILL')
  }
}, 500)
`

export interface Watchdog {
  /** An input's turn has come. */
  next(input: Uint8Array): void
  stop(): Promise<void>
}

/**
 * Ends the process, with the input in base64 on standard error, when one input computes for longer than `limitMs`, or waits for 15 times as long:
 * on a busy machine a process may get no processor for many seconds.
 */
export function startWatchdog(limitMs: number): Watchdog {
  const size = 1 << 20
  const shared = new SharedArrayBuffer(size + 8)
  const head = new Int32Array(shared, 0, 2)
  const bytes = new Uint8Array(shared, 8)
  const worker = new Worker(script, { eval: true, workerData: { shared, limitMs } })
  return {
    next(input) {
      const kept = input.subarray(0, size)
      bytes.set(kept)
      Atomics.store(head, 1, kept.length)
      Atomics.add(head, 0, 1)
    },
    stop: async () => void (await worker.terminate())
  }
}
