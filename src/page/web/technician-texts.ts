/** The words of the technician's screen. */
import type { LanguageCode } from '../../contract/languages/index.js'
import type { CameraState, UnusableReason } from '../../core/types.js'
import type { CheckLamp } from '../wire.js'
import { type EditorTexts, editorTexts } from './editor-texts.js'
import type { Words } from './texts.js'

interface TechnicianTexts {
  cameras: string
  looksAreLogged: string
  noPictures: string
  lookNow: string
  stopLooking: string
  pictureOf: (camera: string) => string
  face: (px: number, least: number, roll: number) => string
  usable: string
  whyNot: Record<UnusableReason, string>
  cameraState: string
  cameraStates: Record<CameraState, string>
  fps: string
  damaged: string
  usableShare: string
  decoder: string
  check: string
  checkHint: string
  lampStates: Record<CheckLamp['state'], string>
  way: string
  wayHint: string
  wayCamera: string
  wayStart: string
  wayRaised: (camera: string, by: string) => string
  wayConfirmed: string
  wayBack: string
  wayNotBack: string
  wayAcknowledged: string
  wayAcknowledgedBy: (by: string) => string
  wayWaiting: string
  wayNever: string
  wayEnded: (time: string) => string
  find: string
  findHint: string
  findUser: string
  findPassword: string
  findFingerprints: string
  findStart: string
  finding: string
  foundNone: string
  noStream: string
}

const en: TechnicianTexts = {
  cameras: 'Cameras of this box',
  looksAreLogged:
    'A picture is shown for 10 minutes after each request, and each request is logged with your name. A pause for care shows none.',
  noPictures: 'Pictures are off. privacy.show_pictures in the config turns them on.',
  lookNow: 'Show the picture for 10 min',
  stopLooking: 'Hide the picture',
  pictureOf: (camera) => `What painlens sees of camera ${camera}, masks black`,
  face: (px, least, roll) => `Face ${px} px wide (at least ${least}), turned by ${roll}°`,
  usable: 'can be judged',
  whyNot: {
    roll: 'cannot be judged: lies or hangs',
    small: 'cannot be judged: too small',
    covered: 'cannot be judged: covered',
    blurred: 'cannot be judged: blurred',
    profile: 'cannot be judged: in profile',
    dark: 'cannot be judged: too dark'
  },
  cameraState: 'State',
  cameraStates: {
    ok: 'good pictures',
    connecting: 'being connected',
    lost: 'lost',
    frozen: 'frozen',
    dark: 'dark',
    damaged: 'damaged',
    paused: 'paused for care'
  },
  fps: 'Frames per second',
  damaged: 'Damaged frames',
  usableShare: 'Usable face, last hour',
  decoder: 'Decoder',
  check: 'How this box is',
  checkHint:
    'The lamps of painlens check, as the running painlens sees itself. The command tries more, and before a start.',
  lampStates: { ok: 'fine', warn: 'to consider', fail: 'to mend' },
  way: 'Test the way to the nurse call',
  wayHint:
    'Raises a test alarm for three minutes. Acknowledge it where nurses would: by the nurse call, or on the ward screen of this page.',
  wayCamera: 'Camera',
  wayStart: 'Raise a test alarm',
  wayRaised: (camera, by) => `Raised for ${camera} by ${by}`,
  wayConfirmed: 'The broker has confirmed it',
  wayBack: 'It came back from the broker, as listeners get it',
  wayNotBack: 'no; does the broker let this user read its own alarms?',
  wayAcknowledged: 'Acknowledged',
  wayAcknowledgedBy: (by) => `Acknowledged by ${by}`,
  wayWaiting: 'waiting …',
  wayNever: 'no',
  wayEnded: (time) => `The test has ended at ${time}.`,
  find: 'Find cameras',
  findHint:
    'Asks the network of this box by ONVIF. A login goes, as a digest, to devices that answer. Copy the address of a stream into the config; the password belongs there too, best as a credential. No pictures are fetched: masks would not be in them.',
  findUser: 'User of the cameras (may be left empty)',
  findPassword: 'Password',
  findFingerprints: 'Fingerprints of certificates to trust (where a search says so)',
  findStart: 'Search',
  finding: 'Searching …',
  foundNone: 'No device has answered.',
  noStream: 'no stream at its own address'
}

