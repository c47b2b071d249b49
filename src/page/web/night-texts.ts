/** The words of the screen that shows a night. */
import type { LanguageCode } from '../../contract/languages/index.js'
import type { NightDeed } from '../wire.js'

export interface NightTexts {
  title: (dates: string) => string
  hint: string
  earlier: string
  later: string
  csv: string
  notRecorded: string
  notRecordedNow: string
  cut: string
  nothing: string
  table: string
  tableHint: string
  time: string
  what: string
  more: (count: number) => string
  legend: { watched: string; no_face: string; paused: string; unknown: string; alarm: string; ack: string }
  alarm: (priority: string, text: string) => string
  test: string
  until: (time: string) => string
  unacknowledged: string
  deed: (what: NightDeed['what'], by: string, minutes: number | null) => string
  answers: {
    title: string
    hint: string
    /** Alarms, said to be false, said to be seen, without an answer. */
    columns: readonly [string, string, string, string]
    csv: string
  }
}

const en: NightTexts = {
  title: (dates) => `From noon to noon: ${dates}`,
  hint: 'What painlens has recorded of each room. Where it is hatched, nothing was watched, or painlens was off: nothing is known of that time.',
  earlier: 'The night before',
  later: 'The night after',
  csv: 'As a table file (CSV)',
  notRecorded: 'not recorded',
  notRecordedNow: 'Nothing is recorded at present: the disk cannot be written to. The log of painlens says more.',
  cut: 'There is more than this page shows.',
  nothing: 'Nothing is recorded of this night.',
  table: 'What has been',
  tableHint: 'Time that is not listed for a room was watched.',
  time: 'Time',
  what: 'What',
  more: (count) => `Show ${count} more`,
  legend: {
    watched: 'watched',
    no_face: 'no face in the picture',
    paused: 'paused for care',
    unknown: 'unknown',
    alarm: 'pain suspected',
    ack: 'acknowledged'
  },
  alarm: (priority, text) => `Alarm ${priority}: ${text}`,
  test: 'Test: ',
  until: (time) => `${time}, its end is not recorded`,
  unacknowledged: 'not acknowledged',
  deed: (what, by, minutes) =>
    ({
      look: `${by} asked for pictures for ${minutes} min`,
      pause: `${by} paused it for ${minutes} min`,
      resume: `${by} ended the pause`,
      reference: `${by} took the resting face`,
      reference_removed: `${by} removed the resting face`
    })[what],
  answers: {
    title: 'What was said of the alarms',
    hint: 'Alarms for pain that began in this night, by room. “I am coming” is no answer to what was found. painlens learns nothing from this by itself: people decide.',
    columns: ['Alarms', 'False alarm', 'Seen', 'No answer'],
    csv: 'These answers as a table file (CSV)'
  }
}

const de: NightTexts = {
  title: (dates) => `Von Mittag bis Mittag: ${dates}`,
  hint: 'Was painlens zu jedem Zimmer aufgezeichnet hat. Wo es schraffiert ist, wurde nicht beobachtet, oder painlens war aus: Über diese Zeit ist nichts bekannt.',
  earlier: 'Die Nacht davor',
  later: 'Die Nacht danach',
  csv: 'Als Tabellendatei (CSV)',
  notRecorded: 'nicht aufgezeichnet',
  notRecordedNow:
    'Zurzeit wird nichts aufgezeichnet: Die Festplatte ist nicht beschreibbar. Mehr steht im Log von painlens.',
  cut: 'Es gibt mehr, als diese Seite zeigt.',
  nothing: 'Von dieser Nacht ist nichts aufgezeichnet.',
  table: 'Was war',
  tableHint: 'Zeit, die für ein Zimmer nicht aufgeführt ist, wurde beobachtet.',
  time: 'Zeit',
  what: 'Was',
  more: (count) => `${count} weitere zeigen`,
  legend: {
    watched: 'wird beobachtet',
    no_face: 'kein Gesicht im Bild',
    paused: 'Pause für Pflege',
    unknown: 'unbekannt',
    alarm: 'Verdacht auf Schmerz',
    ack: 'bestätigt'
  },
  alarm: (priority, text) => `Alarm ${priority}: ${text}`,
  test: 'Probe: ',
  until: (time) => `${time}, das Ende ist nicht aufgezeichnet`,
  unacknowledged: 'nicht bestätigt',
  deed: (what, by, minutes) =>
    ({
      look: `${by} hat für ${minutes} min Bilder angefordert`,
      pause: `${by} hat für ${minutes} min pausiert`,
      resume: `${by} hat die Pause beendet`,
      reference: `${by} hat das Ruhegesicht aufgenommen`,
      reference_removed: `${by} hat das Ruhegesicht entfernt`
    })[what],
  answers: {
    title: 'Was zu den Alarmen gesagt wurde',
    hint: 'Schmerzalarme, die in dieser Nacht begannen, nach Zimmern. „Ich komme“ ist keine Antwort darauf, was gefunden wurde. painlens lernt daraus nichts von selbst: Menschen entscheiden.',
    columns: ['Alarme', 'Fehlalarm', 'Gesehen', 'Ohne Antwort'],
    csv: 'Diese Antworten als Tabellendatei (CSV)'
  }
}

export const nightTexts: Record<LanguageCode, NightTexts> = { en, de }
