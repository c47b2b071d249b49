import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Log, silentLog } from '../../src/core/log.js'
import { type HistoryEntry, NightHistory } from '../../src/page/history.js'
import { nightCsv, nightOf } from '../../src/page/night.js'
import { Recorder } from '../../src/page/recorder.js'
import { Ward } from '../../src/page/ward.js'
import type { NightAnswer, NightSpan, RoomLamp, RoomRow, Row } from '../../src/page/wire.js'
import { cameraState, folder, health, heard, painAlarm, room, status } from './rig.js'

const minute = 60_000
const hour = 60 * minute
const noon = Date.parse('2026-11-27T12:00:00Z')
const range = { from: noon, to: noon + 24 * hour }

const rowOf = (camera: string, lamp: RoomLamp, why: RoomRow['why'] = null): RoomRow => {
  const place = { ward: '2', room: camera, bed: null }
  return { kind: 'room', device: 'box-1', camera, ...place, lamp, why, until: null, reference: null }
}

/** A recorder over lamps and clocks that a test sets. */
function setUp({ own = folder(), days = 14, log = silentLog as Log } = {}) {
  const clock = { wall: noon, monotonic: 0 }
  const lamps = new Map<string, Row>()
  const recorder = new Recorder({
    ...{ folder: own, days, rows: () => lamps, log },
    timeOfDay: () => clock.wall,
    monotonic: () => clock.monotonic
  })
  onTestFinished(() => recorder.stop())
  const set = (camera: string, lamp: RoomLamp, why: RoomRow['why'] = null): void => {
    lamps.set(camera, rowOf(camera, lamp, why))
    recorder.changed()
  }
  /** Both clocks go on, with a tick each half minute. */
  const pass = async (ms: number): Promise<void> => {
    await recorder.tick()
    for (let left = ms; left > 0; left -= 30_000) {
      const step = Math.min(left, 30_000)
      clock.wall += step
      clock.monotonic += step
      await recorder.tick()
    }
  }
  return { own, clock, lamps, recorder, set, pass }
}

/** `watched 0-10, unknown not_recorded 10-20`, in minutes since noon. */
const told = (night: NightAnswer, camera: string): string[] =>
  (night.lanes.find((lane) => lane.camera === camera)?.spans ?? []).map(({ from, to, lamp, why }) =>
    [lamp, why, `${(from - noon) / minute}-${(to - noon) / minute}`].filter((one) => one !== null).join(' ')
  )

