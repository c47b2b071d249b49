import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { endsOfUnfinishedAlarms, Pauses, PublishedCameras } from '../../../src/daemon/report/earlier-run.js'
import type { Note } from '../../../src/stages/outbox/index.js'
import { alarm } from '../../stages/mqtt/rig.js'
import { clockOf, moment } from '../../support/moments.js'

const t0 = Date.UTC(2026, 0, 1)

/** The notes of an outbox, in memory. */
function noteBook(notes: Record<string, object> = {}) {
  const all = new Map(Object.entries(notes))
  return {
    all,
    note: async ({ key, value }: Note) => void (value === null ? all.delete(key) : all.set(key, value)),
    notes: (start: string) =>
      new Map([...all].filter(([key]) => key.startsWith(start)).map(([key, value]) => [key.slice(start.length), value]))
  }
}

test('every alarm left active gets its end, and notes that are not alarms are deleted', () => {
  const junk = fc.oneof(
    fc.object(),
    fc.array(fc.anything()),
    fc.record({ alarm_id: fc.string(), seq: fc.anything(), onset: fc.string(), updated: fc.string() })
  )
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), junk), (notes) => {
      const keyed = Object.fromEntries(Object.entries(notes).map(([key, value]) => [`alarm/junk-${key}`, value]))
      const outbox = noteBook({ ...keyed, 'alarm/a': alarm('a', 4), 'pause/x': { since: 1, until: 2 } })
      const ends = endsOfUnfinishedAlarms(
        outbox,
        moment(t0 + 60_000),
        clockOf(() => t0)
      )
      expect(ends).toMatchObject([
        { alarm_id: 'a', seq: 5, phase: 'end', reason: 'restarted' } satisfies Partial<AlarmMessage>
      ])
      expect([...outbox.all.keys()].sort()).toEqual(['alarm/a', 'pause/x'])
    })
  )
})

test('an alarm of another version, or one that was damaged, holds up neither the start nor the ends of the others', () => {
  const whole = { ...alarm('b', 1) }
  const nowhere = { facility: null, ward: null, room: null, bed: null }
  const damaged = {
    'a condition of a later version': { condition: 'sepsis' },
    'a name of every object as its condition': { condition: 'constructor' },
    'no score': { score: undefined },
    'a score in words': { score: 'high' },
    'no place': { location: null },
    'a room that is an object': { location: { ...nowhere, room: { toString: 1 } } },
    'a time without an end': { onset: '+275760-09-13T00:00:00.000Z' }
  }
  for (const [what, changes] of Object.entries(damaged)) {
    const outbox = noteBook({ 'alarm/b': { ...whole, ...changes }, 'alarm/a': alarm('a', 4) })
    const ends = endsOfUnfinishedAlarms(
      outbox,
      moment(t0 + 60_000),
      clockOf(() => t0)
    )
    expect(ends, what).toMatchObject([{ alarm_id: 'a', phase: 'end' }])
    expect([...outbox.all.keys()], what).toEqual(['alarm/a'])
  }
})

test('a pause is read from its note until it ends', async () => {
  let now = t0
  const outbox = noteBook()
  const pauses = new Pauses(
    outbox,
    clockOf(() => now)
  )
  pauses.set('a', { since: moment(t0), until: moment(t0 + 1000) })
  expect(
    new Pauses(
      outbox,
      clockOf(() => now)
    ).of('a')
  ).toEqual({ since: t0, until: t0 + 1000 })
  expect(pauses.of('b')).toBeNull()
  now += 1000
  expect(pauses.of('a')).toBeNull()
  outbox.all.set('pause/a', { since: 'x' })
  expect(pauses.of('a')).toBeNull()
})

test('a removed camera is remembered until the broker has confirmed that its state is cleared', async () => {
  const outbox = noteBook()
  const confirm = new Map<string, () => void>()
  const mqtt = { forgetCamera: (id: string) => new Promise<void>((done) => void confirm.set(id, done)) }
  const states = new PublishedCameras(outbox, mqtt)
  for (const id of ['a', 'b']) states.published(id, true)
  states.clear('a')
  expect([...confirm.keys()]).toEqual(['a'])
  // Painlens ends before the broker is there.
  const later = new PublishedCameras(outbox, mqtt)
  confirm.clear()
  later.clearAllBut(new Set(['b']))
  expect([...confirm.keys()]).toEqual(['a'])
  confirm.get('a')!()
  await new Promise((done) => setTimeout(done, 0))
  expect([...outbox.notes('camera/').keys()]).toEqual(['b'])
})

test('resting faces that are turned off are taken away from the broker once, also where an earlier version did not note them', async () => {
  const outbox = noteBook()
  const forgotten: unknown[] = []
  const mqtt = { forgetCamera: async (...asked: unknown[]) => void forgotten.push(asked) }
  const start = async (reference: boolean): Promise<unknown[]> => {
    const states = new PublishedCameras(outbox, mqtt)
    for (const id of ['a', 'b']) states.published(id, reference)
    await new Promise((done) => setTimeout(done, 0))
    return forgotten.splice(0)
  }
  expect(await start(true)).toEqual([])
  expect(await start(true)).toEqual([])
  expect(await start(false)).toEqual([
    ['a', ['cameraReference']],
    ['b', ['cameraReference']]
  ])
  expect(await start(false)).toEqual([])
  outbox.all.set('camera/a', {})
  expect(await start(false)).toEqual([['a', ['cameraReference']]])
  expect(await start(false)).toEqual([])
})
