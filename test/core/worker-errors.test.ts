import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { EnginesDifferError, PainlensError, UsageError } from '../../src/core/errors.js'
import { packageRoot } from '../../src/core/version.js'
import { WorkerClient } from '../../src/core/worker.js'

let folder: string
let script: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-worker-errors-'))
  script = join(folder, 'worker.mjs')
  const from = (file: string): string => JSON.stringify(pathToFileURL(join(packageRoot, 'dist/core', file)).href)
  await writeFile(
    script,
    `import { EnginesDifferError, UsageError } from ${from('errors.js')}
    import { serveWorker } from ${from('worker.js')}
    const system = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', cause: 'the disk' })
    const loop = new Error('round')
    loop.cause = loop
    const thrown = {
      differ: new EnginesDifferError('PL-EXPLAIN-ENGINES-DIFFER', 'they differ', 'LRP', { fix: 'Say which.', cause: system }),
      usage: new UsageError('PL-LRP-COMPOSITE', 'unknown', 'composite'),
      system, loop, text: 'only text'
    }
    serveWorker({ fail: (which) => { throw thrown[which] } })`
  )
})
afterAll(() => rm(folder, { recursive: true }))

function failureOf(which: string): Promise<Error> {
  const client = new WorkerClient<{ fail(which: string): void }>(script, 'the worker')
  onTestFinished(() => client.close())
  return client.call('fail', which).then(
    () => expect.unreachable(),
    (error: Error) => error
  )
}

it('an error of painlens comes out of a worker with its class, code, fix and cause', async () => {
  const error = await failureOf('differ')
  expect(error).toBeInstanceOf(EnginesDifferError)
  expect(error).toMatchObject({
    name: 'EnginesDifferError',
    code: 'PL-EXPLAIN-ENGINES-DIFFER',
    what: 'they differ',
    where: 'LRP',
    fix: 'Say which.',
    message: 'LRP: they differ. Say which.',
    exitCode: 1,
    cause: { message: 'ENOSPC: no space left', code: 'ENOSPC', cause: { message: 'the disk' } }
  })
})

it('wrong usage found in a worker still ends the process with 2', async () => {
  const error = await failureOf('usage')
  expect(error).toBeInstanceOf(UsageError)
  expect((error as UsageError).exitCode).toBe(2)
})

it("an error of the system comes out of a worker with the system's code", async () => {
  const error = await failureOf('system')
  expect(error).toMatchObject({ message: 'ENOSPC: no space left', code: 'ENOSPC' })
  expect(error).not.toBeInstanceOf(PainlensError)
})

it('an error that is its own cause, and a text that was thrown, come out of a worker as errors', async () => {
  expect((await failureOf('loop')).message).toBe('round')
  expect((await failureOf('text')).message).toBe('only text')
})
