import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../src/core/version.js'
import { GraphBuilder, writeModel } from '../../src/lib/onnx/index.js'
import { patience } from '../support/slowness.js'

const side = 1000

/** A model that takes ONNX Runtime a tenth of a second or more on one thread, in one call. */
async function writeSlowModel(file: string): Promise<void> {
  const graph = new GraphBuilder({ name: 'slow' })
  graph.input('x', [side, side])
  let last = 'x'
  for (let i = 0; i < 6; i++) last = graph.node('MatMul', [last, 'x'])
  graph.output(last, [side, side])
  await writeModel(file, graph.toModel())
}

const url = (path: string): string => JSON.stringify(pathToFileURL(join(packageRoot, path)).href)

/** Runs a daemon of one worker. @param methods of the worker, as source; @param then what its main thread does, as source */
async function runWithWorker(methods: string, then: string) {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-crash-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeSlowModel(join(folder, 'slow.onnx'))
  const worker = join(folder, 'worker.mjs')
  await writeFile(
    worker,
    `import { createRequire } from 'node:module'
    import { workerData } from 'node:worker_threads'
    import { serveWorker } from ${url('dist/core/worker.js')}
    const ort = createRequire(${url('dist/main.js')})('onnxruntime-node')
    const begun = () => { Atomics.store(workerData, 0, 1); Atomics.notify(workerData, 0) }
    serveWorker({ ${methods} })`
  )
  await writeFile(
    join(folder, 'main.mjs'),
    `import { logCrashes } from ${url('dist/core/crash.js')}
    import { createLog } from ${url('dist/core/log.js')}
    import { Secrets } from ${url('dist/core/secrets.js')}
    import { WorkerClient } from ${url('dist/core/worker.js')}
    logCrashes(createLog('info', new Secrets()))
    const begun = new Int32Array(new SharedArrayBuffer(4))
    const client = new WorkerClient(${JSON.stringify(worker)}, 'the worker', { workerData: begun })
    client.call('work', ${JSON.stringify(join(folder, 'slow.onnx'))}).catch(() => undefined)
    Atomics.wait(begun, 0, 0)
    ${then}`
  )
  return spawnSync(process.execPath, [join(folder, 'main.mjs')], { encoding: 'utf8' })
}

it(
  'a crash while a worker is in the middle of an inference ends with its line and code 1, not by an abort',
  async () => {
    const work = `async work(file) {
      const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 })
      const x = new ort.Tensor('float32', new Float32Array(${side * side}).fill(0.01), [${side}, ${side}])
      begun()
      await session.run({ x })
    }`
    const then = "setTimeout(() => { throw new Error('planted') }, 10)"
    const { status, signal, stderr } = await runWithWorker(work, then)
    expect([status, signal], stderr).toEqual([1, null])
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/"error":"planted".*"msg":"painlens crashed"/)])
  },
  patience(60_000)
)

it('a worker that does not end in its time is told, so that the process can be killed', async () => {
  const then = `const { writeSync } = await import('node:fs')
    const all = WorkerClient.endAll(50)
    writeSync(1, String(all))
    process.kill(process.pid, 'SIGKILL')`
  expect(await runWithWorker('work() { begun(); for (;;); }', then)).toMatchObject({
    stdout: 'false',
    signal: 'SIGKILL'
  })
})

it(
  'a crash that the death of a worker brings about, or that comes while a worker is being closed, ends the process at once with code 1',
  async () => {
    const dead = `client.call('work').catch(() => { process.nextTick(() => { throw new Error('planted') }) })`
    const closing = `client.close(10_000); Atomics.wait(begun, 0, 1); setTimeout(() => { throw new Error('planted') }, 0)`
    const methods =
      "work() { begun(); setTimeout(() => { throw new Error('of the worker') }, 5); return new Promise(() => undefined) }"
    const ends = `work() { begun(); process.on('exit', () => { Atomics.store(workerData, 0, 2); Atomics.notify(workerData, 0) }) }`
    for (const run of [await runWithWorker(methods, dead), await runWithWorker(ends, closing)]) {
      expect([run.status, run.signal], run.stderr).toEqual([1, null])
      expect(run.stderr).toMatch(/"error":"planted".*"msg":"painlens crashed"/)
    }
  },
  patience(60_000)
)
