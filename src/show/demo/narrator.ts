/** The demo's output on the terminal, in plain words. */
import type { AlarmMessage, CameraStateMessage, ExplanationMessage, StatusMessage } from '../../contract/messages.js'
import { printable } from '../../core/printable.js'
import type { Write } from '../../core/terminal.js'

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
  constructor(
    private readonly write: Write,
    /** ms since the epoch. */
    private readonly startedAt: number
  ) {}

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
      start: `ALARM: ${alarm.text.en} (${alarm.priority}${score})`,
      update: `still: ${alarm.text.en} (${Math.round(alarm.duration_s)} s${score})`,
      end: `over after ${Math.round(alarm.duration_s)} s: ${alarm.text.en}`
    }
    this.#say(at, 'nurse call', lines[alarm.phase], alarm.phase === 'start')
  }

  explanation(explanation: ExplanationMessage, now: number): void {
    this.#say(now, 'why', explanation.text.en)
    this.#say(now, 'warum', explanation.text.de)
  }

  note(text: string, now: number): void {
    this.#say(now, 'demo', text)
  }

  /** Everything on one line: the demo's broker takes messages of anyone on this machine. */
  #say(at: number, who: string, text: string, strong = false): void {
    const seconds = Math.max(0, (at - this.startedAt) / 1000)
    const before = `${seconds.toFixed(1).padStart(6)} s  ${who.padEnd(10)}  `
    const line = before + printable(text)
    this.write(`${line}\n`, strong ? { from: before.length, to: line.length, sgr: '1;31' } : undefined)
  }
}
