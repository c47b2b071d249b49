import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'

const script = new URL('../../dist/core/thread-priority.js', import.meta.url).href

/** The nice value of the calling thread, by the 19th field of its stat (proc(5)); the name in brackets may hold spaces. */
const niceOf = (stat: string): number => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])

it.skipIf(process.platform !== 'linux')('lowers the calling thread alone', async () => {
  const before = niceOf(readFileSync('/proc/self/stat', 'utf8'))
  const source = `
    const { parentPort } = require('node:worker_threads')
    const { readFileSync } = require('node:fs')
    import(${JSON.stringify(script)}).then(({ lowerThreadPriority }) => {
      const worked = lowerThreadPriority(19)
      parentPort.postMessage({ worked, stat: readFileSync('/proc/thread-self/stat', 'utf8') })
    })`
  const worker = new Worker(source, { eval: true })
  const { worked, stat } = await new Promise<{ worked: boolean; stat: string }>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  await worker.terminate()
  expect(worked).toBe(true)
  expect(niceOf(stat)).toBe(19)
  expect(niceOf(readFileSync('/proc/self/stat', 'utf8'))).toBe(before)
})
