import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { silentLog } from '../../../src/core/log.js'
import { SelfWatch } from '../../../src/daemon/health/self-watch.js'
import { endsOfUnfinishedAlarms, Pauses } from '../../../src/daemon/report/earlier-run.js'
import { createAlarms } from '../../../src/stages/alarm/index.js'
import { type Outbox, type OutboxEntry, openOutbox } from '../../../src/stages/outbox/index.js'
import { alarmDefaults } from '../../support/alarm-defaults.js'
import { moment } from '../../support/moments.js'
import { SettableClock } from '../../support/settable-clock.js'

const t0 = Date.UTC(2026, 0, 1)
const second = 1000
const hour = 3_600_000
const day = 24 * hour
/** Changes in ms: from a device without a battery that gets its time late, to an administrator's mistake. */
const settings = [56 * 365 * day, 2 * hour, -2 * hour, -365 * day]

/** The real alarm stage, with one face in pain that is seen five times a second, and a tick each second. */
function watched(world: SettableClock) {
  const alarms = createAlarms({
    ...alarmDefaults,
    // An onset takes onset_s then, and nothing for the smoothing to come up to the threshold.
    rules: { ...alarmDefaults.rules, smoothingS: 0 },
    cameras: {},
    facility: null,
    model: null,
    clock: world.clock,
    newId: () => 'a'
  })
  const said: AlarmMessage[] = []
  const wait = (seconds: number) => {
    for (let frame = 1; frame <= seconds * 5; frame++) {
      world.pass(200)
      const at = world.clock.now()
      said.push(...alarms.observe({ camera: 'bed', track: 1, at, score: 0.9 }).alarms)
      if (frame % 5 === 0) said.push(...alarms.tick(at))
    }
  }
  return { alarms, said, wait }
}

describe.each(settings)('with the clock set by %d ms,', (byMs) => {
  test('an alarm stays active, its updates come on time, and its duration is the elapsed time', () => {
    const world = new SettableClock(t0)
    const { alarms, said, wait } = watched(world)
    wait(12)
    world.set(byMs)
    said.push(...alarms.tick(world.clock.now()))
    wait(30)
    said.push(...alarms.cameraState('bed', 'paused', world.clock.now()))
    expect(said.map(({ phase, duration_s }) => [phase, duration_s])).toEqual([
      ['start', 2],
      ['update', 12],
      ['update', 22],
      ['update', 32],
      ['end', 41.8]
    ])
    expect(new Set(said.map(({ onset }) => onset)).size).toBe(1)
    // Stamps are the time of day.
    expect(Date.parse(said.at(-1)!.updated)).toBe(world.timeOfDay)
  })

  test('a face in its onset raises its alarm only after the onset time', () => {
    const world = new SettableClock(t0)
    const { said, wait } = watched(world)
    wait(1)
    world.set(byMs)
    wait(1)
    expect(said).toEqual([])
    wait(1)
    expect(said.map(({ phase }) => phase)).toEqual(['start'])
  })

  test("a broker's absence is reported after 10 s, with its duration", () => {
    const world = new SettableClock(t0)
    const { alarms } = watched(world)
    const said: AlarmMessage[] = []
    let connected = false
    const watch = new SelfWatch({
      mqtt: { connected: () => connected, stats: () => ({ trouble: null }) },
      outbox: { stats: () => ({ depth: 0, trouble: null }) },
      outboxMax: 100,
      tell: (condition, problem, about) => {
        const { now } = world.clock
        said.push(...alarms.technical(condition, problem, now(), about?.since))
      },
      clock: world.clock
    })
    watch.tick()
    world.set(byMs)
    world.pass(9 * second)
    watch.tick()
    expect(said).toEqual([])
    world.pass(1 * second)
    watch.tick()
    world.pass(50 * second)
    connected = true
    watch.tick()
    expect(said).toMatchObject([{ phase: 'start' }, { phase: 'end', duration_s: 60 }])
  })
})

