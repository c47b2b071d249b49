import { randomUUID } from 'node:crypto'
import {
  type EndReason,
  type FaceCondition,
  faceConditions,
  hasUpdates,
  type TechnicalCondition
} from '../../contract/conditions.js'
import type { Acknowledgement, AlarmMessage, AlarmSubject } from '../../contract/messages.js'
import type { Moment } from '../../core/clock.js'
import { InputError, type Problem } from '../../core/errors.js'
import type { Box, CameraState } from '../../core/types.js'
import { AlarmRecord, endOf, follow, held, newTrack, predecessor, type TrackState } from './record.js'
import type { AlarmOptions, AlarmOutput, AlarmRules, Alarms, Observation } from './types.js'

export { endAfterRestart } from './record.js'
export type { AlarmOptions, AlarmOutput, AlarmRules, Alarms, Observation } from './types.js'

/** A rise that subscribers should hear of before the next regular update. */
const riseStep = 0.1
/** A camera may be lost for days: its alarm needs no update each few seconds. */
const technicalUpdateS = 60

const nowhere = { ward: null, room: null, bed: null }

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
  readonly #tracks = new Map<string, TrackState>()
  readonly #technical = new Map<string, AlarmRecord>()
  readonly #cameraStates = new Map<string, CameraState>()
  #stopped = false

  constructor(options: AlarmOptions) {
    this.#options = options
    this.#rules = options.rules
    this.#newId = options.newId ?? randomUUID
    this.#limit = new TokenBucket(this.#rules.updatesPerS)
  }

  observe({ camera, track: id, at, score, box }: Observation): AlarmOutput {
    const state = this.#cameraStates.get(camera)
    if (this.#stopped || (state && cameraStates[state].hides)) {
      return { smoothed: score ?? Number.NaN, alarms: [], episode: null }
    }
    const key = trackKey(camera, id)
    const track = this.#track(key, camera, at, box ?? null)
    follow(track, this.#rules, at, score, box ?? null)
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
    const { ends, raises, keeps } = cameraStates[state]
    if (keeps) return []
    const alarms = ends === null ? [] : this.#endTracks(camera, ends, at)
    if (ends !== null) alarms.push(...this.#endFaces(camera, ends, at))
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
    const technical = watchedConditions.flatMap((one) => this.#endTechnical(one, camera, 'reconfigured', at))
    const faces = this.#endFaces(camera, 'reconfigured', at)
    return [...this.#endTracks(camera, 'reconfigured', at), ...faces, ...technical]
  }

  faces(condition: FaceCondition, camera: string, since: Moment | null, at: Moment): AlarmMessage[] {
    if (this.#stopped) return []
    if (since === null) return this.#endTechnical(condition, camera, 'cleared', at)
    const state = this.#cameraStates.get(camera)
    if (state && cameraStates[state].ends !== null) return []
    return this.#startTechnical(condition, camera, at, since, null)
  }

  technical(condition: TechnicalCondition, problem: Problem | null, at: Moment, onset = at): AlarmMessage[] {
    if (this.#stopped) return []
    if (problem === null) return this.#endTechnical(condition, null, 'cleared', at)
    return this.#startTechnical(condition, null, at, onset, problem)
  }

  ack(alarmId: string, by: string, kind: Acknowledgement['kind'], at: Moment): AlarmMessage {
    for (const alarm of this.#activeRecords()) {
      if (alarm.alarmId !== alarmId) continue
      this.#takeTurn('command ack', at)
      return alarm.acknowledge(by, kind, at)
    }
    throw new InputError('PL-COMMAND-NO-ALARM', `no active alarm has the id ${JSON.stringify(alarmId)}`, 'command ack')
  }

  testAlarm(camera: string, at: Moment): AlarmMessage[] {
    if (!Object.hasOwn(this.#options.cameras, camera)) {
      throw new InputError(
        'PL-COMMAND-NO-CAMERA',
        `there is no camera ${JSON.stringify(camera)}`,
        'command test_alarm',
        { fix: `Name one of: ${Object.keys(this.#options.cameras).join(', ')}.` }
      )
    }
    this.#takeTurn('command test_alarm', at)
    const nothing = { type: 'technical', score: null, threshold: null, code: null } as const
    const alarm = this.#record({ ...nothing, condition: 'test', camera, test: true }, at, null)
    return [alarm.start(at), alarm.end(at, 'test')]
  }

  tick(now: Moment): AlarmMessage[] {
    const alarms: AlarmMessage[] = []
    for (const [key, track] of this.#tracks) {
      const reason = endOf(track, this.#rules, now)
      if (reason !== null) {
        this.#tracks.delete(key)
        if (track.alarm) alarms.push(track.alarm.end(now, reason))
      } else if (track.alarm && held(track.alarm.lastAt, now, this.#rules.updateS)) track.alarm.wanted = true
    }
    for (const alarm of this.#technical.values()) {
      if (hasUpdates(alarm.condition) && held(alarm.lastAt, now, technicalUpdateS)) alarm.wanted = true
    }
    return [...alarms, ...this.#wantedUpdates(now)]
  }

  active(at: Moment): AlarmMessage[] {
    for (const alarm of this.#activeRecords()) alarm.wanted = true
    return this.#wantedUpdates(at)
  }

  shutdown(at: Moment): AlarmMessage[] {
    this.#stopped = true
    const alarms = [...this.#activeRecords()].map((alarm) => alarm.end(at, 'stopped'))
    this.#tracks.clear()
    this.#technical.clear()
    return alarms
  }

  /** The track's state; a new track takes over that of the face which was at its place. */
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

  #step(track: TrackState): AlarmMessage[] {
    const { onsetThreshold, onsetS, clearS, updateS } = this.#rules
    const { alarm, lastSeen: now, smoothed } = track
    if (alarm === null) {
      if (!held(track.aboveSince, now, onsetS)) return []
      const { camera, aboveSince } = track
      const about = { camera, score: smoothed, threshold: onsetThreshold, code: null, test: false } as const
      track.alarm = this.#record({ type: 'physiological', condition: 'pain', ...about }, aboveSince ?? now, null)
      return [track.alarm.start(now)]
    }
    if (held(track.belowSince, now, clearS)) return [alarm.end(now, 'cleared', smoothed)]
    const risen = smoothed >= (alarm.lastScore ?? 0) + riseStep
    if (risen || held(alarm.lastAt, now, updateS)) alarm.wanted = true
    return alarm.wanted && this.#mayUpdate(alarm, now) ? [alarm.update(now, smoothed)] : []
  }

  #mayUpdate(alarm: AlarmRecord, now: Moment): boolean {
    return held(alarm.lastAt, now, this.#rules.updateMinS) && this.#limit.take(now)
  }

  /** The updates that are wanted, as far as the rate limit lets them now; who was silent longest comes first. */
  #wantedUpdates(now: Moment): AlarmMessage[] {
    const scores = new Map([...this.#tracks.values()].map((track) => [track.alarm, track.smoothed]))
    return [...this.#activeRecords()]
      .filter(({ wanted }) => wanted)
      .sort((a, b) => a.lastAt - b.lastAt)
      .filter((alarm) => this.#mayUpdate(alarm, now))
      .map((alarm) => alarm.update(now, scores.get(alarm)))
  }

  /** A message that a command asked for is not merged with others: beyond the rate limit the command fails. */
  #takeTurn(command: string, at: Moment): void {
    if (!this.#limit.take(at)) throw new InputError('PL-COMMAND-TOO-MANY', 'too many messages at once', command)
  }

  #endTracks(camera: string, reason: EndReason, at: Moment): AlarmMessage[] {
    const alarms: AlarmMessage[] = []
    for (const [key, track] of this.#tracks) {
      if (track.camera !== camera) continue
      this.#tracks.delete(key)
      if (track.alarm) alarms.push(track.alarm.end(at, reason))
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
    const raised = this.#record(about, onset, problem?.message ?? null)
    this.#technical.set(key, raised)
    return [raised.start(at)]
  }

  #endTechnical(condition: TechnicalCondition, camera: string | null, reason: EndReason, at: Moment): AlarmMessage[] {
    const key = technicalKey(condition, camera)
    const alarm = this.#technical.get(key)
    this.#technical.delete(key)
    return alarm ? [alarm.end(at, reason)] : []
  }

  #record(subject: AlarmSubject, onset: Moment, detail: string | null): AlarmRecord {
    const { cameras, facility, priorities, model, clock } = this.#options
    const { camera, condition } = subject
    const place = (camera !== null && Object.hasOwn(cameras, camera) && cameras[camera]) || nowhere
    const location = { facility, ward: place.ward, room: place.room, bed: place.bed }
    const facts = { alarmId: this.#newId(), priority: priorities[condition], location, onset, model, detail }
    return new AlarmRecord(subject, facts, clock)
  }

  *#activeRecords(): Iterable<AlarmRecord> {
    for (const track of this.#tracks.values()) if (track.alarm) yield track.alarm
    yield* this.#technical.values()
  }
}

function trackKey(camera: string, track: number): string {
  return `${track}@${camera}`
}

function technicalKey(condition: TechnicalCondition, camera: string | null): string {
  return `${condition}/${camera ?? ''}`
}

interface CameraStateRow {
  /** Why the alarms about people in this camera end with it, if they do. */
  ends: EndReason | null
  /** The technical alarm that it raises. */
  raises: TechnicalCondition | null
  /** Alarms stay as they are: it is neither better nor worse. */
  keeps?: true
  /** A face in such a picture is not there now, or is not to be looked at. */
  hides?: true
}

/** What a camera's state means for its alarms. */
const cameraStates: Record<CameraState, CameraStateRow> = {
  ok: { ends: null, raises: null },
  connecting: { ends: null, raises: null, keeps: true },
  lost: { ends: 'camera_lost', raises: 'camera_lost' },
  frozen: { ends: 'camera_frozen', raises: 'camera_frozen', hides: true },
  dark: { ends: 'camera_dark', raises: 'camera_dark' },
  paused: { ends: 'camera_paused', raises: null, hides: true }
}

/** The conditions that a camera's state raises. */
const watchedConditions: readonly TechnicalCondition[] = Object.values(cameraStates).flatMap(({ raises }) =>
  raises === null ? [] : [raises]
)

/** So many per second in the long run, and a second's worth (at least one) at once. */
export class TokenBucket {
  readonly #perS: number
  #tokens: number
  #at = Number.NEGATIVE_INFINITY

  constructor(perS: number) {
    this.#perS = perS
    this.#tokens = Math.max(1, perS)
  }

  /** @param at a moment of the clock; a time that runs backwards brings nothing. @returns whether there was one to take */
  take(at: Moment): boolean {
    const elapsedS = Math.max(0, at - this.#at) / 1000
    this.#at = Math.max(this.#at, at)
    this.#tokens = Math.min(Math.max(1, this.#perS), this.#tokens + elapsedS * this.#perS)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
