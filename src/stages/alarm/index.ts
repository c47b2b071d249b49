import { randomUUID } from 'node:crypto'
import {
  type EndReason,
  type FaceCondition,
  faceConditions,
  type TechnicalCondition
} from '../../contract/conditions.js'
import type { Acknowledgement, AcknowledgementMessage, AlarmMessage, AlarmSubject } from '../../contract/messages.js'
import { later, type Moment, stamp } from '../../core/clock.js'
import { InputError, type Problem } from '../../core/errors.js'
import type { Box, CameraState } from '../../core/types.js'
import { setAsideIfAnother } from './another.js'
import { correct, isOverdue, questionOf } from './confirmation.js'
import { isRepetition, PastAlarms, refuseMany } from './past.js'
import { type AlarmFacts, AlarmRecord, cameraLocation, commandLimits, TokenBucket } from './record.js'
import { TechnicalAlarms } from './technical.js'
import {
  EndedAlarms,
  endOf,
  follow,
  hasOnset,
  held,
  isCleared,
  isOpen,
  isScore,
  newTrack,
  predecessor,
  referenceOf,
  type TrackState,
  takeOver,
  trackKey
} from './track.js'
import {
  type Acknowledged,
  type AlarmOptions,
  type AlarmOutput,
  type AlarmRules,
  type Alarms,
  cameraStateRows,
  type Float32Question,
  type Observation,
  type TestAlarmOptions,
  watchedConditions
} from './types.js'

export { endAfterRestart } from './record.js'
export { isNotable } from './track.js'
export type {
  Acknowledged,
  AlarmOptions,
  AlarmOutput,
  AlarmRules,
  Alarms,
  Float32Question,
  Observation
} from './types.js'
export { longestPaceMs } from './types.js'

/** A rise that subscribers should hear of before the next regular update. */
const riseStep = 0.1

/**
 * The alarm stage: one state machine with hysteresis per track, and one alarm per technical condition. Pure: it has no
 * timer, driven by `observe` and `tick`, and answers with what is to be published.
 */
export function createAlarms(options: AlarmOptions): Alarms {
  return new AlarmStage(options)
}

class AlarmStage implements Alarms {
  readonly #options: AlarmOptions
  readonly #rules: AlarmRules
  readonly #newId: () => string
  readonly #limit: TokenBucket
  readonly #testLimit = new TokenBucket(...commandLimits.testAlarms)
  readonly #refreshLimit = new TokenBucket(...commandLimits.refreshes)
  readonly #tracks = new Map<string, TrackState>()
  readonly #technical: TechnicalAlarms
  /** Test alarms, and when each ends. */
  readonly #tests = new Map<AlarmRecord, Moment>()
  readonly #cameraStates = new Map<string, CameraState>()
  readonly #ended = new EndedAlarms()
  readonly #past: PastAlarms
  /** Since when a camera has been in a state that counts only once it has lasted. */
  readonly #lasting = new Map<string, Moment>()
  #stopped = false