describe('times on disk', () => {
  let folder: string
  let outbox: Outbox
  const lines: string[] = []
  const open = async (world: SettableClock) => {
    const log = { ...silentLog, warn: (_: object, text: string) => void lines.push(text) }
    outbox = await openOutbox({ path: folder, maxMessages: 100, expiryMs: day, log, clock: world.clock })
  }
  beforeEach(async () => {
    lines.length = 0
    folder = await mkdtemp(join(tmpdir(), 'painlens-clock-set-'))
  })
  afterEach(async () => {
    await outbox.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function delivered(): Promise<OutboxEntry[]> {
    const sent: OutboxEntry[] = []
    const over = new AbortController()
    const draining = outbox.drain(async (entry) => {
      sent.push(entry)
      if (outbox.depth() === 1) over.abort()
      return 'confirmed'
    }, over.signal)
    await draining
    return sent
  }

  test.each(settings)('a waiting alarm expires by its age if the clock is set by %d ms', async (byMs) => {
    const world = new SettableClock(t0)
    await open(world)
    await outbox.put('alarm', { alarm_id: 'young', late: false })
    world.pass(5 * second)
    world.set(byMs)
    const [young] = await delivered()
    expect(young).toMatchObject({ late: false, payload: { alarm_id: 'young', late: false } })
    expect(young!.expiresAt - world.clock.now()).toBe(day - 5 * second)

    await outbox.put('alarm', { alarm_id: 'old', late: false })
    world.set(byMs)
    world.pass(day)
    await outbox.put('alarm', { alarm_id: 'new', late: false })
    expect((await delivered()).map(({ payload }) => payload.alarm_id)).toEqual(['new'])
    expect(outbox.stats()).toMatchObject({ expired: 1, depth: 0 })
  })

  test('an alarm of an earlier run expires by the time of day', async () => {
    const world = new SettableClock(t0)
    await open(world)
    for (const alarm_id of ['a', 'b', 'c']) await outbox.put('alarm', { alarm_id, late: false })
    await outbox.close()
    // The device starts without knowing the time, so that ages would be negative.
    const later = new SettableClock(0)
    await open(later)
    await outbox.put('alarm', { alarm_id: 'of this run', late: false })
    later.set(t0 + day - 60 * second)
    const sent = await delivered()
    expect(sent.map(({ payload, late }) => [payload.alarm_id, late])).toEqual([
      ['a', true],
      ['b', true],
      ['c', true],
      ['of this run', false]
    ])
    expect(sent[0]!.expiresAt - later.clock.now()).toBe(60 * second)
    expect(sent[3]!.expiresAt - later.clock.now()).toBe(day)
  })

  test('an alarm left active by an earlier run ends with its onset and at least its last known duration', async () => {
    const world = new SettableClock(t0)
    await open(world)
    const { said, wait } = watched(world)
    wait(12)
    const last = said.at(-1)!
    await outbox.note({ key: `alarm/${last.alarm_id}`, value: last })
    for (const [timeOfDay, duration] of [
      [t0 + 72_200, 72],
      [t0 - day, last.duration_s]
    ] as const) {
      const later = new SettableClock(timeOfDay)
      const [end] = endsOfUnfinishedAlarms(outbox, later.clock.now(), later.clock)
      expect(end).toMatchObject({ phase: 'end', reason: 'restarted', seq: last.seq + 1, onset: last.onset })
      expect(end!.duration_s).toBeCloseTo(duration, 5)
    }
  })

  test('a pause lasts for the requested time, and in a later run until its time of day', async () => {
    const world = new SettableClock(t0)
    await open(world)
    const pauses = new Pauses(outbox, world.clock)
    const now = world.clock.now()
    world.set(2 * hour)
    pauses.set('bed', { since: now, until: moment(now + hour) })
    world.set(5 * hour)
    world.pass(hour - second)
    expect(pauses.of('bed')).toEqual({ since: now, until: now + hour })
    const later = new SettableClock(t0 + 2 * hour + 600 * second)
    const known = new Pauses(outbox, later.clock).of('bed')
    expect(known!.until - later.clock.now()).toBe(hour - 600 * second)
    world.pass(second)
    expect(pauses.of('bed')).toBeNull()
    expect(new Pauses(outbox, new SettableClock(t0 + 3 * hour).clock).of('bed')).toBeNull()
  })
})
