import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ExplanationMessage } from '../../../src/contract/messages.js'
import { type Log, silentLog } from '../../../src/core/log.js'
import { createAlarms } from '../../../src/stages/alarm/index.js'
import {
  ExplainedAlarms,
  type FaceWithAlarm,
  riseStep,
  type ScoredFace
} from '../../../src/stages/explain/explained-alarms.js'
import type { Explanation } from '../../../src/stages/explain/index.js'
import { alarmDefaults } from '../../support/alarm-defaults.js'
import { clockOf, moment } from '../../support/moments.js'

const crop = { width: 1, height: 1, data: new Uint8Array(3), landmarks: new Float32Array(136) }
const threshold = 0.6

function explanationOf({ camera, at, track, score }: ScoredFace): Explanation {
  return {
    camera,
    at,
    track,
    target: 'pain',
    weights: { pain: 1 },
    probability: score,
    composite: 'lrp.z',
    engine: 'test',
    regions: [{ region: 'brows', positive: 0.34567, negative: 0, balance: -0.12345 }],
    text: { en: 'brows', de: 'Brauen' },
    uncertainty: { classes: { pain: 12.5 }, regions: { brows: 4.2 }, views: 6 },
    conditioning: 0.01234,
    heatmap: Uint8Array.of(1, 2, 3),
    relevance: new Float32Array(1),
    crop,
    durationMs: 1
  }
}

type Answer = 'explained' | 'skipped' | 'failed'

interface Rig {
  answer?: Answer
  /** Answers only when `finish` is called. */
  slow?: boolean
}

/** The policy, with a stage whose answers the test chooses. */
function setUp({ answer = 'explained', slow = false }: Rig = {}) {
  const asked: (ScoredFace & { under: number })[] = []
  const published: ExplanationMessage[] = []
  const errors: object[] = []
  const waiting: (() => void)[] = []
  const rig = { answer, now: 0 }
  const log: Log = { ...silentLog, error: (fields) => errors.push(fields) }
  const explanations = new ExplainedAlarms({
    stage: {
      submit: async (request) => {
        asked.push({ ...request, under: rig.now })
        if (slow) await new Promise<void>((resolve) => waiting.push(resolve))
        if (rig.answer === 'failed') throw new Error('no memory')
        return rig.answer === 'skipped' ? null : explanationOf(request)
      },
      idle: () => waiting.length === 0
    },
    threshold,
    publish: (message) => published.push(message),
    clock: clockOf(() => rig.now),
    log
  })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  const see = async (at: number, score: number, alarmId: string | null = null, track = 1) => {
    rig.now = at
    explanations.consider({ camera: 'bed', track, at: moment(at), crop, score, alarmId } satisfies FaceWithAlarm)
    await settle()
  }
  const finish = async (which = 0) => {
    waiting.splice(which, 1)[0]!()
    await settle()
  }
  const frames = () => published.map(({ alarm_id, at }) => [alarm_id, Date.parse(at)])
  return { explanations, rig, asked, published, frames, errors, see, finish }
}

const times = (requests: ScoredFace[]) => requests.map(({ at }) => at)

