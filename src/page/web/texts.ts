/** Every word of the page in both languages; alarms bring their own. */
import type { Priority } from '../../contract/conditions.js'
import type { LanguageCode } from '../../contract/languages/index.js'
import type { Acknowledgement } from '../../contract/messages.js'
import type { RoomLamp, RoomReference, RoomUnknown } from '../wire.js'

/** Of a screen, the browser's own connection can be lost, too. */
export type ShownReason = RoomUnknown | 'link_lost'
type RestingState = RoomReference['beds'][number]['state']

interface Texts {
  language: string
  content: string
  ward: string
  logIn: string
  logOut: string
  token: string
  name: string
  nameHint: string
  wrongToken: string
  wait: (seconds: number) => string
  loading: string
  alarms: (count: number) => string
  noAlarm: string
  mirror: string
  rooms: string
  box: (device: string) => string
  brokerAway: string
  connected: string
  linkLost: (seconds: number) => string
  demonstration: string
  lamp: Record<Exclude<RoomLamp, 'unknown'>, string>
  pausedUntil: (time: string) => string
  /** What a lamp says of the resting face of a bed, by its state. */
  resting: Record<RestingState, string>
  comfortable: string
  restingFace: string
  unknown: (why: string) => string
  why: Record<ShownReason, string>
  priority: Record<Priority, string>
  acknowledgement: Record<Acknowledgement['kind'], string>
  acknowledgedBy: (kind: string, time: string) => string
  unacknowledged: string
  since: (time: string, span: string) => string
  ended: (from: string, to: string) => string
  showHeatmap: string
  hideHeatmap: string
  heatmapOf: string
  pause: string
  pauseTitle: (place: string) => string
  pauseHint: string
  minutes: (count: number) => string
  resume: string
  close: string
  failed: (why: string) => string
  theme: string
  room: string
  bed: string
  soundOn: string
  soundMuted: string
  technician: string
  night: string
  oldPage: string
}

const en: Texts = {
  language: 'Deutsch',
  content: 'To the content',
  ward: 'Ward',
  logIn: 'Log in',
  logOut: 'Log out',
  token: 'Token',
  name: 'Your name or initials',
  nameHint: 'Stands beside what you acknowledge or pause.',
  wrongToken: 'That is not the token.',
  wait: (seconds) => `Wait for ${seconds} s, then try again.`,
  loading: 'Loading …',
  alarms: (count) => `Open alarms (${count})`,
  noAlarm: 'No open alarm. This does not mean that everyone is free of pain.',
  mirror: 'This page mirrors alarms. It does not replace the nurse call.',
  rooms: 'Rooms',
  box: (device) => `Box ${device}`,
  brokerAway: 'The broker cannot be reached: alarms do not get through to the nurse call. Go and look.',
  connected: 'connected',
  linkLost: (seconds) => `Connection lost for ${seconds} s. What you see is old: go and look.`,
  demonstration: 'Demonstration model: it says nothing about people.',
  lamp: { watched: 'watched', pain: 'pain suspected', no_face: 'no face in the picture', paused: 'paused for care' },
  pausedUntil: (time) => `paused for care until ${time}`,
  resting: { used: 'resting face', suspended: 'resting face suspended', expired: 'resting face expired' },
  comfortable: 'Is comfortable now …',
  restingFace: 'Resting face: take anew or remove …',
  unknown: (why) => `unknown: ${why}`,
  why: {
    box_off: 'box is off',
    box_unheard: 'nothing heard of the box yet',
    broker_away: 'broker cannot be reached',
    box_silent: 'box is silent',
    alarms_unheard: 'alarms of this box are not heard',
    inference_failed: 'model does not work',
    connecting: 'camera is being connected',
    lost: 'camera lost',
    frozen: 'picture frozen',
    dark: 'picture dark',
    damaged: 'picture damaged',
    face_unusable: 'face cannot be judged',
    link_lost: 'connection lost'
  },
  priority: { high: 'HIGH', medium: 'MEDIUM', low: 'LOW' },
  acknowledgement: { coming: 'I am coming', seen: 'Seen', false_alarm: 'False alarm' },
  acknowledgedBy: (kind, time) => `: ${kind}, ${time}`,
  unacknowledged: 'not acknowledged yet',
  since: (time, span) => `since ${time}, for ${span}`,
  ended: (from, to) => `${from} to ${to}, ended`,
  showHeatmap: 'Show what the model looked at',
  hideHeatmap: 'Hide the picture',
  heatmapOf: 'What the model looked at',
  pause: 'Pause for care …',
  pauseTitle: (place) => `Pause for care: ${place}`,
  pauseHint: 'The camera is not looked at until the pause is over. It then goes on by itself.',
  minutes: (count) => `${count} min`,
  resume: 'End the pause',
  close: 'Close',
  failed: (why) => `It did not work: ${why}`,
  theme: 'Light or dark',
  room: 'Room',
  bed: 'Bed',
  soundOn: 'Sound is on',
  soundMuted: 'Muted: tap for sound',
  technician: 'Technician',
  night: 'Tonight',
  oldPage: 'Load the page again.'
}

