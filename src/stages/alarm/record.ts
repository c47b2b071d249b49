/** What is said of an alarm, from its start to its end. */
import { type Condition, type EndReason, leavesUnknown, type Priority } from '../../contract/conditions.js'
import { byLanguage, type Language, type Texts } from '../../contract/languages/index.js'
import {
  type Acknowledgement,
  type AlarmMessage,
  type AlarmPhase,
  type AlarmSubject,
  type Location,
  ofThisVersion
} from '../../contract/messages.js'
import { type Clock, later, latest, type Moment, stamp, timeOfDay } from '../../core/clock.js'
import { InputError } from '../../core/errors.js'
import type { AlarmReference } from './types.js'

export interface AlarmFacts {
  alarmId: string
  priority: Priority
  location: Location
  /** A moment of the clock. */
  onset: Moment
  model: AlarmMessage['model']
  detail?: string | null
  /** The alarm of the same place that ended shortly before. */
  previous?: string | null
  reference?: AlarmReference | null
}

/** What was said of an alarm before this record of it. */
interface Past {
  seq: number
  ack: Acknowledgement | null
  onset: string
}

const nowhere = { ward: null, room: null, bed: null }

/** Where a camera is; nowhere but in the facility where it is about none. */
export function cameraLocation(
  camera: string | null,
  cameras: Record<string, Omit<Location, 'facility'>>,
  facility: string | null
): Location {
  const { ward, room, bed } = (camera !== null && Object.hasOwn(cameras, camera) && cameras[camera]) || nowhere
  return { facility, ward, room, bed }
}

/** One alarm's life: start, updates, end, with a seq that has no gap. The only place where alarm messages are written. */
export class AlarmRecord {
  readonly #facts: AlarmFacts
  #subject: AlarmSubject
  readonly #clock: Clock
  /** Written down once: if the box's clock is set later, an alarm does not change when it began. */
  readonly #onset: string
  /** An update was held back and is to come as soon as the rate limit lets it. */
  wanted = false
  /** What the bed's resting face has to do with its score. */
  reference: AlarmReference | null
  /** A refresh beyond the limit has asked for it: an update is to come as soon as the alarm has been silent for long enough. */
  asked = false
  #seq: number
  #ack: Acknowledgement | null
  #lastAt: Moment
  #ended = false
  /** The moment of the start, or of the last reminder. */
  #remindedAt: Moment
  #reminders = 0
  #acknowledgements = 0
  /** The next update is a reminder. */
  #reminds = false

  constructor(subject: AlarmSubject, facts: AlarmFacts, clock: Clock, past?: Past) {
    this.#subject = subject
    this.#facts = facts
    this.reference = facts.reference ?? null
    this.#clock = clock
    this.#onset = past?.onset ?? stamp(clock, facts.onset)
    this.#seq = past?.seq ?? 0
    this.#ack = past?.ack ?? null
    this.#lastAt = facts.onset
    this.#remindedAt = facts.onset
  }

  get alarmId(): string {
    return this.#facts.alarmId
  }

  /** How many have come. */
  get acknowledgements(): number {
    return this.#acknowledgements
  }

  /** The last of them. */
  get acknowledgement(): Acknowledgement | null {
    return this.#ack
  }

  /** What the last one says; null where there is none. */
  get answer(): Acknowledgement['kind'] | null {
    return this.#ack?.kind ?? null
  }

