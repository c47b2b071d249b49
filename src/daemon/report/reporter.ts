/** Hands the stages' results to subscribers: alarms, observations, camera states, explanations. */
import type { CameraConfig } from '../../config/index.js'
import type { FaceCondition, TechnicalCondition } from '../../contract/conditions.js'
import type { AlarmMessage, ObservationMessage } from '../../contract/messages.js'
import { type Clock, type Moment, stamp } from '../../core/clock.js'
import { errorFields, type Problem } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { frameId, traced } from '../../core/trace.js'
import type { Box, CameraState, Face, Sighting, Verdict } from '../../core/types.js'
import { type Acknowledged, type Alarms, type Float32Question, isNotable } from '../../stages/alarm/index.js'
import type { AlarmLog } from '../../stages/alarm-log/index.js'
import type { Classifier } from '../../stages/classify/index.js'
import type { ExplainedAlarms } from '../../stages/explain/index.js'
import type { Mqtt } from '../../stages/mqtt/index.js'
import type { Referenced, References } from '../../stages/reference/index.js'
import type { JudgedFrame } from '../line/camera-line.js'
import { PainStates } from './pain-states.js'

/** Callbacks for metrics. */
export interface Measured {
  /** A frame's results have been handed over. @param ms since its capture */
  frame(ms: number): void
  /** An alarm message is on its way. */
  alarm(condition: string, phase: string): void
}

export interface ReporterOptions {
  alarms: Alarms
  mqtt: Pick<
    Mqtt,
    'putAlarmInOutbox' | 'putAcknowledgementInOutbox' | 'observation' | 'cameraState' | 'cameraPain' | 'refresh'
  >
  alarmLog: Pick<AlarmLog, 'append'>
  /** Asked before an alarm goes out by the scores of a quicker model. */
  float32: Pick<Classifier, 'confirm'>
  /** Null where alarms do not go by resting faces. */
  references: Pick<References, 'judge' | 'scoreOf' | 'interrupted' | 'tick'> | null
  explanations: Pick<ExplainedAlarms, 'consider' | 'forget' | 'forgetCamera' | 'alarmEnded'> | null
  measured: Measured
  log: Log
  clock: Clock
}

/** Whether the faces seen before are still tracked. */
const watches: Record<CameraState, boolean> = {
  ok: true,
  connecting: true,
  lost: false,
  frozen: false,
  dark: false,
  damaged: true,
  paused: false
}

export type TellTrouble = (condition: TechnicalCondition, problem: Problem | null, about?: TroubleDetails) => void

export interface TroubleDetails {
  /** When it began, a moment of the clock. */
  since?: Moment
  /** Where several parts may have the same trouble: which one tells. It is over when none has it any more. */
  source?: string
}

/**
 * Passes technical conditions from the parts to the reporter. Conditions reported during the start are kept until there
 * is a reporter.
 */
export class Troubles {
  readonly #early = new Map<TechnicalCondition, Parameters<TellTrouble>>()
  #listener: TellTrouble | null = null
  /** By condition: what each source has told last, where that is a problem. */
  readonly #problems = new Map<TechnicalCondition, Map<string, Problem>>()