const de: TechnicianTexts = {
  cameras: 'Kameras dieses Geräts',
  looksAreLogged:
    'Ein Bild wird nach jeder Anfrage 10 Minuten lang gezeigt, und jede Anfrage wird mit Ihrem Namen protokolliert. Eine Pause für Pflege zeigt keines.',
  noPictures: 'Bilder sind ausgeschaltet. privacy.show_pictures in der Konfiguration schaltet sie ein.',
  lookNow: 'Bild 10 min lang zeigen',
  stopLooking: 'Bild verbergen',
  pictureOf: (camera) => `Was painlens von Kamera ${camera} sieht, Masken schwarz`,
  face: (px, least, roll) => `Gesicht ${px} px breit (mindestens ${least}), um ${roll}° gedreht`,
  usable: 'beurteilbar',
  whyNot: {
    roll: 'nicht beurteilbar: liegt oder hängt',
    small: 'nicht beurteilbar: zu klein',
    covered: 'nicht beurteilbar: verdeckt',
    blurred: 'nicht beurteilbar: unscharf',
    profile: 'nicht beurteilbar: im Profil',
    dark: 'nicht beurteilbar: zu dunkel'
  },
  cameraState: 'Zustand',
  cameraStates: {
    ok: 'gute Bilder',
    connecting: 'wird verbunden',
    lost: 'ausgefallen',
    frozen: 'eingefroren',
    dark: 'dunkel',
    damaged: 'gestört',
    paused: 'Pause für Pflege'
  },
  fps: 'Bilder je Sekunde',
  damaged: 'Gestörte Bilder',
  usableShare: 'Gesicht beurteilbar, letzte Stunde',
  decoder: 'Decoder',
  check: 'Wie es um dieses Gerät steht',
  checkHint:
    'Die Lampen von painlens check, wie das laufende painlens sich selbst sieht. Der Befehl prüft mehr, auch vor einem Start.',
  lampStates: { ok: 'gut', warn: 'zu bedenken', fail: 'zu beheben' },
  way: 'Den Weg zur Rufanlage prüfen',
  wayHint:
    'Löst für drei Minuten einen Probealarm aus. Bestätigen Sie ihn, wo Pflegende es täten: an der Rufanlage, oder auf dieser Seite unter Station.',
  wayCamera: 'Kamera',
  wayStart: 'Probealarm auslösen',
  wayRaised: (camera, by) => `Ausgelöst für ${camera} von ${by}`,
  wayConfirmed: 'Der Broker hat ihn bestätigt',
  wayBack: 'Er kam vom Broker zurück, wie Zuhörer ihn bekommen',
  wayNotBack: 'nein; darf dieser Benutzer beim Broker seine eigenen Alarme lesen?',
  wayAcknowledged: 'Bestätigt',
  wayAcknowledgedBy: (by) => `Bestätigt von ${by}`,
  wayWaiting: 'wartet …',
  wayNever: 'nein',
  wayEnded: (time) => `Die Probe endete um ${time}.`,
  find: 'Kameras finden',
  findHint:
    'Fragt das Netz dieses Geräts per ONVIF. Ein Login geht, als Prüfsumme, an Geräte, die antworten. Die Adresse eines Streams in die Konfiguration kopieren; das Passwort gehört auch dorthin, am besten als Credential. Bilder werden nicht geholt: Masken wären nicht darin.',
  findUser: 'Benutzer der Kameras (kann leer bleiben)',
  findPassword: 'Passwort',
  findFingerprints: 'Fingerabdrücke von Zertifikaten, denen vertraut wird (falls eine Suche danach fragt)',
  findStart: 'Suchen',
  finding: 'Sucht …',
  foundNone: 'Kein Gerät hat geantwortet.',
  noStream: 'kein Stream an der eigenen Adresse'
}

const all: Record<LanguageCode, TechnicianTexts> = { en, de }

export interface TechnicianWords extends Words, TechnicianTexts {
  editor: EditorTexts
}

export const technicianWords = (words: Words): TechnicianWords => ({
  ...words,
  ...all[words.code],
  editor: editorTexts[words.code]
})