describe('ExplainedAlarms', () => {
  it('at the start of an alarm explains the strongest frame so far and publishes it', async () => {
    const { asked, published, frames, see } = setUp()
    for (const [at, score] of [
      [0, 0.3],
      [200, 0.7],
      [400, 0.95],
      [600, 0.8]
    ] as const)
      await see(at, score)
    expect(asked).toEqual([])
    await see(800, 0.82, 'a')
    await see(1000, 0.85, 'a')
    expect(times(asked)).toEqual([400])
    expect(frames()).toEqual([['a', 400]])
    expect(published[0]).toMatchObject({ probability: 0.95, heatmap: 'AQID' })
    expect(published[0]!.regions).toEqual([{ region: 'brows', positive: 0.346, negative: 0, balance: -0.123 }])
  })

  it('says behind the explanation that the resting face has lowered the score, in each language, and only then', async () => {
    const { explanations, rig, published, see } = setUp()
    const face = { camera: 'bed', track: 1, crop, score: 0.9, isLowered: true, alarmId: 'a' }
    explanations.consider({ ...face, at: moment(rig.now) })
    await see(10_000, 0.9, 'b', 2)
    expect(published.map(({ text }) => text)).toEqual([
      {
        en: 'brows The resting face of this bed has lowered the score; it changes nothing in this explanation.',
        de: 'Brauen Das Ruhegesicht dieses Bettes hat den Wert gesenkt; an dieser Erklärung ändert es nichts.'
      },
      { en: 'brows', de: 'Brauen' }
    ])
  })

  it('explains a probable peak in advance and publishes it at the start of the alarm', async () => {
    const { asked, frames, published, see } = setUp()
    await see(0, 0.9)
    await see(400, 0.85)
    expect(asked).toEqual([])
    await see(600, 0.95)
    for (const at of [800, 1000, 1200, 1400]) await see(at, 0.8)
    expect(times(asked)).toEqual([600])
    expect(published).toEqual([])
    await see(2000, 0.99, 'a')
    expect(frames()).toEqual([['a', 600]])
  })

  it('drops an explanation made in advance if a much stronger frame followed', async () => {
    const { asked, frames, see } = setUp()
    await see(0, 0.7)
    await see(600, 0.7)
    await see(800, 0.9, 'a')
    expect(times(asked)).toEqual([0, 800])
    expect(frames()).toEqual([['a', 800]])
  })

  it('explains nothing in advance while the engine is busy', async () => {
    const { asked, see, finish, frames } = setUp({ slow: true })
    await see(0, 0.9, 'a', 1)
    await see(0, 0.9, null, 2)
    await see(1000, 0.9, null, 2)
    expect(asked.map(({ track }) => track)).toEqual([1])
    await finish()
    await see(1200, 0.9, null, 2)
    expect(asked.map(({ track }) => track)).toEqual([1, 2])
    await finish()
    expect(frames()).toEqual([['a', 0]])
  })

  it('explains a frame that is much stronger than the explained one, even during an explanation', async () => {
    const { asked, frames, see, finish } = setUp({ slow: true })
    await see(0, 0.7, 'a')
    await see(200, 0.75, 'a')
    await see(400, 0.81, 'a')
    await see(600, 0.95, 'a')
    expect(times(asked)).toEqual([0, 400, 600])
    for (let i = 0; i < 3; i++) await finish()
    await see(800, 1, 'a')
    expect(times(asked)).toEqual([0, 400, 600])
    expect(frames()).toEqual([
      ['a', 0],
      ['a', 400],
      ['a', 600]
    ])
  })

  it('requests a skipped explanation again', async () => {
    const { rig, asked, frames, see } = setUp({ answer: 'skipped' })
    await see(0, 0.9, 'a')
    rig.answer = 'explained'
    await see(200, 0.3, 'a')
    expect(times(asked)).toEqual([0, 0])
    expect(frames()).toEqual([['a', 0]])
  })

  it('publishes an explanation that is ready after its alarm ended', async () => {
    const { explanations, frames, see, finish } = setUp({ slow: true })
    await see(0, 0.9, 'a')
    explanations.alarmEnded('a')
    await see(200, 0.1, null)
    explanations.forget('bed', 1)
    await finish()
    expect(frames()).toEqual([['a', 0]])
  })

  it('explains a new frame for a new alarm of the same face', async () => {
    const { explanations, asked, frames, see } = setUp()
    await see(0, 0.9, 'a')
    explanations.alarmEnded('a')
    await see(200, 0.1, null)
    await see(9000, 0.8, null)
    await see(9200, 0.8, 'b')
    expect(times(asked)).toEqual([0, 9000])
    expect(frames()).toEqual([
      ['a', 0],
      ['b', 9000]
    ])
  })

  it('continues the episode of a lost face that returns with another track number', async () => {
    const { explanations, asked, frames, see } = setUp()
    await see(0, 0.9, 'a', 1)
    explanations.forget('bed', 1)
    await see(3000, 0.95, 'a', 2)
    expect(times(asked)).toEqual([0])
    await see(3200, 1, 'a', 2)
    expect(frames()).toEqual([
      ['a', 0],
      ['a', 3200]
    ])
  })

  it('ignores frames before a long time below the threshold, and frames older than 30 s', async () => {
    const { asked, see } = setUp()
    await see(0, 0.99)
    for (let at = 200; at < 8000; at += 200) await see(at, 0.2)
    await see(8000, 0.65)
    await see(8200, 0.65, 'a')
    expect(times(asked)).toEqual([8000])
    await see(10_000, 0.95, null, 2)
    for (let at = 10_200; at <= 41_000; at += 200) await see(at, 0.65, null, 2)
    await see(41_200, 0.7, 'b', 2)
    expect(asked.at(-1)!.at).toBeGreaterThan(40_000)
  })

  it('explains the current frame if none was above the threshold', async () => {
    const { frames, see } = setUp()
    await see(0, 0.5)
    await see(200, 0.5, 'a')
    expect(frames()).toEqual([['a', 200]])
  })

  it('logs a failure once, retries every 5 s, and publishes after the first success', async () => {
    const { rig, asked, errors, frames, see } = setUp({ answer: 'failed' })
    for (let at = 0; at <= 12_000; at += 200) await see(at, 0.9, 'a')
    expect(asked.map(({ under }) => under)).toEqual([0, 5000, 10_000])
    expect(errors).toEqual([{ camera: 'bed', code: 'PL-UNEXPECTED', error: 'no memory' }])
    rig.answer = 'explained'
    for (let at = 12_200; at <= 20_000; at += 200) await see(at, 0.5, 'a')
    expect(asked.map(({ under }) => under)).toEqual([0, 5000, 10_000, 15_000])
    expect(frames()).toEqual([['a', 0]])
  })

  it('keeps state only for the faces of present cameras and tracks', async () => {
    const { explanations, see, asked } = setUp({ answer: 'failed' })
    await see(0, 0.9)
    explanations.forgetCamera('other bed')
    await see(200, 0.8, 'a')
    expect(times(asked)).toEqual([0])
    explanations.alarmEnded('a')
    await see(5400, 0.7)
    explanations.forgetCamera('bed')
    await see(5600, 0.65, 'b')
    expect(times(asked)).toEqual([0, 5600])
  })
})

