import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AlarmRules, createAlarms } from '../../../src/stages/alarm/index.js'
import type { Referenced } from '../../../src/stages/reference/index.js'
import { reachOf, referenced, shiftOf } from '../../../src/stages/reference/shift.js'
import { alarmDefaults } from '../../support/alarm-defaults.js'
import { clockOf, moment } from '../../support/moments.js'
import { model, type ReferenceRig, referenceRig, rules, temperature } from './rig.js'

const output = fc.double({ min: -12, max: 12, noNaN: true })
const outputs = fc.tuple(output, output, output)
const bed = outputs.map(([pain, disgust, happiness]) => {
  return { pain: [pain, 0], disgust: [disgust, 0], happiness: [happiness, 0] } as const
})
/** Any resting face, also one that no measurement would let pass. */
const shift = bed.map((resting) => shiftOf(resting as never, model))
const judge = (logits: readonly number[], by: Float32Array | null): Referenced => {
  const own = Float32Array.from(logits)
  return referenced(own, model.scoreOf(own), by, { scoreOf: model.scoreOf, alwaysAlarm: rules.alwaysAlarm })
}

test('a reference only ever lowers a score, and leaves one of always_alarm and above as it is, to the bit', () => {
  fc.assert(
    fc.property(outputs, shift, (logits, by) => {
      const { score, unreferenced } = judge(logits, by)
      expect(unreferenced).toBe(judge(logits, null).score)
      expect(score).toBeLessThanOrEqual(unreferenced)
      if (unreferenced >= rules.alwaysAlarm) expect(score).toBe(unreferenced)
    })
  )
})

test('a reference lowers the log odds of pain by its reach at most, which max_shift bounds', () => {
  const logOdds = (p: number) => Math.log(p / (1 - p))
  const mild = fc.tuple(...[0, 1, 2].map(() => fc.double({ min: -4, max: 4, noNaN: true })))
  fc.assert(
    fc.property(mild, shift, (logits, by) => {
      const { score, unreferenced } = judge(logits, by)
      // Float32 has no better than that where a probability is near 1 or 0.
      if (score < 1e-6 || unreferenced > 0.999) return
      expect(logOdds(unreferenced) - logOdds(score)).toBeLessThanOrEqual(reachOf(by, model) / temperature + 1e-3)
    })
  )
})

const start = Date.parse('2026-03-01T08:00:00Z')

/** What the alarm stage says of one face, 200 ms apart: a start or an end as [phase, frame, effect of the reference]. */
function alarmsOf(scores: readonly Referenced[], changes: Partial<AlarmRules> = {}) {
  let now = start
  const alarms = createAlarms({
    ...alarmDefaults,
    rules: { ...alarmDefaults.rules, ...changes },
    ...{ cameras: {}, facility: null, model: null, clock: clockOf(() => now), newId: () => 'id' }
  })
  const box = { x: 0, y: 0, width: 60, height: 80 }
  return scores.flatMap(({ score, unreferenced }, frame) => {
    now += 200
    const at = moment(now)
    const seen = alarms.observe({ camera: 'bed', track: 1, at, score, unreferenced, box })
    return seen.alarms.map((alarm) => ({ frame, alarm }))
  })
}

const stretches = fc
  .array(fc.tuple(outputs, fc.integer({ min: 1, max: 25 })), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.flatMap(([logits, frames]) => Array.from({ length: frames }, () => logits)))

test('a face whose scores stay at always_alarm or above alarms as without a reference, whatever the reference is', () => {
  const high = fc.array(
    fc.double({ min: 4.6, max: 12, noNaN: true }).map((pain) => [pain, 0, 0]),
    { minLength: 25, maxLength: 60 }
  )
  fc.assert(
    fc.property(high, shift, (frames, by) => {
      const told = alarmsOf(frames.map((logits) => judge(logits, by)))
      expect(told).toEqual(alarmsOf(frames.map((logits) => judge(logits, null))))
      expect(told.some(({ alarm }) => alarm.phase === 'start')).toBe(true)
    })
  )
})

