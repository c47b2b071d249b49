import { randomUUID } from 'node:crypto'
import {
  type EndReason,
  type FaceCondition,
  faceConditions,
  hasUpdates,
  type TechnicalCondition
} from '../../contract/conditions.js'
import type { Acknowledgement, AcknowledgementMessage, AlarmMessage, AlarmSubject } from '../../contract/messages.js'
import { later, type Moment, stamp } from '../../core/clock.js'
import { InputError, type Problem } from '../../core/errors.js'
import type { Box, CameraState } from '../../core/types.js'
import { PastAlarms, refuseMany } from './past.js'
import { type AlarmFacts, AlarmRecord, commandLimits, placeOf, TokenBucket } from './record.js'
import {
  EndedAlarms,
  endOf,
  follow,
  handOver,
  hasOnset,
  held,
  isCleared,
  isInThePlaceOf,
  isScore,
  mayBeAnother,
  newTrack,
  predecessor,
  referenceOf,
  showsThePainOf,
  type TrackState,
  technicalKey,
  trackKey
} from './track.js'
import {
  type Acknowledged,
  type AlarmOptions,
  type AlarmOutput,
  type AlarmRules,
  type Alarms,
  cameraStates,
  type Observation,
  type TestAlarmOptions,
  watchedConditions
} from './types.js'

export { endAfterRestart } from './record.js'
export type { Acknowledged, AlarmOptions, AlarmOutput, AlarmRules, Alarms, Observation } from './types.js'

