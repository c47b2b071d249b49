/** Whether a demo had one alarm for each scripted pain, and no other. Pure. */
import type { AlarmMessage, ExplanationMessage } from '../../contract/messages.js'

/** A stretch of the scripted day; times in ms since the epoch, `until` is null while it lasts. */
export interface PlayedStretch {
  expression: string
  from: number
  until: number | null
}

export interface JudgeInput {
  stretches: readonly PlayedStretch[]
  alarms: readonly AlarmMessage[]
  explanations: readonly Pick<ExplanationMessage, 'alarm_id'>[]
  /** When the daemon was online: a stretch that had begun by then is not judged. */
  watchedFrom: number
  /** When the demo ended. */
  endedAt: number
  /** How long after a stretch its alarm may still begin (the face eases, frames travel), and how long after that end. */
  graceMs: { start: number; end: number }
}

export interface Judgement {
  /** Pain stretches that were over early enough before the end for their alarm to have ended too. */
  judged: number
  /** What was wrong, a sentence each; empty if all is well. */
  faults: string[]
}

/** Technical alarms are not part of the script: only pain is judged. */
export function judgeDemo(input: JudgeInput): Judgement {
  const pain = input.alarms.filter((alarm) => alarm.condition === 'pain' && !alarm.test)
  const starts = pain.filter((alarm) => alarm.phase === 'start')
  const claimed = new Set<AlarmMessage>()
  const faults: string[] = []
  let judged = 0
  for (const [index, stretch] of input.stretches.entries()) {
    if (stretch.expression !== 'pain') continue
    const mine = starts.filter((start) => startsWithin(start, stretch, input.graceMs.start))
    for (const start of mine) claimed.add(start)
    if (
      stretch.from < input.watchedFrom ||
      (stretch.until ?? Number.POSITIVE_INFINITY) + input.graceMs.end > input.endedAt
    )
      continue
    judged++
    faults.push(...faultsOf(`pain stretch ${index + 1}`, mine, pain, input.explanations))
  }
  for (const start of starts)
    if (!claimed.has(start)) faults.push(`an alarm began at ${start.onset} though no pain was scripted then`)
  return { judged, faults }
}

function startsWithin(start: AlarmMessage, { from, until }: PlayedStretch, graceMs: number): boolean {
  const at = Date.parse(start.updated)
  return at >= from && at <= (until ?? Number.POSITIVE_INFINITY) + graceMs
}

function faultsOf(
  stretch: string,
  starts: readonly AlarmMessage[],
  pain: readonly AlarmMessage[],
  explanations: JudgeInput['explanations']
): string[] {
  if (starts.length !== 1) return [`${stretch} gave ${starts.length} alarms instead of one`]
  const id = starts[0]!.alarm_id
  const phases = pain.filter((alarm) => alarm.alarm_id === id).map((alarm) => alarm.phase)
  const faults: string[] = []
  if (phases.filter((phase) => phase === 'end').length !== 1 || phases.at(-1) !== 'end')
    faults.push(`the alarm of ${stretch} did not end (its phases: ${phases.join(', ')})`)
  if (!explanations.some((explanation) => explanation.alarm_id === id))
    faults.push(`the alarm of ${stretch} came without an explanation`)
  return faults
}
