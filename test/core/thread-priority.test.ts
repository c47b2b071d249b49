import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { writeTinyModel } from '../support/tiny-model.js'

const built = (path: string): string => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href)

/** The nice value of a thread, by the 19th field of its stat (proc(5)); the name in brackets may hold spaces. */
const niceOf = (stat: string): number => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
const ownNice = (): number => niceOf(readFileSync('/proc/self/stat', 'utf8'))

/** Lowers a worker's priority to `to` and has it do something; `answer` is its stat, and the worker lives on until `end`. */
async function lowered(to: number, then: string) {
  const source = `
    const { parentPort } = require('node:worker_threads')
    const { readFileSync } = require('node:fs')
    import(${built('core/thread-priority.js')}).then(async ({ lowerThreadPriority }) => {
      const worked = lowerThreadPriority(${to})
      ${then}
      parentPort.postMessage({ worked, stat: readFileSync('/proc/thread-self/stat', 'utf8') })
      parentPort.once('message', () => undefined)
    })`
  const worker = new Worker(source, { eval: true })
  const { worked, stat } = await new Promise<{ worked: boolean; stat: string }>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return { worked, nice: niceOf(stat), end: () => worker.terminate() }
}

/** How many threads of this process have this nice value. */
function threadsAt(nice: number): number {
  const stats = readdirSync('/proc/self/task').map((tid) => readFileSync(`/proc/self/task/${tid}/stat`, 'utf8'))
  return stats.filter((stat) => niceOf(stat) === nice).length
}

it.skipIf(process.platform !== 'linux')(
  'lowering the priority affects the calling thread only, down to the lowest',
  async () => {
    const before = ownNice()
    const { worked, nice, end } = await lowered(19, '')
    await end()
    expect(worked).toBe(true)
    expect(nice).toBe(19)
    expect(ownNice()).toBe(before)
  }
)

it.skipIf(process.platform !== 'linux' || ownNice() > 12)(
  'threads started by ONNX Runtime inherit the lowered priority',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'painlens-nice-'))
    const model = join(folder, 'tiny.onnx')
    await writeTinyModel(folder)
    const nice = ownNice() + 7
    const before = threadsAt(nice)
    const open = `
    const { openSession } = await import(${built('lib/ort/provider.js')})
    globalThis.session = await openSession(${JSON.stringify(model)}, { provider: 'cpu', threads: 3 })`
    const { nice: own, end } = await lowered(nice, open)
    const after = threadsAt(nice)
    await end()
    await rm(folder, { recursive: true })
    expect(own).toBe(nice)
    // The worker, and the two that ONNX Runtime computes with beside it, at least.
    expect(after - before).toBeGreaterThanOrEqual(3)
  }
)