/** A rise that subscribers should hear of before the next regular update. */
const riseStep = 0.1
/** A camera may be lost for days: its alarm needs no update each few seconds. */
const technicalUpdateS = 60

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
  readonly #technical = new Map<string, AlarmRecord>()
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
  }

  observe({ camera, track: id, at, score, unreferenced, box }: Observation): AlarmOutput {
    const state = this.#cameraStates.get(camera)
    if (this.#stopped || (state && cameraStates[state].hides)) {
      return { smoothed: score ?? Number.NaN, alarms: [], episode: null }
    }
    const key = trackKey(camera, id)
    this.#setAsideIfAnother(key, at, score, box ?? null)
    const track = this.#track(key, camera, at, box ?? null)
    follow(track, this.#rules, at, score, box ?? null, unreferenced)
    if (track.alarm === null) this.#takeOver(key, at, score)
    const alarms = this.#step(track)
    const alarm = track.alarm
    const episode = alarm === null ? null : { alarmId: alarm.alarmId, active: !alarm.ended }
    if (alarm?.ended) track.alarm = null
    return { smoothed: track.smoothed, alarms, episode }
  }

  trackLost(camera: string, track: number): void {
    const known = this.#tracks.get(trackKey(camera, track))
    if (known) known.lost = true
  }

  cameraState(camera: string, state: CameraState, at: Moment): AlarmMessage[] {
    if (this.#stopped) return []
    this.#cameraStates.set(camera, state)
    const { keeps, afterS } = cameraStates[state]
    if (keeps) return []
    if (afterS !== undefined) {
      if (!this.#lasting.has(camera)) this.#lasting.set(camera, at)
      return []
    }
    this.#lasting.delete(camera)
    return this.#enter(camera, state, at)
  }

  #enter(camera: string, state: CameraState, at: Moment): AlarmMessage[] {
    const { ends, raises, afterS } = cameraStates[state]
    const alarms = ends === null ? [] : this.#endTracks(camera, ends, at)
    // Of a state that counts late, the health part takes no notice: what it has raised it ends itself.
    if (ends !== null && afterS === undefined) alarms.push(...this.#endFaces(camera, ends, at))
    // What gives way to another trouble, or to a pause, is not known to be over.
    for (const condition of watchedConditions) {
      if (condition !== raises) alarms.push(...this.#endTechnical(condition, camera, ends ?? 'cleared', at))
    }
    if (raises !== null) alarms.push(...this.#startTechnical(raises, camera, at, at, null))
    return alarms
  }

  cameraGone(camera: string, at: Moment): AlarmMessage[] {
    if (this.#stopped) return []
    this.#cameraStates.delete(camera)
    this.#lasting.delete(camera)
    const over = [camera, 'reconfigured', at] as const
    const technical = watchedConditions.flatMap((one) => this.#endTechnical(one, ...over))
    return [...this.#endTracks(...over), ...this.#endFaces(...over), ...technical]
  }

  faces(condition: FaceCondition, camera: string, since: Moment | null, at: Moment): AlarmMessage[] {
    if (this.#stopped) return []
    if (since === null) return this.#endTechnical(condition, camera, 'cleared', at)
    if (cameraStates[this.#cameraStates.get(camera) ?? 'ok'].ends !== null) return []
    return this.#startTechnical(condition, camera, at, since, null)
  }

  technical(condition: TechnicalCondition, problem: Problem | null, at: Moment, onset = at): AlarmMessage[] {
    if (this.#stopped) return []
    if (problem === null) return this.#endTechnical(condition, null, 'cleared', at)
    return this.#startTechnical(condition, null, at, onset, problem)
  }

  ack(alarmId: string, by: string, kind: Acknowledgement['kind'], at: Moment): Acknowledged {
    const given = { by, at: stamp(this.#options.clock, at), kind }
    const takeTurn = () => this.#limit.takeFor('command ack', at)
    const alarm = this.#active(alarmId)
    if (!alarm) return { alarms: [], acknowledgement: this.#past.acknowledge(alarmId, given, at, takeTurn) }
    refuseMany(alarm.acknowledgements)
    takeTurn()
    const acknowledgement = { alarm_id: alarmId, ...given, after_end: false }
    return { alarms: [alarm.acknowledge(given, at)], acknowledgement }
  }

  knows(alarmId: string, now: Moment): boolean {
    return this.#active(alarmId) !== undefined || this.#past.has(alarmId, now)
  }

  recall(told: AlarmMessage | AcknowledgementMessage): void {
    this.#past.recall(told)
  }

  testAlarm(camera: string, at: Moment, { seconds = 30, priority }: TestAlarmOptions = {}): AlarmMessage[] {
    if (!Object.hasOwn(this.#options.cameras, camera)) {
      throw new InputError(
        'PL-COMMAND-NO-CAMERA',
        `there is no camera ${JSON.stringify(camera)}`,
        'command test_alarm',
        { fix: `Name one of: ${Object.keys(this.#options.cameras).join(', ')}.` }
      )
    }
    this.#limit.takeFor('command test_alarm', at)
    this.#testLimit.takeFor('command test_alarm', at, 0)
    const nothing = { type: 'technical', score: null, threshold: null, code: null } as const
    const alarm = this.#record({ ...nothing, condition: 'test', camera, test: true }, at, priority && { priority })
    this.#tests.set(alarm, later(at, seconds * 1000))
    return [alarm.start(at)]
  }

  tick(now: Moment): AlarmMessage[] {
    const alarms = this.#lasted(now)
    for (const [key, track] of this.#tracks) {
      const reason = endOf(track, this.#rules, now)
      if (reason !== null) {
        this.#tracks.delete(key)
        alarms.push(...this.#endPain(track, this.#whyLost(track.camera, reason), now))
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
    for (const alarm of this.#technical.values()) {
      if (hasUpdates(alarm.condition) && held(alarm.lastAt, now, technicalUpdateS)) alarm.wanted = true
    }
    return [...alarms, ...this.#wantedUpdates(now)]
  }

  /** What the states of cameras mean that have lasted long enough by now. */
  #lasted(now: Moment): AlarmMessage[] {
    const alarms: AlarmMessage[] = []
    for (const [camera, since] of this.#lasting) {
      const state = this.#cameraStates.get(camera)
      const afterS = state && cameraStates[state].afterS
      if (!state || afterS === undefined || !held(since, now, afterS)) continue
      this.#lasting.delete(camera)
      alarms.push(...this.#enter(camera, state, now))
    }
    return alarms
  }

  /** A face that is out of sight in a picture of which little can be seen has not left it. */
  #whyLost(camera: string, reason: EndReason): EndReason {
    const state = this.#cameraStates.get(camera)
    const { ends = null, afterS } = state ? cameraStates[state] : {}
    return (afterS !== undefined && ends) || reason
  }

  active(at: Moment): AlarmMessage[] {
    const sign = this.#refreshLimit.take(at) ? 'wanted' : 'asked'
    for (const alarm of this.#activeRecords()) alarm[sign] = true
    return this.#wantedUpdates(at)
  }

  shutdown(at: Moment): AlarmMessage[] {
    this.#stopped = true
    const alarms = [...this.#activeRecords()].map((alarm) => this.#end(alarm, at, 'stopped'))
    for (const ended of [this.#tracks, this.#technical, this.#tests]) ended.clear()
    return alarms
  }

  /** A person in pain who was out of sight, and may be another one by now, is waited for under a name of its own. */
  #setAsideIfAnother(key: string, at: Moment, score: number | null, box: Box | null): void {
    const track = this.#tracks.get(key)
    if (!track?.alarm || !isScore(score) || !mayBeAnother(track, this.#rules, { at, score, box })) return
    this.#tracks.delete(key)
    this.#tracks.set(`${key} ${track.alarm.alarmId}`, { ...track, lost: true, isDoubtful: true, heir: key })
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
        return before[1]
      }
    }
    this.#tracks.set(key, track)
    return track
  }

  /**
   * An alarm goes on with a track that shows pain at its place. A face that shows none there casts doubt on who it is; one of
   * which that cannot be said, or not yet, holds the alarm.
   */
  #takeOver(key: string, at: Moment, score: number | null): void {
    const track = this.#tracks.get(key)!
    for (const [otherKey, other] of this.#tracks) {
      if (other.alarm === null) continue
      if (showsThePainOf(track, other, this.#rules, { at, isHeir: other.heir === key })) {
        handOver(other, track)
        if (other.lost) this.#tracks.delete(otherKey)
        return
      }
      if (!isInThePlaceOf(track, other, at)) continue
      const isOpen = isScore(score) ? score > this.#rules.clearThreshold : Number.isNaN(track.smoothed)
      if (isOpen) other.heldAt = at
      else if (isScore(score)) other.isDoubtful = true
    }
  }

  #step(track: TrackState): AlarmMessage[] {
    const { alarm, above, lastSeen: now, smoothed } = track
    if (alarm === null) {
      if (above === null || !hasOnset(track, this.#rules)) return []
      track.alarm = this.#startPain(track, above.since)
      return [track.alarm.start(now)]
    }
    if (isCleared(track, this.#rules)) return this.#endPain(track, 'cleared', now, smoothed)
    alarm.reference = referenceOf(track, this.#rules)
    const risen = smoothed >= (alarm.lastScore ?? 0) + riseStep
    if (risen || held(alarm.lastAt, now, this.#rules.updateS)) alarm.wanted = true
    return alarm.wanted && this.#mayUpdate(alarm, now) ? [alarm.update(now, smoothed)] : []
  }

  #startPain(track: TrackState, onset: Moment): AlarmRecord {
    const { camera, smoothed: score, lastSeen } = track
    const before = this.#ended.at(track, lastSeen)
    track.patience = before?.patience ?? 1
    const about = { camera, score, threshold: this.#rules.onsetThreshold, code: null, test: false } as const
    const subject = { type: 'physiological', condition: 'pain', ...about } as const
    const reference = referenceOf(track, this.#rules)
    return this.#record(subject, onset, { previous: before?.alarmId ?? null, reference })
  }

  /** @param score the one in the last message unless given */
  #endPain(track: TrackState, reason: EndReason, at: Moment, score?: number): AlarmMessage[] {
    if (track.alarm === null) return []
    this.#ended.add(track, track.alarm.alarmId, at)
    return [this.#end(track.alarm, at, reason, score)]
  }

  #end(alarm: AlarmRecord, at: Moment, reason: EndReason, score?: number): AlarmMessage {
    this.#past.ended(alarm.alarmId, at)
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
      alarms.push(...this.#endPain(track, reason, at))
    }
    return alarms
  }

  #endFaces(camera: string, reason: EndReason, at: Moment): AlarmMessage[] {
    return faceConditions.flatMap((condition) => this.#endTechnical(condition, camera, reason, at))
  }

  #startTechnical(
    condition: TechnicalCondition,
    camera: string | null,
    at: Moment,
    onset: Moment,
    problem: Problem | null
  ) {
    const key = technicalKey(condition, camera)
    if (this.#technical.has(key)) return []
    const unscored = { type: 'technical', score: null, threshold: null, test: false } as const
    const about = { ...unscored, condition, camera, code: problem?.code ?? null }
    const raised = this.#record(about, onset, { detail: problem?.message ?? null })
    this.#technical.set(key, raised)
    return [raised.start(at)]
  }

  #endTechnical(condition: TechnicalCondition, camera: string | null, reason: EndReason, at: Moment): AlarmMessage[] {
    const key = technicalKey(condition, camera)
    const alarm = this.#technical.get(key)
    this.#technical.delete(key)
    return alarm ? [this.#end(alarm, at, reason)] : []
  }

  #record(subject: AlarmSubject, onset: Moment, more: Partial<AlarmFacts> = {}): AlarmRecord {
    const { cameras, facility, priorities, model, clock } = this.#options
    const { camera, condition } = subject
    const location = placeOf(camera, cameras, facility)
    const facts = { alarmId: this.#newId(), priority: priorities[condition], location, onset, model, ...more }
    return new AlarmRecord(subject, facts, clock)
  }

  #active(alarmId: string): AlarmRecord | undefined {
    return [...this.#activeRecords()].find((alarm) => alarm.alarmId === alarmId)
  }

  *#activeRecords(): Iterable<AlarmRecord> {
    for (const track of this.#tracks.values()) if (track.alarm) yield track.alarm
    yield* this.#technical.values()
    yield* this.#tests.keys()
  }
}
