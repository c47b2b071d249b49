import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { InferenceError } from '../../src/core/errors.js'
import { KeptWorker, openInferenceWorker, Restarts, soundMs, tellTroubles } from '../../src/core/kept-worker.js'
import { silentLog } from '../../src/core/log.js'
import { until } from '../support/slowness.js'

type Methods = { open(fails: boolean): number; double(x: number): number; die(): void }

let script: string
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-kept-'))
  script = join(folder, 'worker.mjs')
  await writeFile(
    script,
    `import { parentPort, threadId } from 'node:worker_threads'
    const methods = { open: (fails) => { if (fails) throw new Error('no model') ; return threadId }, double: (x) => 2 * x, die: () => process.exit(3) }
    parentPort.on('message', (request) => {
      if ('close' in request) process.exit(0)
      const { id, method, argument } = request
      try { parentPort.postMessage({ id, value: methods[method](argument) }) }
      catch (error) { parentPort.postMessage({ id, failure: { name: 'Error', message: error.message } }) }
    })`
  )
})
afterAll(() => rm(folder, { recursive: true }))

interface Rig {
  fails?: () => boolean
  restartDelaysMs?: number[]
  laterDelaysMs?: number[]
  mayPass?: () => boolean
  signal?: AbortSignal
}

async function start(options: Rig = {}) {
  const troubles: (string | null)[] = []
  const givenUp: Error[] = []
  const worker = new KeptWorker({
    what: 'the worker',
    open: (opening) =>
      openInferenceWorker<Methods, number>(
        script,
        'the worker',
        (client) => client.call('open', options.fails?.() ?? false),
        opening
      ),
    mayPass: options.mayPass,
    log: silentLog,
    onState: tellTroubles({
      onTrouble: (problem) => troubles.push(problem?.message ?? null),
      onGivenUp: (error) => givenUp.push(error)
    }),
    restartDelaysMs: options.restartDelaysMs ?? [1, 1],
    laterDelaysMs: options.laterDelaysMs,
    givenUpCode: 'PL-WORKER-LOST'
  })
  onTestFinished(() => worker.close())
  await worker.start(options.signal)
  const double = async (x: number) => worker.serving().client.call('double', x)
  const die = async () =>
    worker
      .serving()
      .client.call('die')
      .catch((error: Error) => error)
  return { worker, troubles, givenUp, double, die }
}

describe('a kept worker', () => {
  it('is restarted with its sessions after a loss, and requests during the restart fail at once', async () => {
    const { worker, troubles, givenUp, double, die } = await start({ restartDelaysMs: [100, 1] })
    const first = worker.current?.opened
    expect(await double(4)).toBe(8)
    const error = await die()
    expect(error).toBeInstanceOf(InferenceError)
    expect((error as Error).message).toMatch(/the worker: ended with code 3/)
    await expect(double(4)).rejects.toThrow(/ended with code 3/)
    await until(() => troubles.length === 2, 'the restart')
    expect(troubles).toEqual([expect.stringMatching(/ended with code 3/), null])
    expect(await double(5)).toBe(10)
    expect(worker.current?.opened).not.toBe(first)
    expect([worker.restarted, givenUp]).toEqual([1, []])
  })

  it('is given up at the third loss in a row, and reports that once', async () => {
    const { worker, troubles, givenUp, double, die } = await start()
    for (const round of [1, 2]) {
      await die()
      await until(() => worker.restarted === round, 'the restart')
      await until(() => troubles.at(-1) === null, 'word of it')
    }
    await die()
    await until(() => givenUp.length > 0, 'the end')
    expect(givenUp[0]!.message).toMatch(/the worker: was lost 3 times in a short while.*ended with code 3/)
    await expect(double(1)).rejects.toThrow(/ended with code 3/)
    expect([worker.restarted, givenUp.length]).toEqual([2, 1])
  })

  it('counts a failed reopening as a loss', async () => {
    let fails = false
    const { givenUp, die, troubles } = await start({ fails: () => fails })
    fails = true
    await die()
    await until(() => givenUp.length > 0, 'the end')
    expect(givenUp[0]!.message).toMatch(/lost 3 times.*no model/)
    expect(troubles).toEqual([expect.stringMatching(/code 3/), expect.stringMatching(/no model/)])
  })

  it('that was given up is opened again after a while, if that is wanted, and serves', async () => {
    let failing = 0
    const laterDelaysMs = [1, 2]
    const fails = () => failing-- > 0
    const { worker, givenUp, troubles, double, die } = await start({ fails, mayPass: () => true, laterDelaysMs })
    failing = 5
    await die()
    await until(() => worker.state === 'ready', 'service')
    expect([givenUp.length, troubles.at(-1), failing]).toEqual([1, null, -1])
    expect(await double(3)).toBe(6)
  })

  it('that was given up is closed while it waits to be opened again', async () => {
    let fails = false
    const { worker, givenUp, die } = await start({ fails: () => fails, laterDelaysMs: [60_000] })
    fails = true
    await die()
    await until(() => givenUp.length > 0, 'the end')
    await worker.close()
    expect(worker.state).toBe('failed')
  })

  it('reports nothing more when it is closed during a restart', async () => {
    const { worker, troubles, double, die } = await start({ restartDelaysMs: [60_000] })
    await die()
    expect(troubles).toHaveLength(1)
    await worker.close()
    expect(troubles).toHaveLength(1)
    await expect(double(1)).rejects.toThrow()
  })

  it('throws the error of its first opening', async () => {
    await expect(start({ fails: () => true })).rejects.toThrow('no model')
  })

  it('retries its first opening after a failure that may pass, until it serves', async () => {
    let openings = 0
    const { double } = await start({ fails: () => openings++ < 2, mayPass: () => true })
    expect(openings).toBe(3)
    expect(await double(2)).toBe(4)
  })

  it('throws the last failure when its tries are used up', async () => {
    let openings = 0
    const fails = () => ++openings > 0
    await expect(start({ fails, mayPass: () => openings < 2 })).rejects.toThrow('no model')
    expect(openings).toBe(2)
  })

  it('is not opened when the start was aborted before', async () => {
    await expect(start({ signal: AbortSignal.abort() })).rejects.toThrow(/is closed/)
  })
})

describe('the allowance of restarts', () => {
  it('is full again after a minute of service, and not before', () => {
    let now = 0
    const restarts = new Restarts([1, 5], { now: () => now })
    for (const [serves, expected] of [
      [10, 1],
      [soundMs - 1, 5],
      [soundMs, 1],
      [0, 5],
      [soundMs - 1, null]
    ] as const) {
      restarts.serving()
      now += serves
      expect(restarts.next()).toBe(expected)
    }
  })

  it('once used up has longer and longer waits, which begin anew after a minute of service', () => {
    let now = 0
    const restarts = new Restarts([1], { laterMs: [10, 20], now: () => now })
    const lose = (servedMs: number): number | null => {
      restarts.serving()
      now += servedMs
      return restarts.next() ?? restarts.later()
    }
    expect([lose(0), lose(0), lose(0), lose(0)]).toEqual([1, 10, 20, 20])
    expect([lose(soundMs), lose(0)]).toEqual([1, 10])
    expect(new Restarts([]).later()).toBeNull()
  })

  it('does not grow during restarts that fail, however long they take', () => {
    let now = 0
    const restarts = new Restarts([1, 5], { now: () => now })
    restarts.serving()
    expect(restarts.next()).toBe(1)
    now += 10 * soundMs
    expect(restarts.next()).toBe(5)
    now += 10 * soundMs
    expect(restarts.next()).toBeNull()
  })
})
