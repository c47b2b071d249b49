import type { RegionName } from '../../../core/types.js'
import type { Finding, NamedRegion } from './finding.js'
import { type Language, listed } from './finding.js'

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

const impression = (label: string): string => `Der Eindruck von ${label}, den das Modell hat,`

const list = (named: readonly NamedRegion[]): string =>
  listed(
    named.map(({ region, percent }) => `${regions[region].onWhat} (${percent} %)`),
    'und'
  )

const sayings: Record<Finding['kind'], (label: string, named: readonly NamedRegion[]) => string> = {
  mostly: (label, named) => `${impression(label)} beruht vor allem auf ${list(named)}`,
  many: (label, named) => `${impression(label)} beruht auf vielen Bereichen, am stärksten auf ${list(named)}`,
  spread: (label) => `${impression(label)} verteilt sich auf viele Bereiche, und keiner davon sticht hervor`,
  none: (label) => `Das Modell findet im Bild nichts, was für ${label} spricht`
}

const speaksAgainst = (region: RegionName, contested: boolean): string => {
  const { who, plural } = regions[region]
  const speak = plural ? 'sprechen' : 'spricht'
  return contested ? `; unterm Strich ${speak} ${who} dagegen` : `; ${who} ${speak} dagegen`
}

export const de: Language = {
  sentence: (label, { kind, regions: named, against, contested, outweighed, unsteady, careful }) =>
    [
      sayings[kind](labels.get(label) ?? `„${label}“`, named),
      against ? speaksAgainst(against, contested) : '',
      outweighed ? '; insgesamt spricht mehr dagegen als dafür' : '',
      unsteady ? '; das ändert sich deutlich, wenn das Bild leicht verändert wird' : '',
      careful ? '; Vorsicht ist geboten' : '',
      '.'
    ].join('')
}