describe('the history of a ward', () => {
  it('is a lane for each room without a gap, with pauses, and unknown before it was heard of', async () => {
    const { recorder, set, pass } = setUp()
    set('11', 'watched')
    await pass(10 * minute)
    set('11', 'paused')
    set('12', 'no_face')
    await pass(5 * minute)
    set('11', 'unknown', 'dark')
    await pass(5 * minute)
    const night = await recorder.night(range)
    expect(told(night, '11')).toEqual(['watched 0-10', 'paused 10-15', 'unknown dark 15-20'])
    expect(told(night, '12')).toEqual(['unknown not_recorded 0-10', 'no_face 10-20'])
    expect([night.cut, night.recorded]).toEqual([false, true])
  })

  it('is unknown for the time in which painlens was killed or off, and goes on in the same file', async () => {
    const first = setUp()
    first.set('11', 'watched')
    await first.pass(10 * minute)
    const path = join(first.own, readdirSync(first.own)[0]!)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    // Killed in the middle of a line.
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"at":17,"kind":"be`)
    const second = setUp({ own: first.own })
    second.clock.wall = noon + 30 * minute
    second.set('11', 'watched')
    await second.pass(5 * minute)
    const spans = told(await second.recorder.night(range), '11')
    expect(spans).toEqual(['watched 0-10', 'unknown not_recorded 10-30', 'watched 30-35'])
    expect(readdirSync(first.own)).toHaveLength(1)
  })

  it('is unknown while the disk is full, says so, and is recorded again by itself', async () => {
    const lines: string[] = []
    const note = (_: unknown, text?: string): void => void lines.push(String(text))
    const { own, recorder, set, pass } = setUp({ log: { ...silentLog, warn: note, info: note } })
    set('11', 'watched')
    await pass(10 * minute)
    const path = join(own, readdirSync(own)[0]!)
    const kept = readFileSync(path)
    // A folder in the place of the file fails for root, too, as a full disk does.
    rmSync(path)
    mkdirSync(path)
    set('11', 'paused')
    await pass(10 * minute)
    expect((await recorder.night(range)).recorded).toBe(false)
    rmSync(path, { recursive: true })
    writeFileSync(path, kept)
    await pass(5 * minute)
    const night = await recorder.night({ ...range, to: range.to - 1 })
    expect(night.recorded).toBe(true)
    expect(told(night, '11').slice(0, 2)).toEqual([
      'watched 0-10',
      expect.stringMatching(/^unknown not_recorded 10-20/)
    ])
    expect(told(night, '11').at(-1)).toMatch(/^paused 20.*-25$/)
    expect(lines).toEqual([
      'the history of the page is not recorded',
      'the history of a day cannot be read',
      'the history of the page is recorded again'
    ])
  })

  it('has a gap where the clock jumps ahead, and the later word where it is set back', async () => {
    const { clock, recorder, set, pass } = setUp()
    set('11', 'watched')
    await pass(10 * minute)
    clock.wall += 20 * minute
    await pass(10 * minute)
    const ahead = told(await recorder.night(range), '11')
    expect(ahead).toEqual(['watched 0-10', 'unknown not_recorded 10-30.5', 'watched 30.5-40'])
    clock.wall = noon + 35 * minute
    set('11', 'paused')
    await pass(2 * minute)
    clock.wall += 10 * minute
    clock.monotonic += 10_000
    const back = told(await recorder.night(range), '11')
    expect(back.slice(0, 3)).toEqual(['watched 0-10', 'unknown not_recorded 10-30.5', 'watched 30.5-35'])
    expect(back[3]).toBe('paused 35-37')
  })

  it('begins each day anew with the whole, and is kept for its days, unless the clock was set a moment ago', async () => {
    const { own, clock, recorder, set, pass } = setUp({ days: 2 })
    for (const day of ['2026-11-20', '2026-11-24', '2026-11-26', '2036-01-01'])
      writeFileSync(join(own, `${day}.jsonl`), '\n')
    set('11', 'watched')
    await pass(minute)
    clock.wall = noon + 11.9 * hour
    await pass(5 * minute)
    expect(readdirSync(own)).toHaveLength(5)
    await pass(8 * minute)
    const after = ['2026-11-26.jsonl', '2026-11-27.jsonl', '2026-11-28.jsonl']
    expect(readdirSync(own).sort()).toEqual(after)
    // What is needed of an evening is in the file of the next day, too.
    writeFileSync(join(own, '2026-11-27.jsonl'), '')
    const spans = told(await recorder.night(range), '11')
    expect(spans.at(-1)).toMatch(/^watched 720.*-727$/)
  })

  it('of a day is bounded in bytes, and damaged or strange lines say nothing', async () => {
    const own = folder()
    const beats = { folder: own, days: 14, whole: () => [], log: silentLog }
    const history = new NightHistory({ ...beats, mostBytes: 2000 })
    for (let i = 0; i < 100; i++) {
      history.add({ at: noon + i, kind: 'beat' })
      await history.flush()
    }
    const path = join(own, '2026-11-27.jsonl')
    expect(statSync(path).size).toBeLessThanOrEqual(2000)
    expect(history.problem).toMatchObject({ code: 'PL-PAGE-HISTORY' })
    writeFileSync(path, `${readFileSync(path, 'utf8')}\u0000\u0000\nnull\n{"kind":"room"}\n[${'['.repeat(5000)}\n`)
    const entries: HistoryEntry[] = []
    for await (const entry of history.read(range.from, range.to)) entries.push(entry)
    expect(new Set(entries.map(({ kind }) => kind))).toEqual(new Set(['whole', 'beat']))
  })

  it('keeps no name of a file that is not its own', async () => {
    const { own, recorder, pass } = setUp()
    writeFileSync(join(own, 'notes.txt'), 'mine')
    chmodSync(join(own, 'notes.txt'), 0o600)
    await pass(30 * minute)
    expect(existsSync(join(own, 'notes.txt'))).toBe(true)
    expect((await recorder.night(range)).lanes).toEqual([])
  })
})