test('a smoothed score of always_alarm and above starts the alarm that it would start without a reference', () => {
  fc.assert(
    fc.property(stretches, shift, (frames, by) => {
      // Without it, at a threshold of always_alarm: the alarms that no reference may silence.
      const strict = { onsetThreshold: rules.alwaysAlarm }
      const due = alarmsOf(
        frames.map((logits) => judge(logits, null)),
        strict
      ).filter(({ alarm }) => alarm.phase === 'start')
      const told = alarmsOf(frames.map((logits) => judge(logits, by)))
      for (const { frame } of due) {
        const open = told.filter((each) => each.frame <= frame && each.alarm.phase !== 'update').at(-1)
        expect(open?.alarm.phase).toBe('start')
      }
    })
  )
})

test('an alarm that the reference has lowered, or could not silence, says so in both languages', () => {
  const frames = (logits: readonly number[], by: number[]) =>
    Array.from({ length: 40 }, () => judge(logits, Float32Array.from(by)))
  const [lowered] = alarmsOf(frames([3.2, 0, 0], [0.8, 0, 0]))
  expect(lowered!.alarm).toMatchObject({ phase: 'start', reference: { effect: 'lowered' } })
  expect(lowered!.alarm.reference!.score_unreferenced).toBeGreaterThan(lowered!.alarm.score! + 0.05)
  expect(lowered!.alarm.text).toEqual({
    en: 'Pain suspected, camera bed (judged against the resting face of this bed)',
    de: 'Verdacht auf Schmerz, Kamera bed (am Ruhegesicht dieses Bettes gemessen)'
  })
  const mixed = Array.from({ length: 80 }, (_, i) => judge([i % 2 ? 9 : 4.2, 0, 0], Float32Array.of(6, 0, 0)))
  const overruled = alarmsOf(mixed).find(({ alarm }) => alarm.phase === 'start')
  expect(overruled!.alarm).toMatchObject({ reference: { effect: 'overruled' } })
  expect(overruled!.alarm.text.en).toContain('(more than the resting face of this bed explains)')
  const [plain] = alarmsOf(frames([3.2, 0, 0], [0, 0, 0]))
  expect(plain!.alarm).toMatchObject({ reference: null, text: { en: 'Pain suspected, camera bed' } })
})

type Act = (rig: ReferenceRig) => unknown

function look(rig: ReferenceRig, logits: readonly number[]): void {
  const own = model.scoreOf(Float32Array.from(logits))
  const [judged] = rig.frame([{ logits }])
  expect(judged!.unreferenced).toBe(own)
  expect(judged!.score).toBeLessThanOrEqual(own)
  if (own >= rules.alwaysAlarm) expect(judged!.score).toBe(own)
}

const ignored = () => undefined
const remove = (rig: ReferenceRig) => rig.references.remove('bed', null, 'nurse 7').catch(ignored)
const ms = (most: number) => fc.integer({ min: -most, max: most })

const act: fc.Arbitrary<Act> = fc.oneof(
  outputs.map((logits) => (rig: ReferenceRig) => look(rig, logits)),
  outputs.map((logits) => (rig: ReferenceRig) => rig.take(() => ({ logits })).catch(ignored)),
  fc.constant((rig: ReferenceRig) => rig.take()),
  ms(4e10).map((by) => (rig: ReferenceRig) => rig.clock.set(by)),
  ms(3 * 3_600_000).map((by) => (rig: ReferenceRig) => rig.clock.pass(Math.abs(by))),
  fc.constant((rig: ReferenceRig) => rig.again()),
  fc.constant(remove)
)

test('through kills, clocks that jump and absences no score of always_alarm is lowered; once removed, verdicts are as before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 12 }), outputs, async (acts, last) => {
      const rig = await referenceRig()
      for (const each of acts) {
        await each(rig)
        look(rig, last)
        rig.references.tick(rig.clock.clock.now())
      }
      await remove(rig)
      const [judged] = rig.frame([{ logits: last }])
      const own = model.scoreOf(Float32Array.from(last))
      expect(judged).toEqual({ score: own, unreferenced: own })
    }),
    { numRuns: 40 }
  )
})
