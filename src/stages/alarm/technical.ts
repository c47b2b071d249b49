/** The alarms about painlens itself: one for each condition and camera. */
import { type EndReason, hasUpdates, type TechnicalCondition } from '../../contract/conditions.js'
import type { AlarmMessage, AlarmSubject } from '../../contract/messages.js'
import type { Moment } from '../../core/clock.js'
import type { Problem } from '../../core/errors.js'
import type { AlarmFacts, AlarmRecord } from './record.js'
import { held } from './track.js'

/** How the stage begins and ends any alarm. */
interface Records {
  record: (subject: AlarmSubject, onset: Moment, more: Partial<AlarmFacts>) => AlarmRecord
  end: (alarm: AlarmRecord, at: Moment, reason: EndReason) => AlarmMessage
}

/** A camera may be lost for days: its alarm needs no update each few seconds. */
const updateS = 60

export class TechnicalAlarms {
  readonly #records: Records
  readonly #active = new Map<string, AlarmRecord>()

  constructor(records: Records) {
    this.#records = records
  }

  /** Nothing where it is active already. @param onset when the condition began */
  start(
    condition: TechnicalCondition,
    camera: string | null,
    at: Moment,
    onset: Moment,
    problem: Problem | null
  ): AlarmMessage[] {
    const key = keyOf(condition, camera)
    if (this.#active.has(key)) return []
    const unscored = { type: 'technical', score: null, threshold: null, test: false, confirmed: null } as const
    const about = { ...unscored, condition, camera, code: problem?.code ?? null }
    const raised = this.#records.record(about, onset, { detail: problem?.message ?? null })
    this.#active.set(key, raised)
    return [raised.start(at)]
  }

  /** Nothing where it is not active. */
  end(condition: TechnicalCondition, camera: string | null, reason: EndReason, at: Moment): AlarmMessage[] {
    const key = keyOf(condition, camera)
    const alarm = this.#active.get(key)
    this.#active.delete(key)
    return alarm ? [this.#records.end(alarm, at, reason)] : []
  }

  /** Those that have been silent for long want an update. */
  tick(now: Moment): void {
    for (const alarm of this.#active.values())
      if (hasUpdates(alarm.condition) && held(alarm.lastAt, now, updateS)) alarm.wanted = true
  }

  records(): Iterable<AlarmRecord> {
    return this.#active.values()
  }

  clear(): void {
    this.#active.clear()
  }
}

const keyOf = (condition: TechnicalCondition, camera: string | null): string => `${condition}/${camera ?? ''}`