const de: Texts = {
  language: 'English',
  content: 'Zum Inhalt',
  ward: 'Station',
  logIn: 'Anmelden',
  logOut: 'Abmelden',
  token: 'Zugangscode',
  name: 'Ihr Name oder Kürzel',
  nameHint: 'Steht bei dem, was Sie bestätigen oder pausieren.',
  wrongToken: 'Das ist nicht der Zugangscode.',
  wait: (seconds) => `Bitte ${seconds} s warten, dann noch einmal versuchen.`,
  loading: 'Lädt …',
  alarms: (count) => `Offene Alarme (${count})`,
  noAlarm: 'Kein offener Alarm. Das heißt nicht, dass alle schmerzfrei sind.',
  mirror: 'Diese Seite spiegelt Alarme. Sie ersetzt die Rufanlage nicht.',
  rooms: 'Zimmer',
  box: (device) => `Gerät ${device}`,
  brokerAway: 'Der Broker ist nicht erreichbar: Alarme kommen nicht bei der Rufanlage an. Bitte nachsehen gehen.',
  connected: 'verbunden',
  linkLost: (seconds) => `Verbindung seit ${seconds} s weg. Was Sie sehen, ist alt: bitte nachsehen gehen.`,
  demonstration: 'Demonstrationsmodell: Es sagt nichts über Menschen.',
  lamp: {
    watched: 'wird beobachtet',
    pain: 'Verdacht auf Schmerz',
    no_face: 'kein Gesicht im Bild',
    paused: 'Pause für Pflege'
  },
  pausedUntil: (time) => `Pause für Pflege bis ${time}`,
  resting: { used: 'Ruhegesicht', suspended: 'Ruhegesicht ausgesetzt', expired: 'Ruhegesicht abgelaufen' },
  comfortable: 'Fühlt sich jetzt wohl …',
  restingFace: 'Ruhegesicht: neu aufnehmen oder entfernen …',
  unknown: (why) => `unbekannt: ${why}`,
  why: {
    box_off: 'Gerät ist aus',
    box_unheard: 'vom Gerät noch nichts gehört',
    broker_away: 'Broker nicht erreichbar',
    box_silent: 'Gerät meldet sich nicht',
    alarms_unheard: 'Alarme dieses Geräts kommen nicht an',
    inference_failed: 'Modell arbeitet nicht',
    connecting: 'Kamera wird verbunden',
    lost: 'Kamera ausgefallen',
    frozen: 'Bild eingefroren',
    dark: 'Bild dunkel',
    damaged: 'Bild gestört',
    face_unusable: 'Gesicht nicht beurteilbar',
    link_lost: 'Verbindung weg'
  },
  priority: { high: 'HOCH', medium: 'MITTEL', low: 'NIEDRIG' },
  acknowledgement: { coming: 'Ich komme', seen: 'Gesehen', false_alarm: 'Fehlalarm' },
  acknowledgedBy: (kind, time) => `: ${kind}, ${time}`,
  unacknowledged: 'noch nicht bestätigt',
  since: (time, span) => `seit ${time}, ${span}`,
  ended: (from, to) => `${from} bis ${to}, beendet`,
  showHeatmap: 'Zeigen, worauf das Modell geachtet hat',
  hideHeatmap: 'Bild verbergen',
  heatmapOf: 'Worauf das Modell geachtet hat',
  pause: 'Pause für Pflege …',
  pauseTitle: (place) => `Pause für Pflege: ${place}`,
  pauseHint: 'Bis zum Ende der Pause wird die Kamera nicht betrachtet. Danach geht es von selbst weiter.',
  minutes: (count) => `${count} min`,
  resume: 'Pause beenden',
  close: 'Schließen',
  failed: (why) => `Das hat nicht geklappt: ${why}`,
  theme: 'Hell oder dunkel',
  room: 'Zimmer',
  bed: 'Bett',
  soundOn: 'Ton ist an',
  soundMuted: 'Stumm: für Ton antippen',
  technician: 'Technik',
  night: 'Heute Nacht',
  oldPage: 'Bitte die Seite neu laden.'
}

const all: Record<LanguageCode, Texts> = { en, de }

/** A language, with what depends on it. */
export interface Words extends Texts {
  code: LanguageCode
  /** For dates and numbers. */
  locale: string
  /** The time of day. */
  clock: (iso: string) => string
}

export function wordsOf(code: LanguageCode): Words {
  const locale = code === 'en' ? 'en-GB' : code
  const format = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
  const clock = (iso: string): string => (Number.isNaN(Date.parse(iso)) ? '?' : format.format(new Date(iso)))
  return { ...all[code], code, locale, clock }
}

/** `45 s`, `12 min`, `3 h`: the same in both. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 90) return `${seconds} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
