/** The statement of an explanation: its content is decided here, its words in src/contract/languages. */
import { byLanguage, type Statement, type Texts } from '../../contract/languages/index.js'
import type { RegionName, RegionShare } from '../../core/types.js'
import type { RelevanceMass } from './regions.js'

/** Thresholds of the statements. All are shares, 0..1. */
export const rules = {
  /** A region is named when it has this share of the positive relevance … */
  named: 0.15,
  /** … and so many at most. */
  mostNamed: 3,
  /** "Rests mostly on": the regions named hold more than this share together. */
  mostly: 0.5,
  /** Whether anything is said to speak against it: the negative relevance's share of all relevance … */
  notableNegative: 0.15,
  /** … and the region's share of the negative relevance. */
  against: 0.2
} as const

/**
 * From this uncertainty of the target (0..100) a sentence says that it is unsteady. Of the rendered faces of the
 * validation split, by which it was chosen, one in 14 is above it; of these a third is misclassified, against one in ten of
 * all and one in a hundred below 20. On the test split it is a quarter (docs/study/explanations.md).
 */
export const unsteadyFrom = 50

/**
 * The statement of an explanation, one sentence in each language.
 * @param label       the label that was explained, as the manifest has it
 * @param shares      by region, each with its share of the positive and of the negative relevance
 * @param mass        the relevance that the shares are shares of
 * @param uncertainty the label's, 0..100, if it was computed
 */
export function inWords(
  label: string,
  shares: readonly RegionShare[],
  mass: RelevanceMass,
  uncertainty?: number
): Texts {
  const statement = statementOf(shares, mass, uncertainty)
  return byLanguage(({ explanation }) => explanation(label, statement))
}

/**
 * Weighs shares by the rules above.
 * @param mass        the relevance that the shares are shares of
 * @param uncertainty the target's, 0..100; undefined if it was not computed
 */
export function statementOf(shares: readonly RegionShare[], mass: RelevanceMass, uncertainty?: number): Statement {
  const standOut = [...shares]
    .sort((a, b) => b.positive - a.positive)
    .filter(({ positive }) => positive >= rules.named)
    .slice(0, rules.mostNamed)
  const against = strongestAgainst(shares, mass)
  return {
    kind: kindOf(standOut, mass),
    regions: standOut.map(({ region, positive }) => ({ region, percent: Math.round(positive * 100) })),
    careful: standOut[0]?.region === 'outside',
    against,
    contested: standOut.some(({ region }) => region === against),
    outweighed: mass.positive > 0 && mass.negative > mass.positive,
    unsteady: uncertainty !== undefined && uncertainty >= unsteadyFrom
  }
}

function kindOf(standOut: readonly RegionShare[], mass: RelevanceMass): Statement['kind'] {
  if (mass.positive === 0) return 'none'
  if (standOut.length === 0) return 'spread'
  return standOut.reduce((sum, { positive }) => sum + positive, 0) > rules.mostly ? 'mostly' : 'many'
}

/** A region with more positive than negative relevance is never named as against, however large its share. */
function strongestAgainst(shares: readonly RegionShare[], { positive, negative }: RelevanceMass): RegionName | null {
  if (!(negative > 0) || negative / (positive + negative) < rules.notableNegative) return null
  const [first] = shares
    .map((share) => ({ ...share, balance: share.positive * positive - share.negative * negative }))
    .filter((share) => share.balance < 0 && share.negative >= rules.against)
    .sort((a, b) => a.balance - b.balance)
  return first?.region ?? null
}
