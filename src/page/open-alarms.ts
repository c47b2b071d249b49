/** A box's alarms that are active, or that have ended without an acknowledgement, and what explains them. */
import type { Condition } from '../contract/conditions.js'
import type { AcknowledgementMessage, AlarmMessage, ExplanationMessage } from '../contract/messages.js'
import type { AlarmRow } from './wire.js'

/** Of ended alarms, the oldest give way. */
const mostAlarms = 200
/** Ids of closed alarms, so that a repeated message does not reopen one. */
const mostClosed = 400
const mostHeatmapBytes = 512 * 1024
/** Explanations whose alarm has not been heard of yet. */
const mostEarly = 8

/** What the page uses of a message. */
export type HeardAlarm = Pick<
  AlarmMessage,
  | 'alarm_id'
  | 'phase'
  | 'seq'
  | 'type'
  | 'condition'
  | 'priority'
  | 'ack'
  | 'camera'
  | 'onset'
  | 'updated'
  | 'text'
  | 'test'
> &
  Partial<Pick<AlarmMessage, 'score' | 'threshold' | 'reference'>>
export type HeardExplanation = Pick<ExplanationMessage, 'alarm_id' | 'text' | 'heatmap'>

interface OpenAlarm {
  message: HeardAlarm
  explanation: Explanation | null
}

interface Explanation {
  text: ExplanationMessage['text']
  heatmap: Buffer | null
}

export class OpenAlarms {
  readonly #heatmaps: boolean
  readonly #open = new Map<string, OpenAlarm>()
  readonly #closed = new Set<string>()
  readonly #early = new Map<string, Explanation>()

  /** @param heatmaps whether pictures are kept */
  constructor(heatmaps: boolean) {
    this.#heatmaps = heatmaps
  }

  /** Applies an alarm's message; a repeated or late one changes nothing. */
  take(message: HeardAlarm): void {
    const { alarm_id: id, seq } = message
    const known = this.#open.get(id)
    if (this.#closed.has(id) || (known && known.message.seq >= seq)) return
    this.#open.set(id, { message, explanation: known?.explanation ?? this.#early.get(id) ?? null })
    this.#early.delete(id)
    if (isDone(message)) this.#close(id)
    this.#bound()
  }

  /** Applies an acknowledgement; one after the alarm's end closes the alarm. */
  acknowledged({ alarm_id: id, by, at, kind }: AcknowledgementMessage): void {
    const known = this.#open.get(id)
    if (!known) return
    const message = { ...known.message, ack: { by, at, kind } }
    this.#open.set(id, { ...known, message })
    if (isDone(message)) this.#close(id)
  }

  explain({ alarm_id: id, text, heatmap }: HeardExplanation): void {
    const picture = this.#heatmaps && heatmap ? Buffer.from(heatmap.slice(0, mostHeatmapBytes), 'base64') : null
    const explanation = { text, heatmap: picture }
    const known = this.#open.get(id)
    if (known) known.explanation = explanation
    else if (!this.#closed.has(id)) remember(this.#early, id, explanation, mostEarly)
  }

  /** @param camera null: of the box as a whole */
  has(condition: Condition, camera: string | null): boolean {
    for (const { message } of this.#open.values())
      if (message.phase !== 'end' && message.condition === condition && message.camera === camera) return true
    return false
  }

  /** Whether any has not ended. */
  get areActive(): boolean {
    return [...this.#open.values()].some(({ message }) => message.phase !== 'end')
  }

  heatmap(id: string): Buffer | null {
    return this.#open.get(id)?.explanation?.heatmap ?? null
  }

  rows(device: string): AlarmRow[] {
    return [...this.#open.values()].map((open) => rowOf(device, open))
  }

  #close(id: string): void {
    this.#open.delete(id)
    this.#closed.delete(id)
    this.#closed.add(id)
    if (this.#closed.size <= mostClosed) return
    const [oldest] = this.#closed
    this.#closed.delete(oldest!)
  }

  #bound(): void {
    if (this.#open.size <= mostAlarms) return
    const ended = [...this.#open].find(([, { message }]) => message.phase === 'end')
    this.#close(ended?.[0] ?? [...this.#open.keys()][0]!)
  }
}

/** A test leaves no question; all else that has ended waits until it is acknowledged. */
const isDone = ({ phase, ack, test }: HeardAlarm): boolean => phase === 'end' && (test || ack !== null)

function rowOf(device: string, { message, explanation }: OpenAlarm): AlarmRow {
  const { alarm_id: id, camera, type, test, priority, text, onset, phase, updated, ack } = message
  const ended = phase === 'end' ? updated : null
  const why = explanation?.text ?? null
  const about = { kind: 'alarm', device, id, camera, physiological: type === 'physiological', test } as const
  return { ...about, priority, text, onset, ended, ack, why, heatmap: explanation?.heatmap != null }
}

/** Sets the newest, and takes the oldest out of a map that has become too large. */
function remember<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= most) return
  const [oldest] = map.keys()
  map.delete(oldest!)
}