/** The scores of some frames of a face, and the engine's behaviour meanwhile. */
interface Step {
  score: number
  repeat: number
  answer: Answer | 'later'
  finish: boolean
}

const stepsWith = (...answers: Step['answer'][]) => {
  const anything = fc.double({ min: 0, max: 1, noNaN: true })
  const score = fc.oneof({ weight: 2, arbitrary: anything }, fc.constantFrom(0.1, 0.62, 0.8, 0.97))
  const repeat = fc.integer({ min: 1, max: 25 })
  const step = fc.record({ score, repeat, answer: fc.constantFrom(...answers), finish: fc.boolean() })
  return fc.array(step, { minLength: 1, maxLength: 12 })
}

/** The steps, then a long pain with a working engine. */
async function courseOf(steps: readonly Step[]): Promise<Course> {
  const course = new Course()
  for (const { score, repeat, answer, finish } of steps)
    for (let i = 0; i < repeat; i++) await course.frame(score, answer, finish)
  for (let i = 0; i < 60; i++) await course.frame(0.9, 'explained', true)
  return course
}

describe('explained alarms for any course of scores, with the real alarm stage', () => {
  it('explain every alarm by the strongest frame of its episode if the engine works', async () => {
    let alarms = 0
    await fc.assert(
      fc.asyncProperty(stepsWith('explained', 'explained', 'later'), async (steps) => {
        const course = await courseOf(steps)
        course.checkAsked()
        for (const alarmId of course.alarmIds()) course.checkExplained(alarmId)
        alarms += course.alarmIds().length
      }),
      { numRuns: 150 }
    )
    expect(alarms).toBeGreaterThan(150)
  })

  it('retry after failures, and explain an alarm that lasts until the engine works', async () => {
    await fc.assert(
      fc.asyncProperty(stepsWith('explained', 'later', 'skipped', 'failed'), async (steps) => {
        const course = await courseOf(steps)
        course.checkAsked()
        course.checkExplained(course.alarmIds().at(-1)!)
      }),
      { numRuns: 150 }
    )
  })
})

const frameMs = 200

