/**
 * Explanations in words. A new language is one file beside de.ts and en.ts, which holds all that it says, and one row in
 * the table below; its sentence then goes wherever the others go. findingOf decides what may be said, a language how.
 */
import type { RegionShare, Texts } from '../../../core/types.js'
import type { RelevanceMass } from '../regions.js'
import { de } from './de.js'
import { en } from './en.js'
import type { Language } from './finding.js'
import { findingOf } from './finding.js'

/** By ISO 639-1 code. */
const languages = { en, de } satisfies Record<string, Language>

/**
 * What an explanation says, one sentence in each language.
 * @param label       the label that was explained, as the manifest has it
 * @param shares      by region, each with its share of the positive and of the negative relevance
 * @param mass        the relevance that the shares are shares of
 * @param uncertainty the label's, 0..100, if it was looked for
 */
export function inWords(
  label: string,
  shares: readonly RegionShare[],
  mass: RelevanceMass,
  uncertainty?: number
): Texts {
  const finding = findingOf(shares, mass, uncertainty)
  const sentences = Object.entries<Language>(languages).map(([code, { sentence }]) => [code, sentence(label, finding)])
  return Object.fromEntries(sentences) as Record<keyof typeof languages, string>
}
