import { type Condition, type EndReason, leavesUnknown } from '../../contract/conditions.js'
import { byLanguage, type Language, type Texts } from '../../contract/languages/index.js'
import type { Location } from '../../contract/messages.js'

export interface Wording {
  condition: Condition
  reason: EndReason | null
  location: Location
  camera: string | null
  /** Said in brackets, so that nobody takes a demonstration for a trained model. */
  demonstration: boolean
  /** One more plain sentence part, already without secrets; of no interest once the condition is over. */
  detail: string | null
  /** Since the onset. */
  durationS: number
}

/** One line for a nurse's pager: what, where, and if it ended for want of watching, why. */
export function wording(about: Wording): Texts {
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
