import { getEventListeners } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { ClockWatch, isSynchronised } from '../../../src/daemon/health/clock-sync.js'
import { SelfWatch } from '../../../src/daemon/health/self-watch.js'
import { isRunning } from '../../support/daemon.js'
import { clockOf } from '../../support/moments.js'
import { reporterInto } from '../../support/reporter.js'
import { until } from '../../support/slowness.js'

const t0 = Date.UTC(2026, 0, 1)

/** The watch with the real alarm stage and reporter; `world` is its environment. */
function setUp() {
  const world = { now: t0, connected: true, depth: 0, trouble: null as string | null }
  const clock = clockOf(() => world.now)
  const said: AlarmMessage[] = []
  const reporter = reporterInto(said, clock)
  const watch = new SelfWatch({
    mqtt: {
      connected: () => world.connected,
      stats: () => ({ trouble: { code: 'PL-BROKER-REFUSED', what: 'nothing listens there' } })
    },
    outbox: {
      stats: () => ({
        depth: world.depth,
        trouble: world.trouble === null ? null : { code: 'PL-OUTBOX-NO-SPACE', what: world.trouble }
      })
    },
    outboxMax: 100,
    tell: (...problem) => reporter.technical(...problem),
    clock
  })
  const wait = (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      world.now += 1000
      watch.tick()
    }
  }
  const told = () => said.map(({ condition, phase }) => `${condition} ${phase}`)
  return { world, said, reporter, watch, wait, told }
}

describe('a broker', () => {
  test('that is away for less than 10 s raises no alarm', () => {
    const { world, wait, told } = setUp()
    for (let round = 0; round < 5; round++) {
      world.connected = false
      wait(9)
      world.connected = true
      wait(1)
    }
    expect(told()).toEqual([])
  })

  test('that is away for longer raises an alarm with onset and cause, which ends with its duration', () => {
    const { world, said, wait } = setUp()
    wait(5)
    world.connected = false
    wait(600)
    world.connected = true
    wait(60)
    expect(said).toMatchObject([
      { condition: 'broker_lost', phase: 'start', onset: '2026-01-01T00:00:06.000Z', duration_s: 10 },
      { condition: 'broker_lost', phase: 'end', reason: 'cleared', duration_s: 600, seq: 1 }
    ])
    expect(said.map(({ text }) => text.en)).toEqual([
      'No connection to the broker, alarms wait: nothing listens there',
      'Connection to the broker is back: it was away for 10 min'
    ])
    expect(said[1]?.text.de).toBe('Verbindung zum Broker wieder da: sie fehlte 10 min lang')
  })
})

describe('the outbox', () => {
  test('raises one alarm before it is full, even if its depth oscillates around the threshold', () => {
    const { world, said, wait, told } = setUp()
    for (const depth of [79, 80, 79, 61, 85, 100, 60, 59, 60, 79]) {
      world.depth = depth
      wait(1)
    }
    expect(told()).toEqual(['outbox_full start', 'outbox_full end'])
    expect(said[0]?.text.en).toBe('Too many undelivered alarms: 80 of 100')
  })

  test('has an active alarm at 80 % or more and none at 50 % or less, after any sequence of depths', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1 }), (depths) => {
        const { world, said, wait } = setUp()
        for (const depth of depths) {
          world.depth = depth
          wait(1)
        }
        const active = said.at(-1)?.phase === 'start'
        const last = depths.at(-1)!
        if (last >= 80) expect(active).toBe(true)
        if (last <= 50) expect(active).toBe(false)
        for (const [index, { phase }] of said.entries()) expect(phase).toBe(index % 2 === 0 ? 'start' : 'end')
      })
    )
  })
})

