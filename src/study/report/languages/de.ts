import { findingsDe } from './findings-de.js'
import { listing, pText, type ReportLanguage } from './language.js'
import { trapDe } from './traps-de.js'

const number: ReportLanguage['number'] = (value, digits) => value.toFixed(digits).replace('-', '−').replace('.', ',')
const share = (value: number): string => `${number(100 * value, 0)}\u00a0%`
const p = (value: number | null): string => pText(value, number)
const pIs = (value: number | null): string => (value !== null && value < 0.001 ? 'p < 0,001' : `p = ${p(value)}`)

const labels = new Map([
  ['pain', 'Schmerz'],
  ['disgust', 'Ekel'],
  ['happiness', 'Freude'],
  ['neutral', 'neutral']
])
const label = (name: string): string => labels.get(name) ?? name

export const reportDe: ReportLanguage = {
  ...findingsDe,
  number,
  label,
  region: {
    brows: 'Brauen',
    eyes: 'Augen',
    nose: 'Nase',
    nostrils: 'Nasenflügel',
    nasolabial_folds: 'Nasolabialfalten',
    mouth: 'Mund',
    cheeks: 'Wangen',
    forehead: 'Stirn',
    chin: 'Kinn',
    outside: 'außerhalb des Gesichts'
  },
  page: {
    title: 'Was das Modell gelernt hat und worauf es schaut',
    lead: ({ crops, subjects, folds, best, version, seed, key }) =>
      `${crops} Bilder von ${subjects} Personen, jedes beurteilt von einem von ${folds} Modellen, nämlich dem, das diese Person nie gesehen hat. Wo ein Modell für alle steht, ist es wie im Paper das genaueste, hier das von Teil ${best}. painlens ${version}, Startwert ${seed}, Lauf ${key}.`,
    noDevice:
      'Dies ist Forschung. Weder das Modell noch dieser Bericht ist ein Medizinprodukt, und keines von beiden sagt, ob ein Mensch Schmerzen hat.',
    withoutPictures: 'Alle Gesichter in diesem Bericht sind gezeichnet; er zeigt kein Bild eines Menschen.',
    withPictures:
      'Dieser Bericht zeigt Bilder seines Datensatzes. Zeigen sie Menschen, bewahren Sie ihn so auf, wie deren Einwilligung es sagt.',
    files: 'Dateien:',
    training: 'Für das Team: erst selbst urteilen, dann sehen, worauf das Modell schaut',
    trap: (found) => `!Warnung zu den Daten: ${trapDe(found, label)}`,
    warning: (text) => `!Warnung zu den Daten oder der Auswertung (wie sie dort steht): ${text}`
  },
  data: {
    titles: { data: 'Die Daten', classes: 'Wie gut das Modell ist', confusion: 'Was es womit verwechselt' },
    paper: 'Paper',
    own: 'diese Studie',
    head: {
      label: 'Klasse',
      images: 'Bilder',
      subjects: 'Personen',
      videos: 'Videos',
      sources: 'Quellen',
      precision: 'Präzision',
      recall: 'Trefferquote',
      recallInterval: '95\u00a0% über Personen',
      f1: 'F1',
      whose: 'aus',
      called: 'genannt',
      shown: 'gezeigt',
      noFace: 'kein brauchbares Gesicht',
      share: 'Anteil der Zeile'
    },
    mean: 'Mittel',
    table1: 'Tabelle 1: Bilder und Personen je Klasse',
    table2: 'Tabelle 2: Präzision, Trefferquote (recall) und F1 je Klasse, über alle Teile',
    figure1: 'Abbildung 1: was gezeigt wurde (Zeilen) und wie es genannt wurde (Spalten)',
    paperNote:
      'Graue Zeilen sind die Zahlen von Weitz et al. 2018 (BioVid, bester von fünf Teilen), also von anderen Daten.',
    confusionNote:
      'Anzahl der Bilder; die Farbe ist ihr Anteil an der Zeile. Unter jeder Anzahl ihr Anteil; in Klammern, wo bekannt, der Anteil in Abbildung 1 von Weitz et al. 2018.',
    accuracy: ({ accuracy, balanced_accuracy, most_frequent, best, paper }) =>
      [
        `${share(accuracy.value ?? 0)} der Bilder werden richtig benannt`,
        accuracy.subjects
          ? ` (95\u00a0%: ${share(accuracy.subjects.low)} bis ${share(accuracy.subjects.high)}, durch Ziehen von Personen)`
          : '',
        `; das Mittel der Trefferquoten ist ${share(balanced_accuracy.value ?? 0)}. `,
        most_frequent === null
          ? ''
          : `Wer jedem Bild die häufigste Klasse gäbe, hätte bei ${share(most_frequent)} recht. `,
        best === null
          ? ''
          : `Der beste Teil erreicht ${share(best.accuracy)} von ${best.crops} Bildern (95\u00a0%: ${share(best.wilson.low)} bis ${share(best.wilson.high)}), der beste des Papers ${share(paper)}, auf anderen Daten.`
      ].join(''),
    guessing: (difference, value, subjects) =>
      value !== null && value < 0.05
        ? `Über ${subjects} Personen liegt die mittlere Trefferquote ${number(100 * Math.abs(difference), 1)} Prozentpunkte ${difference < 0 ? 'unter' : 'über'} dem Raten (${pIs(value)}, Vorzeichen von Personen vertauscht).`
        : `Über ${subjects} Personen weicht die mittlere Trefferquote um ${number(100 * difference, 1)} Prozentpunkte vom Raten ab, was Zufall sein kann (${pIs(value)}).`,
    differences: (found) =>
      found.length === 0
        ? 'Dass eine Klasse häufiger erkannt wird als eine andere, kann Zufall sein (p mindestens 0,05 für jedes Paar).'
        : `Häufiger erkannt: ${listing(
            found.map(
              (one) =>
                `${one.better} als ${one.worse} um ${number(100 * one.difference, 1)} Prozentpunkte (${pIs(one.p)})`
            ),
            'und'
          )}.`,
    confused: (said) =>
      said === null
        ? 'Kein Bild wird anders genannt als das, was es zeigt.'
        : `Die häufigste Verwechslung: ${share(said.share)} der Bilder von ${said.label} werden ${said.called} genannt${
            said.paper === null ? '' : ` (im Paper ${share(said.paper)})`
          }.`
  }
}
