import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { collectGarbage, collectShared } from '../../src/core/garbage.js'
import { workerScript } from '../../src/core/worker.js'

const script = workerScript(new URL('../../src/core/index.ts', import.meta.url).href, './garbage.js')

describe('a collection of garbage', () => {
  it('works while other threads collect', async () => {
    const code = `
      const { parentPort } = require('node:worker_threads')
      import(${JSON.stringify(script)}).then(({ collectGarbage }) => {
        let isOver = false
        parentPort.once('message', () => (isOver = true))
        const collect = () => {
          if (isOver) return parentPort.close()
          collectGarbage()
          setImmediate(collect)
        }
        collect()
        parentPort.postMessage('begun')
      })`
    const others = [1, 2].map(() => new Worker(code, { eval: true }))
    const when = (name: string) => others.map((other) => new Promise((resolve) => other.once(name, resolve)))
    const failed = Promise.race(when('error')).then((error) => Promise.reject(error))
    const ends = when('exit')
    await Promise.race([Promise.all(when('message')), failed])
    for (let i = 0; i < 25; i++) collectGarbage()
    for (const other of others) other.postMessage('end')
    expect(await Promise.race([Promise.all(ends), failed])).toEqual([0, 0])
  })

  it('gives shared memory back', () => {
    const bytes = 32 * 2 ** 20
    const before = process.memoryUsage.rss()
    for (let i = 0; i < 8; i++) new Uint8Array(new SharedArrayBuffer(bytes)).fill(1)
    collectShared()
    expect(process.memoryUsage.rss() - before).toBeLessThan(3 * bytes)
  })
})
