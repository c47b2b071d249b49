import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../src/core/version.js'
import { until } from '../support/slowness.js'

/** A process with the face worker, which waits for its first call. @returns what it says on standard error so far */
function startWorker(env: NodeJS.ProcessEnv): () => string {
  const [client, worker] = ['dist/core/worker.js', 'dist/stages/detect/worker.js'].map((path) =>
    join(packageRoot, path)
  )
  const script = `import { WorkerClient } from ${JSON.stringify(pathToFileURL(client!).href)}
    const worker = new WorkerClient(${JSON.stringify(worker)}, 'the face worker')
    await worker.call('open', {}).catch(() => undefined)
    console.error('served')
    setInterval(() => undefined, 1000)`
  const folder = mkdtempSync(join(tmpdir(), 'painlens-inspect-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'main.mjs'), script)
  const child = spawn(process.execPath, [join(folder, 'main.mjs')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env }
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  return () => said
}

it('a worker that is named in PAINLENS_INSPECT has an inspector, which a debugger can reach and standard error names', async () => {
  const said = startWorker({ PAINLENS_INSPECT: 'classify,detect' })
  const [, port] = await until(
    () => /^detect: Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)\//m.exec(said()),
    'the inspector'
  )
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { title: string }[]
  expect(targets).toHaveLength(1)
})

it('a worker that is not named in PAINLENS_INSPECT has no inspector', async () => {
  const said = startWorker({ PAINLENS_INSPECT: 'explain' })
  await until(() => said().includes('served'), 'an answer')
  expect(said()).not.toContain('listening')
})
