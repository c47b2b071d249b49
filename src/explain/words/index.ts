import type { Explanation, RegionShare } from '../../core/types.js'
import type { RelevanceMass } from '../regions.js'
import { de } from './de.js'
import { en } from './en.js'
import { findingOf } from './finding.js'
import type { Language } from './language.js'

const languages: Record<keyof Explanation['text'], Language> = { en, de }

/**
 * What an explanation says, one sentence in each language.
 * @param label  the label that was explained, as the manifest has it
 * @param shares by region, each with its share of the positive and of the negative relevance
 * @param mass   the relevance that the shares are shares of
 */
export function inWords(label: string, shares: readonly RegionShare[], mass: RelevanceMass): Explanation['text'] {
  const finding = findingOf(shares, mass)
  return Object.fromEntries(
    Object.entries(languages).map(([code, language]) => [code, language.sentence(label, finding)])
  ) as Explanation['text']
}
