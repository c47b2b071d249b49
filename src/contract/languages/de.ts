import type { RegionName } from '../../core/types.js'
import { type ExplainedLabels, enumerated, type Language, type NamedRegion, type Statement } from './language.js'

const alarm: Language['alarm'] = {
  conditions: {
    pain: { active: 'Verdacht auf Schmerz', over: 'Kein Verdacht auf Schmerz mehr' },
    camera_lost: { active: 'Kamera ausgefallen', over: 'Kamera wieder da' },
    camera_frozen: { active: 'Kamerabild eingefroren', over: 'Kamerabild wieder lebendig' },
    camera_dark: { active: 'Kamerabild dunkel oder verdeckt', over: 'Kamerabild wieder sichtbar' },
    camera_damaged: { active: 'Kamerabild gestört', over: 'Kamerabild wieder ungestört' },
    face_unusable: {
      active: 'Bewohner nicht überwacht, Gesicht nicht beurteilbar',
      over: 'Gesicht wieder beurteilbar oder nicht mehr im Bild'
    },
    nobody_seen: { active: 'Seit längerer Zeit kein Gesicht zu sehen', over: 'Wieder ein Gesicht zu sehen' },
    overloaded: {
      active: 'Gerät überlastet, Gesichter werden zu selten beurteilt: Alarme kommen spät',
      over: 'Gesichter werden wieder oft genug beurteilt'
    },
    inference_failed: {
      active: 'Gesichter können nicht ausgewertet werden',
      over: 'Gesichter werden wieder ausgewertet'
    },
    explanation_failed: { active: 'Alarme kommen ohne Erklärung', over: 'Alarme werden wieder erklärt' },
    outbox_full: { active: 'Zu viele nicht zugestellte Alarme', over: 'Nicht zugestellte Alarme wieder im Rahmen' },
    outbox_failed: {
      active: 'Alarme lassen sich nicht speichern, sie warten nur im Arbeitsspeicher',
      over: 'Alarme werden wieder gespeichert'
    },
    config_rejected: {
      active: 'Die geänderte Konfiguration wurde nicht übernommen',
      over: 'Die Konfiguration wurde übernommen'
    },
    clock_unsynchronised: {
      active: 'Uhr nicht synchronisiert, Zeiten evtl. falsch',
      over: 'Uhr wieder synchronisiert'
    },
    broker_lost: {
      active: 'Keine Verbindung zum Broker, Alarme warten',
      over: (span) => `Verbindung zum Broker wieder da: sie fehlte ${span} lang`
    },
    test: { active: 'Testalarm', over: 'Testalarm beendet' }
  },
  ended: {
    track_lost: 'Alarm beendet, Gesicht nicht mehr im Bild',
    person_uncertain: 'Alarm beendet, Gesicht nicht mehr im Bild, vielleicht eine andere Person an seinem Platz',
    face_unusable: 'Alarm beendet, Gesicht nicht beurteilbar',
    camera_lost: 'Alarm beendet, Kamera ausgefallen',
    camera_frozen: 'Alarm beendet, Kamerabild eingefroren',
    camera_dark: 'Alarm beendet, Kamerabild dunkel oder verdeckt',
    camera_damaged: 'Alarm beendet, Kamerabild gestört',
    camera_paused: 'Alarm beendet, Kamera pausiert',
    reconfigured: 'Alarm beendet, Kamera umgestellt',
    stopped: 'Alarm beendet, painlens wurde angehalten',
    restarted: 'Alarm beendet, painlens wurde neu gestartet'
  },
  place: { room: 'Zimmer', bed: 'Bett', camera: 'Kamera' },
  demonstration: 'Demonstrationsmodell',
  reference: {
    lowered: 'am Ruhegesicht dieses Bettes gemessen',
    overruled: 'mehr, als das Ruhegesicht dieses Bettes erklärt'
  }
}

const labels = new Map([
  ['pain', 'Schmerz'],
  ['disgust', 'Ekel'],
  ['happiness', 'Freude']
])

/** `who` is the nominative ("der Mund spricht dagegen"), `onWhat` the dative ("beruht auf dem Mund"). */
const regions: Record<RegionName, { who: string; onWhat: string; plural: boolean }> = {
  brows: { who: 'die Brauen', onWhat: 'den Brauen', plural: true },
  eyes: { who: 'die Augen', onWhat: 'den Augen', plural: true },
  nose: { who: 'die Nase', onWhat: 'der Nase', plural: false },
  nostrils: { who: 'die Nasenflügel', onWhat: 'den Nasenflügeln', plural: true },
  nasolabial_folds: { who: 'die Nasolabialfalten', onWhat: 'den Nasolabialfalten', plural: true },
  mouth: { who: 'der Mund', onWhat: 'dem Mund', plural: false },
  cheeks: { who: 'die Wangen', onWhat: 'den Wangen', plural: true },
  forehead: { who: 'die Stirn', onWhat: 'der Stirn', plural: false },
  chin: { who: 'das Kinn', onWhat: 'dem Kinn', plural: false },
  outside: { who: 'Bereiche außerhalb des Gesichts', onWhat: 'Bereichen außerhalb des Gesichts', plural: true }
}

const labelled = (names: readonly string[], and: string): string =>
  enumerated(
    names.map((name) => labels.get(name) ?? `„${name}“`),
    and
  )

const nameOf = ({ labels: own, ratherThan }: ExplainedLabels): string =>
  labelled(own, 'und') + (ratherThan.length > 0 ? ` statt ${labelled(ratherThan, 'oder')}` : '')

const impression = (label: string): string => `Der Eindruck von ${label}, den das Modell hat,`

const list = (named: readonly NamedRegion[]): string =>
  enumerated(
    named.map(({ region, percent }) => `${regions[region].onWhat} (${percent} %)`),
    'und'
  )

const sayings: Record<Statement['kind'], (label: string, named: readonly NamedRegion[]) => string> = {
  mostly: (label, named) => `${impression(label)} beruht vor allem auf ${list(named)}`,
  many: (label, named) => `${impression(label)} beruht auf vielen Bereichen, am stärksten auf ${list(named)}`,
  spread: (label) => `${impression(label)} verteilt sich auf viele Bereiche, und keiner davon sticht hervor`,
  none: (label) => `Das Modell findet im Bild keinen Bereich, der für ${label} spricht`
}

const speaksAgainst = (region: RegionName): string => {
  const { who, plural } = regions[region]
  return `; ${who} ${plural ? 'sprechen' : 'spricht'} dagegen`
}

export const de: Language = {
  alarm,
  explanationOfLowered: 'Das Ruhegesicht dieses Bettes hat den Wert gesenkt; an dieser Erklärung ändert es nichts.',
  explanation: (explained, { kind, regions: named, against, outweighed, unsteady, careful }) =>
    [
      sayings[kind](nameOf(explained), named),
      against ? speaksAgainst(against) : '',
      outweighed ? '; insgesamt spricht mehr dagegen als dafür' : '',
      unsteady ? '; das ändert sich deutlich, wenn das Bild leicht verändert wird' : '',
      careful ? '; Vorsicht ist geboten' : '',
      '.'
    ].join('')
}
