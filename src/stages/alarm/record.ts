import type { Condition, EndReason, Priority } from '../../contract/conditions.js'
import type { Acknowledgement, AlarmMessage, Location } from '../../contract/messages.js'
import { type Clock, stamp, timeOfDay } from '../../core/clock.js'
import { wording } from './texts.js'

export interface AlarmFacts {
  alarmId: string
  type: AlarmMessage['type']
  condition: Condition
  priority: Priority
  location: Location
  camera: string | null
  /** A moment of the clock. */
  onset: number
  threshold: number | null
  model: AlarmMessage['model']
  detail?: string | null
}

/** What was said of an alarm before this record of it. */
interface Past {
  seq: number
  ack: Acknowledgement | null
  onset: string
}

/** One alarm's life: start, updates, end, with a seq that has no gap. The only place where alarm messages are written. */
export class AlarmRecord {
  readonly facts: AlarmFacts
  readonly #clock: Clock
  /** Written down once: if the box's clock is set later, an alarm does not change when it began. */
  readonly #onset: string
  /** An update was held back and is to come as soon as the rate limit lets it. */
  wanted = false
  #seq: number
  #ack: Acknowledgement | null
  #lastAt: number
  #lastScore: number | null = null
  #ended = false

  constructor(facts: AlarmFacts, clock: Clock, past?: Past) {
    this.facts = facts
    this.#clock = clock
    this.#onset = past?.onset ?? stamp(clock, facts.onset)
    this.#seq = past?.seq ?? 0
    this.#ack = past?.ack ?? null
    this.#lastAt = facts.onset
  }

  get alarmId(): string {
    return this.facts.alarmId
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The moment of the last message. */
  get lastAt(): number {
    return this.#lastAt
  }

  /** The score in the last message. */
  get lastScore(): number | null {
    return this.#lastScore
  }

  start(at: number, score: number | null): AlarmMessage {
    return this.#message('start', at, score, null)
  }

  update(at: number, score: number | null = this.#lastScore): AlarmMessage {
    return this.#message('update', at, score, null)
  }

  end(at: number, reason: EndReason, score: number | null = this.#lastScore): AlarmMessage {
    this.#ended = true
    return this.#message('end', at, score, reason)
  }

  /** Records who has seen the alarm; it goes on being active. A later acknowledgement replaces the earlier one. */
  acknowledge(by: string, kind: Acknowledgement['kind'], at: number): AlarmMessage {
    this.#ack = { by, at: stamp(this.#clock, at), kind }
    return this.update(at)
  }

  #message(phase: AlarmMessage['phase'], at: number, score: number | null, reason: EndReason | null): AlarmMessage {
    const { alarmId, onset: _, detail = null, ...facts } = this.facts
    const physiological = facts.type === 'physiological' || facts.condition === 'test'
    this.#lastAt = Math.max(at, this.#lastAt)
    const durationS = (this.#lastAt - this.facts.onset) / 1000
    this.#lastScore = score
    this.wanted = false
    return {
      schema: 1,
      alarm_id: alarmId,
      phase,
      seq: this.#seq++,
      ...facts,
      state: phase === 'end' ? 'ended' : 'active',
      reason,
      ack: this.#ack,
      onset: this.#onset,
      updated: stamp(this.#clock, this.#lastAt),
      published: null,
      score: score === null ? null : rounded(score, 3),
      duration_s: rounded(durationS, 1),
      text: wording({
        ...facts,
        reason,
        detail,
        durationS,
        demonstration: physiological && facts.model?.demonstration === true
      }),
      late: false,
      test: facts.condition === 'test'
    }
  }
}

/**
 * The end of an alarm that an earlier run of painlens left active: nobody else can give its subscribers one. How long it
 * has been since then only the time of day can say.
 * @param last the last message of it that was put into the outbox
 */
export function endAfterRestart(last: AlarmMessage, at: number, clock: Clock): AlarmMessage {
  const { alarm_id: alarmId, type, condition, priority, location, camera, threshold, model } = last
  const lasted = Math.max(last.duration_s * 1000, timeOfDay(clock, at) - Date.parse(last.onset))
  const facts = { alarmId, type, condition, priority, location, camera, onset: at - lasted, threshold, model }
  const past = { seq: last.seq + 1, ack: last.ack, onset: last.onset }
  return new AlarmRecord(facts, clock, past).end(at, 'restarted', last.score)
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
