import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Log, silentLog } from '../../../src/core/log.js'
import { createNotifier, watchdogInterval } from '../../../src/daemon/health/systemd.js'
import { patience } from '../../support/slowness.js'

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0
const missing = ['python3', 'systemd-notify'].filter((program) => !has(program))

describe('the watchdog interval', () => {
  it.each([
    [{ WATCHDOG_USEC: '30000000' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '43' }, null],
    [{ WATCHDOG_USEC: '0' }, null],
    [{ WATCHDOG_USEC: 'soon' }, null],
    [{}, null]
  ])('for the environment %j is %s ms', (env, expected) => {
    expect(watchdogInterval(env, 42)).toBe(expected)
  })
})

describe('the notifier without systemd', () => {
  it('does nothing', async () => {
    const notifier = createNotifier({ env: { WATCHDOG_USEC: '1000' }, log: silentLog })
    const isAlive = vi.fn(() => true)
    notifier.startWatchdog(isAlive)
    await notifier.ready('up')
    await notifier.status('fine')
    await notifier.stopping()
    await notifier.stop()
    expect(isAlive).not.toHaveBeenCalled()
  })
})

describe.skipIf(missing.length > 0)('the notifier with systemd', () => {
  let folder: string
  let receiver: ChildProcess
  const before = process.env.NOTIFY_SOCKET
  const messages: string[] = []
  const errors: object[] = []
  const log: Log = { ...silentLog, warn: (fields) => errors.push(fields), error: (fields) => errors.push(fields) }

  beforeEach(async () => {
    messages.length = 0
    errors.length = 0
    folder = await mkdtemp(join(tmpdir(), 'painlens-notify-'))
    const socket = join(folder, 'notify')
    receiver = spawn('python3', [join(import.meta.dirname, 'receiver.py'), socket], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    await new Promise<void>((resolve) => {
      createInterface({ input: receiver.stdout! }).on('line', (line) => {
        const { text } = JSON.parse(line) as { text?: string }
        if (text === undefined) resolve()
        else if (!text.includes('BARRIER=1')) messages.push(text)
      })
    })
    process.env.NOTIFY_SOCKET = socket
  })

  afterEach(async () => {
    if (before === undefined) delete process.env.NOTIFY_SOCKET
    else process.env.NOTIFY_SOCKET = before
    receiver.kill()
    await rm(folder, { recursive: true })
  })

  const lines = (): string[] => messages.flatMap((text) => text.split('\n')).filter((line) => line !== '')
  const arrived = (line: string): Promise<void> =>
    vi.waitFor(() => expect(lines()).toContain(line), { timeout: patience(10_000) })

  it('sends READY for this process, STATUS on one line and STOPPING, in this order', async () => {
    const notifier = createNotifier({ env: process.env, log })
    void notifier.ready('2 cameras')
    void notifier.status('1 of 2 cameras\nok')
    void notifier.stopping()
    await notifier.stop()
    await arrived('STOPPING=1')
    const known = lines().filter((line) => /^(READY|STATUS|STOPPING)/.test(line))
    expect(known.filter((line) => line.startsWith('STATUS'))).toEqual(['STATUS=2 cameras', 'STATUS=1 of 2 cameras ok'])
    expect(known.indexOf('READY=1')).toBeLessThan(known.indexOf('STATUS=1 of 2 cameras ok'))
    expect(known.at(-1)).toBe('STOPPING=1')
    expect(lines()).toContain(`MAINPID=${process.pid}`)
    expect(errors).toEqual([])
  })

  it('sends WATCHDOG=1 only while there is progress', async () => {
    let alive = true
    const notifier = createNotifier({ env: { ...process.env, WATCHDOG_USEC: '100000' }, log })
    const fed = (): number => lines().filter((line) => line === 'WATCHDOG=1').length
    let asked = 0
    /** Messages are sent one after the other, and arrive in this order: a status comes after all that was sent before it. */
    const fedSoFar = async (): Promise<number> => {
      const status = `asked ${++asked}`
      await notifier.status(status)
      await arrived(`STATUS=${status}`)
      return fed()
    }
    notifier.startWatchdog(() => alive)
    await vi.waitFor(() => expect(fed()).toBeGreaterThanOrEqual(3), { timeout: patience(20_000) })
    alive = false
    await vi.waitFor(() => expect(errors).toHaveLength(1), { timeout: patience(10_000) })
    const stuckAt = await fedSoFar()
    await sleep(400)
    expect(await fedSoFar()).toBe(stuckAt)
    alive = true
    await vi.waitFor(() => expect(fed()).toBeGreaterThan(stuckAt), { timeout: patience(10_000) })
    await notifier.stop()
    const stoppedAt = await fedSoFar()
    await sleep(300)
    expect(await fedSoFar()).toBe(stoppedAt)
  })

  it('logs a failed notification and goes on', async () => {
    process.env.NOTIFY_SOCKET = join(folder, 'nobody')
    const notifier = createNotifier({ env: process.env, log })
    await notifier.ready('up')
    await notifier.stopping()
    expect(errors).toHaveLength(2)
    expect(JSON.stringify(errors)).toMatch(/systemd/)
    await notifier.stop()
  })

  it('logs that systemd-notify is not installed', async () => {
    const path = process.env.PATH
    process.env.PATH = folder
    try {
      const notifier = createNotifier({ env: process.env, log })
      await notifier.ready('up')
      await notifier.stopping()
    } finally {
      process.env.PATH = path
    }
    expect(errors).toHaveLength(2)
    for (const error of errors) expect(error).toMatchObject({ error: expect.stringContaining('install systemd') })
  })
})