describe('alarms in the history', () => {
  const at = (minutes: number): string => new Date(noon + minutes * minute).toISOString()

  it('have who acknowledged them and when they ended, also when they are recalled after a restart', async () => {
    const { recorder, clock, pass, own } = setUp()
    const hear = (seq: number, changes: object): void =>
      recorder.hear(heard('box-1', 'alarm', painAlarm('p', seq, 'bed', { onset: at(1), ...changes })))
    clock.wall = noon + minute
    hear(0, {})
    await pass(minute)
    const ack = { by: 'K.', kind: 'coming', at: at(2) } as const
    hear(1, { phase: 'update', ack })
    recorder.hear(heard('box-1', 'acknowledgement', { alarm_id: 'p', ...ack, after_end: false }))
    await pass(minute)
    hear(2, { phase: 'end', ack, updated: at(3) })
    await pass(minute)
    const again = setUp({ own })
    again.clock.wall = noon + 5 * minute
    again.recorder.hear(
      heard('box-1', 'alarm', painAlarm('p', 2, 'bed', { onset: at(1), phase: 'end', ack, updated: at(3) }))
    )
    const { alarms } = await again.recorder.night(range)
    expect(alarms).toEqual([
      expect.objectContaining({
        ...{ id: 'p', camera: 'bed', onset: Date.parse(at(1)), until: Date.parse(at(3)), ended: true },
        acks: [{ by: 'K.', kind: 'coming', at: Date.parse(at(2)) }]
      })
    ])
  })

  it('whose end was missed are known until the last line before the gap', async () => {
    const first = setUp()
    first.recorder.hear(heard('box-1', 'alarm', painAlarm('p', 0, 'bed', { onset: at(0) })))
    await first.pass(4 * minute)
    const second = setUp({ own: first.own })
    second.clock.wall = noon + 60 * minute
    await second.pass(minute)
    const { alarms } = await second.recorder.night(range)
    expect(alarms).toMatchObject([{ ended: false, until: noon + 4 * minute }])
  })

  it('and lamps of a real ward are noted from its messages', async () => {
    const ward = new Ward({ devices: ['box-1'], heatmaps: false, clock: { now: () => 0 as never } })
    for (const message of [status('box-1'), heard('box-1', 'health', health({ bed: { location: room('12') } }))])
      ward.take(message)
    const { recorder, lamps, clock } = setUp()
    const copy = (): void => {
      for (const [key, row] of ward.rows()) lamps.set(key, row)
      recorder.changed()
    }
    copy()
    await recorder.tick()
    clock.wall += minute
    ward.take(cameraState('box-1', 'bed', 'paused'))
    copy()
    await recorder.tick()
    clock.wall += minute
    const night = await recorder.night(range)
    expect(told(night, 'bed')).toEqual(['watched 0-1', 'paused 1-2'])
    expect(night.lanes[0]).toMatchObject({ ward: '2', room: '12', bed: 'A' })
  })
})

describe('a night', () => {
  it('covers the time until now exactly once, whatever was written', async () => {
    const lamp = fc.constantFrom<RoomLamp>('watched', 'pain', 'no_face', 'paused', 'unknown')
    const time = fc.integer({ min: -hour, max: 25 * hour }).map((ms) => noon + ms)
    const entry = fc.oneof(
      fc.record({ kind: fc.constant('room' as const), at: time, lamp, camera: fc.constantFrom('a', 'b') }),
      fc.record({ kind: fc.constant('beat' as const), at: time }),
      fc.record({ kind: fc.constant('whole' as const), at: time, after: fc.boolean() }),
      fc.record({ kind: fc.constant('gone' as const), at: time, camera: fc.constantFrom('a', 'b') })
    )
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 40 }), time, async (made, now) => {
        const place = { device: 'box-1', ward: null, room: null, bed: null, why: null }
        const night = await nightOf(
          made.map((one) => ({ ...place, ...one }) as HistoryEntry),
          { ...range, now }
        )
        for (const { spans } of night.lanes) {
          const ends: number[] = spans.map(({ to }: NightSpan) => to)
          expect(spans.map(({ from }) => from)).toEqual([range.from, ...ends.slice(0, -1)])
          expect(ends.at(-1)).toBe(Math.min(range.to, now))
        }
      }),
      { numRuns: 300 }
    )
  })

  it('as a table file keeps a hostile name from being computed by a spreadsheet', async () => {
    const { recorder, set, pass } = setUp()
    set('=HYPERLINK("http://example")', 'watched')
    await pass(minute)
    recorder.deed({ what: 'look', device: 'box-1', camera: 'bed', by: '@SUM(A1)', minutes: 10 })
    const csv = nightCsv(await recorder.night(range))
    expect(csv).toMatch(/^\ufefffrom,to,device,camera,ward,room,bed,what,detail,by\r\n/)
    expect(csv).toContain(`"'=HYPERLINK(""http://example"")"`)
    expect(csv).toContain(`look,10 min,"'@SUM(A1)"`)
    expect(csv).not.toMatch(/(^|,|")[=@]/m)
  })
})
