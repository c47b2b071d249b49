import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InferenceError } from '../../../src/core/errors.js'
import { WorkerClient } from '../../../src/core/worker.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-crash-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('a worker that crashes', () => {
  it.each([
    ['ends', 'process.exit(3)', /ended with code 3/],
    ['throws', "throw new Error('out of memory')", /crashed: out of memory/]
  ])('because it %s rejects open and later calls, and reports that once', async (_, deed, reason) => {
    const script = join(folder, 'worker.mjs')
    await writeFile(
      script,
      `import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => { ${deed} })\n`
    )
    const crashes: Error[] = []
    const worker = new WorkerClient<{ detect(): number }>(script, 'the face worker', {
      onCrash: (error) => crashes.push(error)
    })
    const open = [worker.call('detect', undefined as never), worker.call('detect', undefined as never)]
    const outcomes = await Promise.all(open.map((call) => call.catch((error: Error) => error)))
    for (const outcome of outcomes) expect(outcome).toBeInstanceOf(InferenceError)
    expect((outcomes[0] as unknown as Error).message).toMatch(reason)
    await expect(worker.call('detect', undefined as never)).rejects.toThrow(reason)
    await worker.close()
    expect(crashes).toHaveLength(1)
  })
})