describe('a disk', () => {
  test('that refuses the outbox raises one alarm at once, which ends after some time without failures', () => {
    const { world, said, wait, told } = setUp()
    wait(60)
    for (const round of [1, 2, 3]) {
      world.trouble = 'no space left for the outbox'
      wait(round)
      world.trouble = null
      wait(9)
    }
    expect(told()).toEqual(['outbox_failed start'])
    expect(said[0]?.text).toEqual({
      en: 'Disk refuses alarms, they wait in memory only: no space left for the outbox',
      de: 'Alarme lassen sich nicht speichern, sie warten nur im Arbeitsspeicher: no space left for the outbox'
    })
    wait(2)
    expect(told()).toEqual(['outbox_failed start', 'outbox_failed end'])
    world.trouble = 'no permission to use the outbox'
    wait(1)
    expect(told().at(-1)).toBe('outbox_failed start')
  })
})

describe('the clock', () => {
  let watch: ClockWatch | null = null
  let folder = ''
  const path = process.env.PATH
  afterEach(async () => {
    await watch?.stop()
    process.env.PATH = path
    if (folder) rmSync(folder, { recursive: true, force: true })
    folder = ''
  })

  /** Puts a program by the name of timedatectl before the real one. */
  function timedatectl(script: string): void {
    folder ||= mkdtempSync(join(tmpdir(), 'painlens-clock-'))
    writeFileSync(join(folder, 'timedatectl'), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, 'timedatectl'), 0o755)
    process.env.PATH = `${folder}:${path}`
  }

  test('asks every two minutes', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    let asked = 0
    watch = new ClockWatch({ ask: async () => ++asked > 0, tell: () => undefined })
    watch.start()
    await vi.advanceTimersByTimeAsync(119_999)
    expect(asked).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(asked).toBe(1)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(asked).toBe(2)
  })

  test('raises an alarm after 5 min unsynchronised, ends it when synchronised, and ignores "unknown"', async () => {
    const { reporter, told, said } = setUp()
    let now = 0
    let answer: boolean | null = null
    let asked = 0
    watch = new ClockWatch({
      ask: async () => {
        asked++
        return answer
      },
      tell: (problem) => reporter.technical('clock_unsynchronised', problem),
      everyMs: 2,
      monotonic: () => now
    })
    watch.start()
    const settle = async (to: boolean | null, ms: number) => {
      answer = to
      now += ms
      const before = asked
      await until(() => asked >= before + 3, 'three more questions')
    }
    await settle(null, 3_600_000)
    await settle(false, 0)
    await settle(false, 299_000)
    await settle(true, 1000)
    await settle(false, 0)
    expect(told()).toEqual([])
    await settle(false, 300_000)
    expect(told()).toEqual(['clock_unsynchronised start'])
    expect(said[0]?.text.en).toBe('Clock not synchronised, times may be wrong: no time server for 5 min')
    await settle(null, 300_000)
    expect(told()).toHaveLength(1)
    await settle(true, 0)
    expect(told().at(-1)).toBe('clock_unsynchronised end')
  })

  test.each([
    ['yes', true],
    ['no', false]
  ] as const)('is read from a program that prints %s', async (answer, expected) => {
    timedatectl(`echo ${answer}`)
    expect(await isSynchronised()).toBe(expected)
  })

  test('leaves no listener behind if the programs are missing', async () => {
    const { signal } = new AbortController()
    process.env.PATH = '/nowhere'
    for (let i = 0; i < 3; i++) await isSynchronised(undefined, signal)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('ends a hanging program when its watch stops', async () => {
    timedatectl('echo $$ > "$0.pid"; exec sleep 600')
    let answers = 0
    watch = new ClockWatch({
      ask: (signal) => isSynchronised(undefined, signal),
      tell: () => void answers++,
      everyMs: 2
    })
    watch.start()
    const pid = await until(() => readPid(join(folder, 'timedatectl.pid')), 'the program')
    await watch.stop()
    await until(() => !isRunning(pid), 'its end')
    expect(answers).toBe(0)
  })
})

function readPid(file: string): number | null {
  try {
    return Number(readFileSync(file, 'utf8')) || null
  } catch {
    return null
  }
}
