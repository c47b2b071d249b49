/** What nurses have answered to alarms for pain, counted, and what may be advised by that. painlens itself goes by none of it. */
import type { Texts } from './languages/index.js'
import type { Acknowledgement } from './messages.js'

/** An alarm for pain. */
export interface AnsweredAlarm {
  /** In the order in which it was said. */
  said: readonly Acknowledgement['kind'][]
  /** By how much its highest score was above the threshold; null where that is not known. */
  margin: number | null
  /** It was judged against a resting face. */
  referenced: boolean
}

export interface Feedback {
  alarms: number
  /** Said to be false. */
  false_alarm: number
  /** Said to be seen: looked at, and not said to be false. */
  seen: number
  /** Neither was said. That a nurse is coming says nothing about what was found. */
  unanswered: number
  advice: AdviceName
}

interface Counts extends Omit<Feedback, 'advice'> {
  /** Of the false ones: how many only just reached the threshold, and how many were judged against a resting face. */
  near: number
  referenced: number
  /** In which the picture was dark or damaged, or the face could not be judged. */
  troubleMin: number
}

/** Fewer answers say nothing. */
const leastAnswers = 5
/** Of the picture, in a night. */
const mostTroubleMin = 60
/** A score that is higher by less only just reaches the threshold. */
const nearMargin = 0.05

export interface AdviceRow {
  /** For people who want to know why. */
  when: string
  holds: (counts: Counts) => boolean
  text: Texts
}

/** The first that holds. */
export const advice = {
  unanswered: {
    when: `of ${leastAnswers} or more alarms more than half have no answer`,
    holds: ({ alarms, unanswered }) => alarms >= leastAnswers && unanswered > alarms / 2,
    text: {
      en: 'Most alarms have no answer, so nothing can be advised: say “Seen” or “False alarm” when you have been at the bed.',
      de: 'Die meisten Alarme sind ohne Antwort, darum kein Rat: bitte „Gesehen“ oder „Fehlalarm“ sagen, wenn Sie am Bett waren.'
    }
  },
  few: {
    when: `fewer than ${leastAnswers} answers`,
    holds: ({ false_alarm, seen }) => false_alarm + seen < leastAnswers,
    text: {
      en: 'Too few answers to advise anything.',
      de: 'Zu wenige Antworten für einen Rat.'
    }
  },
  leave: {
    when: 'fewer than half of the answers say that the alarm was false',
    holds: ({ false_alarm, seen }) => false_alarm < (false_alarm + seen) / 2,
    text: {
      en: 'Fewer than half of the answers say that the alarm was false: leave everything as it is.',
      de: 'Weniger als die Hälfte der Antworten sagt Fehlalarm: alles lassen, wie es ist.'
    }
  },
  picture: {
    when: `at least half are said to be false, and for ${mostTroubleMin} min or more the picture was dark or damaged, or the face could not be judged`,
    holds: ({ troubleMin }) => troubleMin >= mostTroubleMin,
    text: {
      en: "Many false alarms, and the picture was poor for an hour or more: see to the camera's place and the light first.",
      de: 'Viele Fehlalarme, und das Bild war eine Stunde oder länger schlecht: zuerst Platz der Kamera und Licht prüfen.'
    }
  },
  renew: {
    when: 'at least half are said to be false, and at least half of these were judged against a resting face',
    holds: ({ false_alarm, referenced }) => referenced >= false_alarm / 2,
    text: {
      en: 'Many false alarms in spite of the resting face: take it anew while the resident is comfortable; if that does not help, remove it and see to the camera and the light.',
      de: 'Viele Fehlalarme trotz des Ruhegesichts: neu aufnehmen, wenn nichts weh tut; hilft das nicht, entfernen und Kamera und Licht prüfen.'
    }
  },
  threshold: {
    when: `at least half are said to be false, and at least half of these scored less than ${nearMargin} above the threshold`,
    holds: ({ false_alarm, near }) => near >= false_alarm / 2,
    text: {
      en: 'Many false alarms, which only just reach the threshold: the technician may raise alarm.onset_threshold a little. It holds for all beds of the box, and weaker pain is missed.',
      de: 'Viele Fehlalarme, die die Schwelle nur knapp erreichen: Die Technik kann alarm.onset_threshold etwas anheben. Das gilt für alle Betten des Geräts, und schwächerer Schmerz wird übersehen.'
    }
  },
  reference: {
    when: 'at least half are said to be false',
    holds: () => true,
    text: {
      en: 'Many false alarms: if the nurse at the bed finds that nothing hurts, take a resting face. Not where pain is always there.',
      de: 'Viele Fehlalarme: Findet die Pflegekraft am Bett, dass nichts weh tut, ein Ruhegesicht aufnehmen. Nicht, wo Schmerz immer da ist.'
    }
  }
} as const satisfies Record<string, AdviceRow>
export type AdviceName = keyof typeof advice

/** @param troubleMin for how many minutes the picture was dark or damaged, or the face could not be judged */
export function feedbackOf(alarms: readonly AnsweredAlarm[], troubleMin: number): Feedback {
  const by = (wanted: AnsweredAlarm['said'][number]) => alarms.filter((alarm) => answerOf(alarm) === wanted)
  const [wrong, seen] = [by('false_alarm'), by('seen').length]
  const told = {
    ...{ alarms: alarms.length, false_alarm: wrong.length, seen },
    unanswered: alarms.length - wrong.length - seen
  }
  const near = wrong.filter(({ margin }) => margin !== null && margin < nearMargin).length
  const counts = { ...told, near, referenced: wrong.filter(({ referenced }) => referenced).length, troubleMin }
  const [name] = (Object.entries(advice) as [AdviceName, AdviceRow][]).find(([, { holds }]) => holds(counts))!
  return { ...told, advice: name }
}

/** The last word on what was found. */
const answerOf = ({ said }: AnsweredAlarm) => said.findLast((kind) => kind !== 'coming')

/** The day from noon to noon that it is at a time, by the clock of this machine, or one of those before. */
export function nightAt(at: Date, back = 0): { from: Date; to: Date } {
  const noon = (days: number): Date => {
    const date = at.getDate() - (at.getHours() < 12 ? 1 : 0) - back + days
    return new Date(at.getFullYear(), at.getMonth(), date, 12)
  }
  return { from: noon(0), to: noon(1) }
}
