import type { AlarmMessage, Condition, EndReason, Location } from '../../contract/messages.js'

type Text = AlarmMessage['text']

/** Plain, short, and never a diagnosis: painlens suspects, a person finds out. */
const conditions: Record<Condition, { start: Text; cleared: Text }> = {
  pain: {
    start: { en: 'Pain suspected', de: 'Verdacht auf Schmerz' },
    cleared: { en: 'Pain no longer suspected', de: 'Kein Verdacht auf Schmerz mehr' }
  },
  camera_lost: {
    start: { en: 'Camera lost', de: 'Kamera ausgefallen' },
    cleared: { en: 'Camera back', de: 'Kamera wieder da' }
  },
  camera_frozen: {
    start: { en: 'Camera picture frozen', de: 'Kamerabild eingefroren' },
    cleared: { en: 'Camera picture live again', de: 'Kamerabild wieder lebendig' }
  },
  camera_dark: {
    start: { en: 'Camera picture dark or covered', de: 'Kamerabild dunkel oder verdeckt' },
    cleared: { en: 'Camera picture visible again', de: 'Kamerabild wieder sichtbar' }
  },
  inference_failed: {
    start: { en: 'Faces cannot be analysed', de: 'Gesichter können nicht ausgewertet werden' },
    cleared: { en: 'Faces are analysed again', de: 'Gesichter werden wieder ausgewertet' }
  },
  explanation_failed: {
    start: { en: 'Alarms come without explanation', de: 'Alarme kommen ohne Erklärung' },
    cleared: { en: 'Alarms are explained again', de: 'Alarme werden wieder erklärt' }
  },
  outbox_full: {
    start: { en: 'Too many undelivered alarms', de: 'Zu viele nicht zugestellte Alarme' },
    cleared: { en: 'Undelivered alarms are within bounds again', de: 'Nicht zugestellte Alarme wieder im Rahmen' }
  },
  outbox_failed: {
    start: {
      en: 'Disk refuses alarms, they wait in memory only',
      de: 'Alarme lassen sich nicht speichern, sie warten nur im Arbeitsspeicher'
    },
    cleared: { en: 'Alarms are kept on disk again', de: 'Alarme werden wieder gespeichert' }
  },
  config_rejected: {
    start: { en: 'The changed config was not taken over', de: 'Die geänderte Konfiguration wurde nicht übernommen' },
    cleared: { en: 'The config was taken over', de: 'Die Konfiguration wurde übernommen' }
  },
  clock_unsynchronised: {
    start: { en: 'Clock not synchronised, times may be wrong', de: 'Uhr nicht synchronisiert, Zeiten evtl. falsch' },
    cleared: { en: 'Clock synchronised again', de: 'Uhr wieder synchronisiert' }
  },
  broker_lost: {
    start: { en: 'No connection to the broker, alarms wait', de: 'Keine Verbindung zum Broker, Alarme warten' },
    cleared: { en: 'Connection to the broker is back', de: 'Verbindung zum Broker wieder da' }
  },
  test: {
    start: { en: 'Test alarm', de: 'Testalarm' },
    cleared: { en: 'Test alarm over', de: 'Testalarm beendet' }
  }
}

/** The reasons after which nobody knows how the person is. */
const unwatched: Partial<Record<EndReason, Text>> = {
  track_lost: { en: 'alarm ended, face out of sight', de: 'Alarm beendet, Gesicht nicht mehr im Bild' },
  camera_lost: { en: 'alarm ended, camera lost', de: 'Alarm beendet, Kamera ausgefallen' },
  camera_frozen: { en: 'alarm ended, camera picture frozen', de: 'Alarm beendet, Kamerabild eingefroren' },
  camera_dark: {
    en: 'alarm ended, camera picture dark or covered',
    de: 'Alarm beendet, Kamerabild dunkel oder verdeckt'
  },
  camera_paused: { en: 'alarm ended, camera paused', de: 'Alarm beendet, Kamera pausiert' },
  reconfigured: { en: 'alarm ended, camera settings changed', de: 'Alarm beendet, Kamera umgestellt' },
  stopped: { en: 'alarm ended, painlens stopped', de: 'Alarm beendet, painlens wurde angehalten' },
  restarted: { en: 'alarm ended, painlens had to restart', de: 'Alarm beendet, painlens wurde neu gestartet' }
}

/** How long it took, where that is what one wants to know afterwards. */
const afterwards: Partial<Record<Condition, (span: string) => Text>> = {
  broker_lost: (span) => ({ en: `it was away for ${span}`, de: `sie fehlte ${span} lang` })
}

const words = {
  en: { room: 'room', bed: 'bed', camera: 'camera' },
  de: { room: 'Zimmer', bed: 'Bett', camera: 'Kamera' }
}

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
export function wording(about: Wording): Text {
  return { en: sentence(about, 'en'), de: sentence(about, 'de') }
}

function sentence(about: Wording, language: 'en' | 'de'): string {
  const { condition, reason, detail, durationS } = about
  const why = reason === null ? undefined : unwatched[reason]
  const over = reason !== null && why === undefined
  const subject = conditions[condition][over ? 'cleared' : 'start'][language]
  const lasted = over && afterwards[condition]?.(span(durationS))[language]
  const model = { en: ' (demonstration model)', de: ' (Demonstrationsmodell)' }[language]
  return [
    [subject, ...place(about, language)].join(', '),
    why ? `: ${why[language]}` : '',
    detail && !over ? `: ${detail}` : '',
    lasted ? `: ${lasted}` : '',
    about.demonstration ? model : ''
  ].join('')
}

/** `45 s`, `12 min`, `3 h`: the same in both languages. */
function span(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}

function place({ location, camera }: Wording, language: 'en' | 'de'): string[] {
  const { room, bed, camera: cameraWord } = words[language]
  const parts = [
    location.room === null ? '' : `${room} ${location.room}`,
    location.bed === null ? '' : `${bed} ${location.bed}`
  ]
  const known = parts.filter((part) => part !== '')
  return known.length > 0 || camera === null ? known : [`${cameraWord} ${camera}`]
}
