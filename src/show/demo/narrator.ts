/** What the demo's terminal says, in plain words. */
import type { AlarmMessage, CameraStateMessage, ExplanationMessage, StatusMessage } from '../../contract/messages.js'

export interface NarratedStretch {
  event: 'stretch'
  expression: string
  intensity: number
  /** ms since the epoch. */
  at: number
  seconds: number
}

const expressions: Record<string, string> = {
  neutral: 'The resident rests.',
  happiness: 'The resident smiles.',
  pain: 'The resident is in pain.',
  disgust: 'The resident is disgusted.'
}

/** Each line: the time since the demo began, its source, and its text. */
export class Narrator {
  readonly #write: (line: string) => void
  readonly #startedAt: number
  readonly #colour: boolean

  constructor(options: { write: (line: string) => void; startedAt: number; colour: boolean }) {
    this.#write = options.write
    this.#startedAt = options.startedAt
    this.#colour = options.colour
  }

  stretch({ expression, at }: NarratedStretch): void {
    this.#say(at, 'room', expressions[expression] ?? `The resident shows ${expression}.`)
  }

  status({ state, at }: StatusMessage): void {
    this.#say(Date.parse(at), 'painlens', state === 'online' ? 'is online and watches.' : 'is offline.')
  }

  camera(id: string, { state, since }: CameraStateMessage): void {
    this.#say(Date.parse(since), 'painlens', `camera ${id}: ${state}`)
  }

  alarm(alarm: AlarmMessage): void {
    const at = Date.parse(alarm.published ?? alarm.updated)
    const score = alarm.score === null ? '' : `, score ${alarm.score.toFixed(2)}`
    const lines: Record<AlarmMessage['phase'], string> = {
      start: this.#strong(`ALARM: ${alarm.text.en} (${alarm.priority}${score})`),
      update: `still: ${alarm.text.en} (${Math.round(alarm.duration_s)} s${score})`,
      end: `over after ${Math.round(alarm.duration_s)} s: ${alarm.text.en}`
    }
    this.#say(at, 'nurse call', lines[alarm.phase])
  }

  explanation(explanation: ExplanationMessage, now: number): void {
    this.#say(now, 'why', explanation.text.en)
    this.#say(now, 'warum', explanation.text.de)
  }

  note(text: string, now: number): void {
    this.#say(now, 'demo', text)
  }

  #say(at: number, who: string, text: string): void {
    const seconds = Math.max(0, (at - this.#startedAt) / 1000)
    this.#write(`${seconds.toFixed(1).padStart(6)} s  ${who.padEnd(10)}  ${text}`)
  }

  #strong(text: string): string {
    return this.#colour ? `\u001b[1;31m${text}\u001b[0m` : text
  }
}