  constructor(options: AlarmOptions) {
    this.#options = options
    this.#rules = options.rules
    this.#newId = options.newId ?? randomUUID
    this.#past = new PastAlarms(options.clock)
    this.#limit = new TokenBucket(this.#rules.updatesPerS)
    this.#technical = new TechnicalAlarms({
      record: (...facts) => this.#record(...facts),
      end: (...ending) => this.#end(...ending)
    })
  }

  observe({ camera, track: id, at, score, unreferenced, box, precision = 'float32' }: Observation): AlarmOutput {
    const state = this.#cameraStates.get(camera)
    if (this.#stopped || (state && cameraStateRows[state].hides)) {
      return { smoothed: score ?? Number.NaN, alarms: [], episode: null, question: null }
    }
    const key = trackKey(camera, id)
    const seen = { at, score, box: box ?? null }
    setAsideIfAnother(this.#tracks, key, this.#rules, seen)
    const track = this.#track(key, camera, at, seen.box)
    follow(track, this.#rules, at, score, seen.box, unreferenced)
    if (track.alarm === null) takeOver(this.#tracks, key, this.#rules, seen)
    const isExact = precision === 'float32' && isScore(score)
    const alarms = this.#step(track, isExact)
    const question = isExact || !isScore(score) ? null : questionOf(track, this.#rules, score, unreferenced)
    const alarm = track.alarm
    const episode = alarm === null ? null : { alarmId: alarm.alarmId, active: !alarm.ended }
    if (alarm?.ended) track.alarm = null
    return { smoothed: track.smoothed, alarms, episode, question }
  }

  answer(question: Float32Question, score: number | null, unreferenced?: number): AlarmMessage[] {
    const track = [...this.#tracks.values()].find((each) => each.question === question)
    return track ? this.#settle(track, score, unreferenced) : []
  }

  trackLost(camera: string, track: number): void {
    const known = this.#tracks.get(trackKey(camera, track))
    if (known) known.lost = true
  }

  cameraState(camera: string, state: CameraState, at: Moment): AlarmMessage[] {
    if (this.#stopped) return []
    this.#cameraStates.set(camera, state)
    const { keeps, afterS } = cameraStateRows[state]
    if (keeps) return []
    if (afterS !== undefined) {
      if (!this.#lasting.has(camera)) this.#lasting.set(camera, at)
      return []
    }
    this.#lasting.delete(camera)
    return this.#enter(camera, state, at)
  }

  #enter(camera: string, state: CameraState, at: Moment): AlarmMessage[] {
    const { ends, raises, afterS } = cameraStateRows[state]
    const alarms = ends === null ? [] : this.#endTracks(camera, ends, at)
    // Of a state that counts late, the health part takes no notice: what it has raised it ends itself.
    if (ends !== null && afterS === undefined) alarms.push(...this.#endFaces(camera, ends, at))
    // What gives way to another trouble, or to a pause, is not known to be over.
    for (const condition of watchedConditions) {
      if (condition !== raises) alarms.push(...this.#technical.end(condition, camera, ends ?? 'cleared', at))
    }
    if (raises !== null) alarms.push(...this.#technical.start(raises, camera, at, at, null))
    return alarms
  }

  cameraGone(camera: string, at: Moment): AlarmMessage[] {
    if (this.#stopped) return []
    this.#cameraStates.delete(camera)
    this.#lasting.delete(camera)
    const technical = watchedConditions.flatMap((one) => this.#technical.end(one, camera, 'reconfigured', at))
    const faces = this.#endFaces(camera, 'reconfigured', at)
    return [...this.#endTracks(camera, 'reconfigured', at), ...faces, ...technical]
  }

  faces(condition: FaceCondition, camera: string, since: Moment | null, at: Moment): AlarmMessage[] {
    if (this.#stopped) return []
    if (since === null) return this.#technical.end(condition, camera, 'cleared', at)
    const state = this.#cameraStates.get(camera)
    if (state && cameraStateRows[state].ends !== null) return []
    return this.#technical.start(condition, camera, at, since, null)
  }

  technical(condition: TechnicalCondition, problem: Problem | null, at: Moment, onset = at): AlarmMessage[] {
    if (this.#stopped) return []
    if (problem === null) return this.#technical.end(condition, null, 'cleared', at)
    return this.#technical.start(condition, null, at, onset, problem)
  }

  ack(alarmId: string, by: string, kind: Acknowledgement['kind'], at: Moment): Acknowledged {
    const given = { by, at: stamp(this.#options.clock, at), kind }
    const takeTurn = () => this.#limit.takeFor('command ack', at)
    const alarm = this.#active(alarmId)
    if (!alarm) return { alarms: [], acknowledgement: this.#past.acknowledge(alarmId, given, at, takeTurn) }
    if (isRepetition(given, alarm.acknowledgement)) return { alarms: [], acknowledgement: null }
    refuseMany(alarm.acknowledgements)
    takeTurn()
    const acknowledgement = { alarm_id: alarmId, ...given, after_end: false }
    return { alarms: [alarm.acknowledge(given, at)], acknowledgement }
  }

  hasOpenPain(camera: string): boolean {
    return [...this.#tracks.values()].some((track) => track.camera === camera && isOpen(track))
  }

  knows(alarmId: string, now: Moment): boolean {
    return this.#active(alarmId) !== undefined || this.#past.has(alarmId, now)
  }

  recall(told: AlarmMessage | AcknowledgementMessage): void {
    this.#past.recall(told)
  }

  testAlarm(camera: string, at: Moment, { seconds = 30, priority }: TestAlarmOptions = {}): AlarmMessage[] {
    if (!Object.hasOwn(this.#options.cameras, camera)) {
      const what = 'there is no camera of that name'
      const fix = `Name one of: ${Object.keys(this.#options.cameras).join(', ')}.`
      throw new InputError('PL-COMMAND-NO-CAMERA', what, 'command test_alarm', { fix })
    }
    this.#limit.takeFor('command test_alarm', at)
    this.#testLimit.takeFor('command test_alarm', at, 0)
    const nothing = { type: 'technical', score: null, threshold: null, code: null, confirmed: null } as const
    const alarm = this.#record({ ...nothing, condition: 'test', camera, test: true }, at, priority && { priority })
    this.#tests.set(alarm, later(at, seconds * 1000))
    return [alarm.start(at)]
  }

  tick(now: Moment): AlarmMessage[] {
    const alarms = this.#lasted(now)
    for (const [key, track] of this.#tracks) {
      if (isOverdue(track, now)) alarms.push(...this.#settle(track, null))
      const reason = endOf(track, this.#rules, now)
      if (reason !== null) {
        this.#tracks.delete(key)
        alarms.push(...this.#settle(track, null), ...this.#endPain(track, this.#whyLost(track.camera, reason), now))
      } else if (track.alarm) {
        if (held(track.alarm.lastAt, now, this.#rules.updateS)) track.alarm.wanted = true
        if (this.#rules.remindS !== null) track.alarm.remindAfter(this.#rules.remindS, now)
      }
    }
    this.#ended.forget(now)
    for (const [alarm, endsAt] of this.#tests) {
      if (now < endsAt) continue
      this.#tests.delete(alarm)
      alarms.push(this.#end(alarm, now, 'test'))
    }
    this.#technical.tick(now)
    return [...alarms, ...this.#wantedUpdates(now)]
  }

  /** What the states of cameras mean that have lasted long enough by now. */
  #lasted(now: Moment): AlarmMessage[] {
    const alarms: AlarmMessage[] = []
    for (const [camera, since] of this.#lasting) {
      const state = this.#cameraStates.get(camera)
      const afterS = state && cameraStateRows[state].afterS
      if (!state || afterS === undefined || !held(since, now, afterS)) continue
      this.#lasting.delete(camera)
      alarms.push(...this.#enter(camera, state, now))
    }
    return alarms
  }

  /** A face that is out of sight in a picture of which little can be seen has not left it. */
  #whyLost(camera: string, reason: EndReason): EndReason {
    const state = this.#cameraStates.get(camera)
    const { ends = null, afterS } = state ? cameraStateRows[state] : {}
    return (afterS !== undefined && ends) || reason
  }

  active(at: Moment): AlarmMessage[] {
    const sign = this.#refreshLimit.take(at) ? 'wanted' : 'asked'
    for (const alarm of this.#activeRecords()) alarm[sign] = true
    return this.#wantedUpdates(at)
  }

  shutdown(at: Moment): AlarmMessage[] {
    const alarms = [...this.#tracks.values()].flatMap((track) => this.#settle(track, null))
    this.#stopped = true
    for (const alarm of this.#activeRecords()) alarms.push(this.#end(alarm, at, 'stopped'))
    this.#tracks.clear()
    this.#technical.clear()
    this.#tests.clear()
    return alarms
  }

  /** The track's state; a new track goes on from that of the face which was at its place. */
  #track(key: string, camera: string, at: Moment, box: Box | null): TrackState {
    const known = this.#tracks.get(key)
    const track = known ?? newTrack(camera, at)
    if (track.alarm === null && box !== null) {
      const before = predecessor(this.#tracks, { ...track, box }, at, this.#rules)
      if (before) {
        this.#tracks.delete(before[0])
        this.#tracks.set(key, before[1])
        before[1].question ??= track.question
        return before[1]
      }
    }
    this.#tracks.set(key, track)
    return track
  }

  /** @param isExact the track's last score is of float32: no alarm starts with another one */
  #step(track: TrackState, isExact: boolean): AlarmMessage[] {
    const { alarm, above, lastSeen: now, smoothed } = track
    if (alarm === null) {
      if (!isExact || above === null || !hasOnset(track, this.#rules)) return []
      return [this.#startPain(track, now, { smoothed, onset: above.since, confirmed: true })]
    }
    if (isCleared(track, this.#rules)) return this.#endPain(track, 'cleared', now, smoothed)
    alarm.reference = referenceOf(track, this.#rules)
    if (isExact && above !== null) alarm.confirm()
    const risen = smoothed >= (alarm.lastScore ?? 0) + riseStep
    if (risen || held(alarm.lastAt, now, this.#rules.updateS)) alarm.wanted = true
    return alarm.wanted && this.#mayUpdate(alarm, now) ? [alarm.update(now, smoothed)] : []
  }

  /**
   * What float32 has said, or with null that it says nothing in time: then the alarm starts unconfirmed. It starts with the frame that
   * the question was about, as without a question, so that the time from there to the broker counts what float32 took.
   */
  #settle(track: TrackState, score: number | null, own = score ?? 0): AlarmMessage[] {
    const { question } = track
    if (question === null) return []
    track.question = null
    const smoothed = score === null ? question.smoothed.smoothed : correct(track, this.#rules, question, score, own)
    const isConfirmed = score !== null && smoothed >= this.#rules.onsetThreshold
    if (isConfirmed) track.alarm?.confirm()
    const starts = track.alarm === null && (isConfirmed || score === null)
    const start = { smoothed, onset: question.onset, confirmed: isConfirmed }
    return starts ? [this.#startPain(track, question.at, start)] : []
  }

  #startPain(
    track: TrackState,
    at: Moment,
    { smoothed, onset, confirmed }: { smoothed: number; onset: Moment; confirmed: boolean }
  ): AlarmMessage {
    const { camera } = track
    track.question = null
    const before = this.#ended.at(track, at)
    track.patience = before?.patience ?? 1
    const threshold = this.#rules.onsetThreshold
    const about = { camera, score: smoothed, threshold, code: null, test: false, confirmed } as const
    const subject = { type: 'physiological', condition: 'pain', ...about } as const
    const reference = referenceOf(track, this.#rules)
    track.alarm = this.#record(subject, onset, { previous: before?.alarmId ?? null, reference })
    return track.alarm.start(at)
  }

  /** @param score the one in the last message unless given */
  #endPain(track: TrackState, reason: EndReason, at: Moment, score?: number): AlarmMessage[] {
    if (track.alarm === null) return []
    track.question = null
    this.#ended.add(track, track.alarm.alarmId, at)
    return [this.#end(track.alarm, at, reason, score)]
  }

  #end(alarm: AlarmRecord, at: Moment, reason: EndReason, score?: number): AlarmMessage {
    this.#past.ended(alarm.alarmId, at, alarm.acknowledgement)
    return alarm.end(at, reason, score)
  }

  #mayUpdate(alarm: AlarmRecord, now: Moment): boolean {
    return held(alarm.lastAt, now, this.#rules.updateMinS) && this.#limit.take(now)
  }

  /** The updates that are wanted, as far as the rate limit lets them now; those that were silent longest come first. */
  #wantedUpdates(now: Moment): AlarmMessage[] {
    const scores = new Map([...this.#tracks.values()].map((track) => [track.alarm, track.smoothed]))
    return [...this.#activeRecords()]
      .filter(({ wanted, asked, lastAt }) => wanted || (asked && held(lastAt, now, commandLimits.silentS)))
      .sort((a, b) => a.lastAt - b.lastAt)
      .filter((alarm) => this.#mayUpdate(alarm, now))
      .map((alarm) => alarm.update(now, scores.get(alarm)))
  }

  #endTracks(camera: string, reason: EndReason, at: Moment): AlarmMessage[] {
    const alarms: AlarmMessage[] = []
    for (const [key, track] of this.#tracks) {
      if (track.camera !== camera) continue
      this.#tracks.delete(key)
      alarms.push(...this.#settle(track, null), ...this.#endPain(track, reason, at))
    }
    return alarms
  }

  #endFaces(camera: string, reason: EndReason, at: Moment): AlarmMessage[] {
    return faceConditions.flatMap((condition) => this.#technical.end(condition, camera, reason, at))
  }

  #record(subject: AlarmSubject, onset: Moment, more: Partial<AlarmFacts> = {}): AlarmRecord {
    const { cameras, facility, priorities, model, clock } = this.#options
    const { camera, condition } = subject
    const location = cameraLocation(camera, cameras, facility)
    const facts = { alarmId: this.#newId(), priority: priorities[condition], location, onset, model, ...more }
    return new AlarmRecord(subject, facts, clock)
  }

  #active(alarmId: string): AlarmRecord | undefined {
    return [...this.#activeRecords()].find((alarm) => alarm.alarmId === alarmId)
  }

  *#activeRecords(): Iterable<AlarmRecord> {
    for (const track of this.#tracks.values()) if (track.alarm) yield track.alarm
    yield* this.#technical.records()
    yield* this.#tests.keys()
  }
}