  /** A condition has begun or, with null, ended; may repeat the same. */
  readonly tell: TellTrouble = (condition, told, about = {}) => {
    const { source = '' } = about
    const problems = this.#problems.get(condition) ?? new Map<string, Problem>()
    this.#problems.set(condition, problems)
    if (told) problems.set(source, told)
    else problems.delete(source)
    const [problem = null] = problems.values()
    const trouble = [condition, problem, about] as const
    if (this.#listener) this.#listener(...trouble)
    else this.#early.set(condition, [...trouble])
  }

  /** Sets the only listener, and passes it the earlier conditions. */
  subscribe(listener: TellTrouble): void {
    this.#listener = listener
    for (const trouble of this.#early.values()) listener(...trouble)
    this.#early.clear()
  }
}

export class Reporter {
  readonly #options: ReporterOptions
  readonly #pain: PainStates
  /** Ids of those that have started and not ended. */
  readonly #active = new Set<string>()

  constructor(options: ReporterOptions) {
    this.#options = options
    const { mqtt, clock } = options
    this.#pain = new PainStates({ publish: (camera, pain) => mqtt.cameraPain(camera, pain), clock })
  }

  /** How many alarms are active, tests among them. */
  get activeAlarms(): number {
    return this.#active.size
  }

  judged({ sighting, verdicts }: JudgedFrame, camera: CameraConfig): void {
    const { alarms, references, explanations, measured, clock } = this.#options
    const held = references?.judge({ sighting, verdicts })
    verdicts.forEach((verdict, i) => {
      const { score } = verdict
      this.#verdict(verdict, held?.[i] ?? { score, unreferenced: score }, sighting.picture, camera)
    })
    for (const face of sighting.faces) if (face.whyNot !== null) this.#unusable(face, sighting, camera)
    for (const track of sighting.lost) {
      alarms.trackLost(sighting.camera, track)
      explanations?.forget(sighting.camera, track)
    }
    if (verdicts.length > 0) this.#pain.judged(sighting.camera, sighting.at)
    measured.frame(clock.now() - sighting.at)
  }

  cameraState(camera: string, state: CameraState, since: Moment, until: Moment | null = null): void {
    const { alarms, mqtt } = this.#options
    mqtt.cameraState(camera, state, since, until)
    this.#pain.cameraState(camera, state)
    if (!watches[state]) {
      this.#options.explanations?.forgetCamera(camera)
      this.#options.references?.interrupted(camera)
    }
    this.send(alarms.cameraState(camera, state, this.#options.clock.now()))
  }

  /** The camera was removed from the config, or changed in it. */
  cameraGone(camera: string): void {
    this.#options.explanations?.forgetCamera(camera)
    this.#options.references?.interrupted(camera)
    this.send(this.#options.alarms.cameraGone(camera, this.#options.clock.now()))
    this.#pain.forget(camera)
  }

  /**
   * Raises or clears an alarm about painlens itself; doing it twice does nothing.
   * @param about since: a moment of the clock
   */
  technical(condition: TechnicalCondition, problem: Problem | null, about: { since?: Moment } = {}): void {
    const { alarms, clock } = this.#options
    this.send(alarms.technical(condition, problem, clock.now(), about.since))
  }

  /** Raises or, with null, clears an alarm about a camera's faces. @param since when the condition began */
  faces(condition: FaceCondition, camera: string, since: Moment | null, at: Moment): void {
    this.send(this.#options.alarms.faces(condition, camera, since, at))
  }

  tick(): void {
    const now = this.#options.clock.now()
    this.#options.references?.tick(now)
    this.send(this.#options.alarms.tick(now))
    this.#pain.tick()
  }

  /** Publishes every active alarm again, for subscribers that may have missed them. */
  refresh(): void {
    this.send(this.#options.alarms.active(this.#options.clock.now()))
  }

  /** As `refresh`, and publishes every state again. */
  refreshAll(): void {
    this.#options.mqtt.refresh()
    this.refresh()
  }

  shutdown(): void {
    this.send(this.#options.alarms.shutdown(this.#options.clock.now()))
  }

  /** @param frame the frame that they come from, if any */
  send(alarms: readonly AlarmMessage[], frame?: { camera: string; at: number }): void {
    const { mqtt, alarmLog, explanations, measured, log } = this.#options
    for (const alarm of alarms) {
      const { alarm_id, phase, condition, camera, reason, confirmed } = alarm
      measured.alarm(condition, phase)
      if (phase === 'end') this.#active.delete(alarm_id)
      else this.#active.add(alarm_id)
      this.#pain.alarm(alarm)
      const about = { ...(confirmed === false && { confirmed }), ...(frame && { frame: frameId(frame) }) }
      log.info({ alarm_id, phase, condition, camera, reason, ...about }, 'alarm')
      alarmLog.append(alarm)
      if (phase === 'end') explanations?.alarmEnded(alarm_id)
      traced(log, 'outbox', mqtt.putAlarmInOutbox(alarm), () => ({ alarm_id, seq: alarm.seq })).catch(
        (error: unknown) => log.error({ alarm_id, ...errorFields(error) }, 'an alarm is not in the outbox')
      )
    }
  }

  /** Resolves when it is safe on disk, so that what is answered with "ok" is kept. */
  async acknowledged({ alarms, acknowledgement }: Acknowledged): Promise<void> {
    this.send(alarms)
    if (acknowledgement === null) return
    const { alarm_id, kind, after_end } = acknowledgement
    this.#options.log.info({ alarm_id, kind, after_end }, 'acknowledgement')
    this.#options.alarmLog.append(acknowledgement)
    await this.#options.mqtt.putAcknowledgementInOutbox(acknowledgement)
  }

  #verdict(verdict: Verdict, { score, unreferenced }: Referenced, picture: Box, camera: CameraConfig): void {
    const { alarms, explanations } = this.#options
    const { at, face, precision } = verdict
    const { track, box, crop } = face
    const output = alarms.observe({ camera: camera.id, track, at, score, unreferenced, precision, box })
    this.send(output.alarms, { camera: camera.id, at })
    if (output.question) void this.#confirm(output.question, face, { camera: camera.id, at, picture })
    this.#observation(face, { verdict, score, smoothed: output.smoothed }, { at, picture }, camera)
    const alarmId = output.episode?.active ? output.episode.alarmId : null
    explanations?.consider({
      camera: camera.id,
      track,
      at,
      crop,
      score,
      isLowered: isNotable(unreferenced - score),
      alarmId
    })
  }

  /** The alarm waits for float32, at most a second; without an answer it goes out unconfirmed. */
  async #confirm(question: Float32Question, face: Face, { picture, ...frame }: InFrame): Promise<void> {
    const { alarms, float32, references, log } = this.#options
    const exact = await float32.confirm(face).catch((error: unknown) => {
      log.warn({ ...errorFields(error), ...frame }, 'float32 cannot confirm an alarm')
      return null
    })
    const held = exact && (references?.scoreOf(face, { ...frame, picture }, exact) ?? exact)
    const own = held ? { unreferenced: exact.score, ...held } : null
    this.send(alarms.answer(question, own?.score ?? null, own?.unreferenced), frame)
  }

  /** A face that is seen and cannot be judged ends no alarm and starts none. */
  #unusable(face: Face, seen: Seen, camera: CameraConfig): void {
    const { at } = seen
    const { alarms } = this.#options.alarms.observe({
      camera: camera.id,
      track: face.track,
      at,
      score: null,
      box: face.box
    })
    this.send(alarms, { camera: camera.id, at })
    this.#observation(face, null, seen, camera)
  }

  #observation(face: Face, judged: Judged | null, { at, picture }: Seen, camera: CameraConfig): void {
    const { mqtt, clock } = this.#options
    mqtt.observation(camera.id, observationOf(face, stamp(clock, at), judged, picture))
  }
}

interface InFrame extends Seen {
  camera: string
}

type Seen = Pick<Sighting, 'at' | 'picture'>

/** What the classifier and the alarm stage made of a face. */
interface Judged {
  verdict: Verdict
  /** The verdict's, held against the resting face of the bed. */
  score: number
  smoothed: number
}

function observationOf(
  { track, box, zone, roll, whyNot, score }: Face,
  at: string,
  judged: Judged | null,
  { x, y, width, height }: Box
): ObservationMessage {
  const shares = [(box.x - x) / width, (box.y - y) / height, box.width / width, box.height / height] as const
  const message = {
    at,
    track,
    box: [round(shares[0]), round(shares[1]), round(shares[2]), round(shares[3])],
    zone,
    roll_deg: wholeDegrees(roll),
    usable: whyNot === null,
    why_not: whyNot,
    detector_score: round(score)
  } satisfies Omit<ObservationMessage, 'pain' | 'smoothed' | 'pain_unreferenced' | 'emotions'>
  if (!judged) return { ...message, pain: null, smoothed: null, pain_unreferenced: null }
  const { score: unreferenced, labels, probabilities } = judged.verdict
  return {
    ...message,
    pain: round(judged.score),
    smoothed: round(judged.smoothed),
    pain_unreferenced: round(unreferenced),
    // The MQTT stage removes them unless privacy.publish_emotions is set.
    emotions: Object.fromEntries(labels.map((label, i) => [label, round(probabilities[i]!)]))
  }
}

/** Above -180 and up to 180. */
const wholeDegrees = (roll: number): number => (Math.round(roll) === -180 ? 180 : Math.round(roll))

const round = (value: number): number => Math.round(value * 1000) / 1000
