/** What the stages found, on its way to subscribers: alarms, observations, camera states, explanations. */
import type { CameraConfig } from '../../config/index.js'
import type { TechnicalCondition } from '../../contract/conditions.js'
import type { AlarmMessage, ObservationMessage } from '../../contract/messages.js'
import { type Clock, type Moment, stamp } from '../../core/clock.js'
import { errorFields, type Problem } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { frameId, traced } from '../../core/trace.js'
import type { Box, CameraState, Verdict } from '../../core/types.js'
import type { Alarms } from '../../stages/alarm/index.js'
import type { AlarmLog } from '../../stages/alarm-log/index.js'
import type { ExplainedAlarms } from '../../stages/explain/index.js'
import type { Mqtt } from '../../stages/mqtt/index.js'
import type { JudgedFrame } from '../line/camera-line.js'

/** What is counted of what goes through here. */
export interface Measured {
  /** What a frame showed has been handed over. @param ms since its capture */
  frame(ms: number): void
  /** An alarm message is on its way. */
  alarm(condition: string, phase: string): void
}

export interface ReporterOptions {
  alarms: Alarms
  mqtt: Pick<Mqtt, 'putAlarmInOutbox' | 'observation' | 'cameraState' | 'refresh'>
  alarmLog: Pick<AlarmLog, 'append'>
  explanations: Pick<ExplainedAlarms, 'consider' | 'forget' | 'forgetCamera' | 'alarmEnded'> | null
  measured: Measured
  log: Log
  clock: Clock
}

/** Whether the faces that were seen before are still looked at. */
const watches: Record<CameraState, boolean> = {
  ok: true,
  connecting: true,
  lost: false,
  frozen: false,
  dark: false,
  paused: false
}

export type TellTrouble = (condition: TechnicalCondition, problem: Problem | null, about?: { since?: Moment }) => void

/**
 * Technical conditions, from the part that notices one to the reporter. Those that are noticed while painlens is being
 * started are kept until there is a reporter.
 */
export class Troubles {
  readonly #early = new Map<TechnicalCondition, Parameters<TellTrouble>>()
  #listener: TellTrouble | null = null

  /** A condition has begun or, with null, is over; the same may be told again. @param about since: a moment of the clock */
  readonly tell: TellTrouble = (...trouble) => {
    if (this.#listener) this.#listener(...trouble)
    else this.#early.set(trouble[0], trouble)
  }

  /** From now on, and with what was told before. There is one listener. */
  subscribe(listener: TellTrouble): void {
    this.#listener = listener
    for (const trouble of this.#early.values()) listener(...trouble)
    this.#early.clear()
  }
}

export class Reporter {
  readonly #options: ReporterOptions

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  judged({ sighting, verdicts }: JudgedFrame, camera: CameraConfig): void {
    const { alarms, explanations, measured, clock } = this.#options
    for (const verdict of verdicts) this.#verdict(verdict, sighting.picture, camera)
    for (const track of sighting.lost) {
      alarms.trackLost(sighting.camera, track)
      explanations?.forget(sighting.camera, track)
    }
    measured.frame(clock.now() - sighting.at)
  }

  cameraState(camera: string, state: CameraState, since: Moment, until: Moment | null = null): void {
    const { alarms, mqtt } = this.#options
    mqtt.cameraState(camera, state, since, until)
    if (!watches[state]) this.#options.explanations?.forgetCamera(camera)
    this.send(alarms.cameraState(camera, state, this.#options.clock.now()))
  }

  /** The camera was removed from the config, or changed in it. */
  cameraGone(camera: string): void {
    this.#options.explanations?.forgetCamera(camera)
    this.send(this.#options.alarms.cameraGone(camera, this.#options.clock.now()))
  }

  /**
   * Raises or clears an alarm about painlens itself; doing it twice does nothing.
   * @param about since: a moment of the clock
   */
  technical(condition: TechnicalCondition, problem: Problem | null, about: { since?: Moment } = {}): void {
    const { alarms, clock } = this.#options
    this.send(alarms.technical(condition, problem, clock.now(), about.since))
  }

  tick(): void {
    this.send(this.#options.alarms.tick(this.#options.clock.now()))
  }

  /** Every active alarm once more, for subscribers that may have missed them. */
  refresh(): void {
    this.send(this.#options.alarms.active(this.#options.clock.now()))
  }

  /** As `refresh`, and every state, too. */
  refreshAll(): void {
    this.#options.mqtt.refresh()
    this.refresh()
  }

  shutdown(): void {
    this.send(this.#options.alarms.shutdown(this.#options.clock.now()))
  }

  /** @param frame what they come from, where it is a frame */
  send(alarms: readonly AlarmMessage[], frame?: { camera: string; at: number }): void {
    const { mqtt, alarmLog, explanations, measured, log } = this.#options
    for (const alarm of alarms) {
      const { alarm_id, phase, condition, camera, reason } = alarm
      measured.alarm(condition, phase)
      log.info({ alarm_id, phase, condition, camera, reason, ...(frame && { frame: frameId(frame) }) }, 'alarm')
      alarmLog.append(alarm)
      if (phase === 'end') explanations?.alarmEnded(alarm_id)
      traced(log, 'outbox', mqtt.putAlarmInOutbox(alarm), () => ({ alarm_id, seq: alarm.seq })).catch(
        (error: unknown) => log.error({ alarm_id, ...errorFields(error) }, 'an alarm is not in the outbox')
      )
    }
  }

  #verdict(verdict: Verdict, picture: Box, camera: CameraConfig): void {
    const { alarms, mqtt, explanations, clock } = this.#options
    const { at, face, score } = verdict
    const { track, box, crop } = face
    const output = alarms.observe({ camera: camera.id, track, at, score, box })
    this.send(output.alarms, { camera: camera.id, at })
    mqtt.observation(camera.id, observationOf(verdict, stamp(clock, at), output.smoothed, picture))
    const alarmId = output.episode?.active ? output.episode.alarmId : null
    explanations?.consider({ camera: camera.id, track, at, crop, score, alarmId })
  }
}

function observationOf(
  verdict: Verdict,
  at: string,
  smoothed: number,
  { x, y, width, height }: Box
): ObservationMessage {
  const { track, box, zone } = verdict.face
  const shares = [(box.x - x) / width, (box.y - y) / height, box.width / width, box.height / height] as const
  return {
    at,
    track,
    box: [round(shares[0]), round(shares[1]), round(shares[2]), round(shares[3])],
    zone,
    pain: round(verdict.score),
    smoothed: round(smoothed),
    // The MQTT stage takes them out again unless privacy.publish_emotions allows them.
    emotions: Object.fromEntries(verdict.labels.map((label, i) => [label, round(verdict.probabilities[i]!)]))
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000