  get condition(): AlarmSubject['condition'] {
    return this.#subject.condition
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The moment of the last message. */
  get lastAt(): Moment {
    return this.#lastAt
  }

  /** The score in the last message; null for an alarm that is about no person. */
  get lastScore(): number | null {
    return this.#subject.score
  }

  /** Whether float32 has seen the pain; of an alarm about no person that is not asked. */
  get confirmed(): boolean {
    return this.#subject.confirmed !== false
  }

  /** float32 has seen the pain after all: an update is to say so. */
  confirm(): void {
    if (this.confirmed || this.#subject.type !== 'physiological') return
    this.#subject = { ...this.#subject, confirmed: true }
    this.wanted = true
  }

  /** Turns the next update into a reminder, if no acknowledgement has come for so long after the start or the last reminder. */
  remindAfter(seconds: number, now: Moment): void {
    if (this.#subject.type !== 'physiological' || this.#ack !== null) return
    if (now - this.#remindedAt < 1000 * seconds) return
    this.#reminds = true
    this.wanted = true
  }

  start(at: Moment): AlarmMessage {
    this.#remindedAt = at
    return this.#message(at, { phase: 'start', state: 'active', reason: null })
  }

  /** @param score the one in the last message unless given */
  update(at: Moment, score?: number): AlarmMessage {
    return this.#message(at, { phase: 'update', state: 'active', reason: null }, score)
  }

  /** @param score as for `update` */
  end(at: Moment, reason: EndReason, score?: number): AlarmMessage {
    this.#ended = true
    return this.#message(at, { phase: 'end', state: 'ended', reason }, score)
  }

  /** Records who has seen the alarm; it goes on being active. A later acknowledgement replaces the earlier one. */
  acknowledge(given: Acknowledgement, at: Moment): AlarmMessage {
    this.#acknowledgements++
    this.#ack = given
    return this.update(at)
  }

  #message(at: Moment, phase: AlarmPhase, score?: number): AlarmMessage {
    const { alarmId, onset, detail = null, previous = null, priority, location, model } = this.#facts
    if (score !== undefined && this.#subject.type === 'physiological') this.#subject = { ...this.#subject, score }
    const subject = withRoundedScore(this.#subject)
    const { condition, camera } = subject
    this.#lastAt = latest(at, this.#lastAt)
    const durationS = (this.#lastAt - onset) / 1000
    this.wanted = false
    this.asked = false
    const reminder = this.#reminder(phase)
    const demonstration = (subject.type === 'physiological' || subject.test) && model?.demonstration === true
    return {
      schema: 1,
      alarm_id: alarmId,
      ...phase,
      seq: this.#seq++,
      ...subject,
      priority,
      location,
      model,
      ack: this.#ack,
      previous,
      reminder,
      reference: this.reference && {
        effect: this.reference.effect,
        score_unreferenced: rounded(this.reference.unreferenced, 3)
      },
      onset: this.#onset,
      updated: stamp(this.#clock, this.#lastAt),
      published: null,
      duration_s: rounded(durationS, 1),
      text: wording({
        ...{ condition, reason: phase.reason, location, camera, detail, durationS, demonstration },
        reference: this.reference?.effect ?? null
      }),
      late: false
    }
  }

  #reminder({ phase }: AlarmPhase): number | null {
    if (phase !== 'update' || !this.#reminds || this.#ack !== null) return null
    this.#reminds = false
    this.#remindedAt = this.#lastAt
    return ++this.#reminders
  }
}

const withRoundedScore = (subject: AlarmSubject): AlarmSubject =>
  subject.type === 'physiological' ? { ...subject, score: rounded(subject.score, 3) } : subject

/** Longest time between two runs that is believed, in ms: 30 days. */
const mostApartMs = 30 * 86_400_000

/**
 * The end of an alarm that an earlier run of painlens left active, whose subscribers would wait for one. How long it
 * has been since then only the time of day can say; where that says more than `mostApartMs`, the box's clock was set between the two runs
 * (a box without a clock of its own begins in 1970), and the alarm lasted as long as the earlier run has measured.
 * @param last the last message of it that was put into the outbox
 */
export function endAfterRestart(last: AlarmMessage, at: Moment, clock: Clock): AlarmMessage {
  const { alarm_id: alarmId, priority, location, model, previous } = ofThisVersion(last)
  const now = timeOfDay(clock, at)
  const since = now - Date.parse(last.updated) <= mostApartMs ? now - Date.parse(last.onset) : 0
  const lasted = Math.max(last.duration_s * 1000, since)
  const past = { seq: last.seq + 1, ack: last.ack, onset: last.onset }
  const facts = { alarmId, priority, location, onset: later(at, -lasted), model, previous }
  return new AlarmRecord(subjectOf(last), facts, clock, past).end(at, 'restarted')
}

function subjectOf(last: AlarmMessage): AlarmSubject {
  const { type, condition, camera, score, threshold, code, test, confirmed } = ofThisVersion(last)
  // They fit each other, as they come from one message.
  return { type, condition, camera, score, threshold, code, test, confirmed } as AlarmSubject
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

interface Wording {
  condition: Condition
  reason: EndReason | null
  location: Location
  camera: string | null
  /** Said in brackets, as a demonstration's model is not one to rely on. */
  demonstration: boolean
  /** One more plain sentence part, already without secrets; of no interest once the condition is over. */
  detail: string | null
  /** Since the onset. */
  durationS: number
  /** Said in brackets, too. */
  reference: AlarmReference['effect'] | null
}

/** One line for a nurse's pager: what, where, and if it ended for want of watching, why. */
function wording(about: Wording): Texts {
  return byLanguage(({ alarm }) => sentence(about, alarm))
}

function sentence(about: Wording, words: Language['alarm']): string {
  const { condition, reason, detail, durationS } = about
  const { active, over } = words.conditions[condition]
  const why = reason !== null && leavesUnknown(reason) ? words.ended[reason] : null
  const isOver = reason !== null && why === null
  const told = typeof over === 'string' ? over : over(span(durationS))
  return [
    [isOver ? told : active, ...place(about, words.place)].join(', '),
    why ? `: ${why}` : '',
    detail && !isOver ? `: ${detail}` : '',
    about.reference && !isOver ? ` (${words.reference[about.reference]})` : '',
    about.demonstration ? ` (${words.demonstration})` : ''
  ].join('')
}

/** `45 s`, `12 min`, `3 h`: the same in all languages. */
function span(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}

function place({ location, camera }: Wording, words: Language['alarm']['place']): string[] {
  const parts = [
    location.room === null ? '' : `${words.room} ${location.room}`,
    location.bed === null ? '' : `${words.bed} ${location.bed}`
  ]
  const known = parts.filter((part) => part !== '')
  return known.length > 0 || camera === null ? known : [`${words.camera} ${camera}`]
}

/**
 * The alarm log keeps each message that a command asks for. At the rate of updates, a flood would overwrite all older alarms
 * within an hour.
 */
export const commandLimits = {
  /** In the long run per second, and at once. */
  testAlarms: [2 / 60, 10],
  /** Beyond these, `refresh` repeats each alarm when it has been silent for `silentS`. */
  refreshes: [6 / 60, 20],
  silentS: 10
} as const

/** So many per second in the long run, and `most` at once: a second's worth (at least one) unless given. */
export class TokenBucket {
  readonly #perS: number
  readonly #most: number
  #tokens: number
  #at = Number.NEGATIVE_INFINITY

  constructor(perS: number, most = Math.max(1, perS)) {
    this.#perS = perS
    this.#most = most
    this.#tokens = most
  }

  /**
   * @param at a moment of the clock; a time that runs backwards brings nothing
   * @param leave how many must be left to others
   * @returns whether there was one to take
   */
  take(at: Moment, leave = 0): boolean {
    const elapsedS = Math.max(0, at - this.#at) / 1000
    this.#at = Math.max(this.#at, at)
    this.#tokens = Math.min(this.#most, this.#tokens + elapsedS * this.#perS)
    if (this.#tokens < 1 + leave) return false
    this.#tokens--
    return true
  }

  /**
   * A message that a command asked for is not merged with others: beyond the rate limit the command fails.
   * @param leave half of what may come at once unless given, so that a flood of commands does not silence active alarms
   * @throws {InputError} if there was none to take
   */
  takeFor(command: string, at: Moment, leave = Math.floor(this.#most / 2)): void {
    if (!this.take(at, leave)) throw new InputError('PL-COMMAND-TOO-MANY', 'too many messages at once', command)
  }
}