/** One face, 5 frames per second: the real alarm stage and the explanations, with a naive second implementation. */
class Course {
  readonly #alarms = createAlarms({
    ...alarmDefaults,
    cameras: { bed: { ward: null, room: null, bed: null } },
    facility: null,
    model: null,
    clock: clockOf(() => this.#now),
    newId: () => `alarm ${this.#ids++}`
  })
  readonly #asked: { request: ScoredFace; alarmId: string | null; under: number; failed: number | null }[] = []
  readonly #published: ExplanationMessage[] = []
  readonly #waiting: (() => void)[] = []
  readonly #frames: { at: number; score: number; alarmId: string | null }[] = []
  readonly #explanations = new ExplainedAlarms({
    stage: { submit: (request) => this.#submit(request), idle: () => this.#waiting.length === 0 },
    threshold,
    publish: (message) => this.#published.push(message),
    log: silentLog,
    clock: clockOf(() => this.#now)
  })
  #answer: Answer | 'later' = 'explained'
  #now = 0
  #ids = 0

  async frame(score: number, answer: Answer | 'later', finish: boolean): Promise<void> {
    this.#now += frameMs
    this.#answer = answer
    const output = this.#alarms.observe({ camera: 'bed', track: 1, at: moment(this.#now), score })
    for (const { phase, alarm_id } of output.alarms) if (phase === 'end') this.#explanations.alarmEnded(alarm_id)
    const alarmId = output.episode?.active ? output.episode.alarmId : null
    this.#frames.push({ at: this.#now, score, alarmId })
    this.#explanations.consider({ camera: 'bed', track: 1, at: moment(this.#now), crop, score, alarmId })
    if (finish) for (const done of this.#waiting.splice(0)) done()
    await new Promise((resolve) => setImmediate(resolve))
  }

  async #submit(request: ScoredFace): Promise<Explanation | null> {
    const alarmId = this.#frames.at(-1)?.alarmId ?? null
    const entry = { request, alarmId, under: this.#now, failed: null as number | null }
    this.#asked.push(entry)
    let answer = this.#answer
    if (answer === 'later') {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
      answer = 'explained'
    }
    if (answer === 'failed') {
      entry.failed = this.#now
      throw new Error('no memory')
    }
    return answer === 'skipped' ? null : explanationOf(request)
  }

  alarmIds(): string[] {
    return [...new Set(this.#frames.flatMap(({ alarmId }) => alarmId ?? []))]
  }

  /** The alarm has an explanation, the best by the strongest frame within the step. */
  checkExplained(alarmId: string): void {
    const own = this.#published.filter(({ alarm_id }) => alarm_id === alarmId)
    const lastAt = Math.max(...this.#frames.filter((frame) => frame.alarmId === alarmId).map(({ at }) => at))
    // Published scores are rounded.
    const best = Math.max(...own.map(({ probability }) => probability))
    expect(best + riseStep).toBeGreaterThan(this.#strongest(alarmId, lastAt) - 1e-3)
  }

  /** Explanations are published for alarms only; requests are for the strongest frame, and not too soon after a failure. */
  checkAsked(): void {
    for (const { alarm_id } of this.#published) expect(this.alarmIds()).toContain(alarm_id)
    for (const [i, { request, alarmId, under, failed }] of this.#asked.entries()) {
      expect(request.score).toBe(this.#strongest(alarmId, under))
      const next = this.#asked[i + 1]
      if (failed !== null && next?.alarmId === alarmId) expect(next.under - failed).toBeGreaterThanOrEqual(5000)
    }
  }

  /** The highest score of the episode up to `until`, by going back frame by frame from there. */
  #strongest(alarmId: string | null, until: number): number {
    const past = this.#frames.filter(({ at }) => at <= until)
    const first = alarmId === null ? past.length : past.findIndex((frame) => frame.alarmId === alarmId)
    let strongest = Math.max(0, ...past.slice(first).map(({ score }) => score))
    let lastAbove = past[Math.min(first, past.length - 1)]!.at
    for (let i = first - 1; i >= 0 && past[i]!.alarmId === null && lastAbove - past[i]!.at <= 5000; i--) {
      if (past[i]!.score < threshold) continue
      lastAbove = past[i]!.at
      strongest = Math.max(strongest, past[i]!.score)
    }
    return strongest
  }
}
