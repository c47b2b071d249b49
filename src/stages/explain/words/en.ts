import type { RegionName } from '../../../core/types.js'
import type { Finding, NamedRegion } from './finding.js'
import { type Language, listed } from './finding.js'

const labels = new Map([
  ['pain', 'pain'],
  ['disgust', 'disgust'],
  ['happiness', 'happiness']
])

const regions: Record<RegionName, { name: string; plural: boolean }> = {
  brows: { name: 'the brows', plural: true },
  eyes: { name: 'the eyes', plural: true },
  nose: { name: 'the nose', plural: false },
  nostrils: { name: 'the nostrils', plural: true },
  nasolabial_folds: { name: 'the nasolabial folds', plural: true },
  mouth: { name: 'the mouth', plural: false },
  cheeks: { name: 'the cheeks', plural: true },
  forehead: { name: 'the forehead', plural: false },
  chin: { name: 'the chin', plural: false },
  outside: { name: 'parts outside the face', plural: true }
}

const list = (named: readonly NamedRegion[]): string =>
  listed(
    named.map(({ region, percent }) => `${regions[region].name} (${percent} %)`),
    'and'
  )

const sayings: Record<Finding['kind'], (label: string, named: readonly NamedRegion[]) => string> = {
  mostly: (label, named) => `The model's impression of ${label} rests mostly on ${list(named)}`,
  many: (label, named) => `The model's impression of ${label} rests on many parts, most of all on ${list(named)}`,
  spread: (label) => `The model's impression of ${label} is spread over many parts, and none of them stands out`,
  none: (label) => `The model finds nothing in the picture that speaks for ${label}`
}

const speaksAgainst = (region: RegionName, contested: boolean): string => {
  const { name, plural } = regions[region]
  return `; ${contested ? 'on balance ' : ''}${name} ${plural ? 'speak' : 'speaks'} against it`
}

export const en: Language = {
  sentence: (label, { kind, regions: named, against, contested, outweighed, unsteady, careful }) =>
    [
      sayings[kind](labels.get(label) ?? `"${label}"`, named),
      against ? speaksAgainst(against, contested) : '',
      outweighed ? '; altogether more speaks against it than for it' : '',
      unsteady ? '; this changes noticeably when the picture is changed slightly' : '',
      careful ? '; be careful with it' : '',
      '.'
    ].join('')
}
