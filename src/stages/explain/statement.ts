/** The statement of an explanation: its content is decided here, its words in src/contract/languages. */
import { byLanguage, type ExplainedLabels, type Statement, type Texts } from '../../contract/languages/index.js'
import type { RegionShare } from '../../core/types.js'

/**
 * Thresholds of the statements, all shares, 0..1. A region is named at most once: among those on which the impression rests where
 * its balance is positive, as speaking against it where its balance is negative.
 */
export const rules = {
  /** A region is named when it has this share of all positive balances … */
  named: 0.15,
  /** … and so many at most. */
  mostNamed: 3,
  /** "Rests mostly on": the regions named hold more than this share together. */
  mostly: 0.5,
  /** Whether anything is said to speak against it: the share of the negative balances in all balances … */
  notableNegative: 0.15,
  /** … and the region's share of the negative balances. */
  against: 0.2
} as const

/**
 * From this uncertainty of the target (0..100) a sentence says that it is unsteady. Of the rendered faces of the
 * validation split, by which it was chosen, one in 14 is above it; of these a third is misclassified, against one in ten of
 * all and one in a hundred below 20. On the test split it is a quarter (docs/study/explanations.md).
 */
export const unsteadyFrom = 50

/**
 * From this conditioning on the same sentence says so: rounding alone then moves a twentieth of the largest relevance. Where it is less, the
 * two engines agree within 1 % (docs/measured/explanations.md).
 */
const illConditionedFrom = 0.05

/**
 * The statement of an explanation, one sentence in each language.
 * @param shares       by region
 * @param uncertainty  the label's, 0..100, if it was computed
 * @param conditioning see `CropExplanation`
 */
export function explanationInWords(
  explained: ExplainedLabels,
  shares: readonly RegionShare[],
  uncertainty?: number,
  conditioning?: number | null
): Texts {
  const statement = statementOf(shares, uncertainty, conditioning)
  return byLanguage(({ explanation }) => explanation(explained, statement))
}

/** Weighs shares by the rules above; parameters as those of `explanationInWords`. */
export function statementOf(
  shares: readonly RegionShare[],
  uncertainty = 0,
  conditioning: number | null = null
): Statement {
  const [forIt, against] = [sideOf(shares, 1), sideOf(shares, -1)]
  const named = forIt.regions.filter(({ share }) => share >= rules.named).slice(0, rules.mostNamed)
  const strongest = against.sum >= rules.notableNegative * (forIt.sum + against.sum) ? against.regions[0] : undefined
  const opposed = strongest && strongest.share >= rules.against ? strongest.region : null
  const largest = [...shares].sort((a, b) => Math.abs(b.balance) - Math.abs(a.balance))[0]?.region
  return {
    kind: forIt.sum > 0 ? kindOf(named) : 'none',
    regions: named.map(({ region, share }) => ({ region, percent: Math.round(100 * share) })),
    against: opposed,
    careful: named[0]?.region === 'outside' || (opposed === 'outside' && largest === 'outside'),
    outweighed: forIt.sum > 0 && against.sum > forIt.sum,
    unsteady: uncertainty >= unsteadyFrom || (conditioning !== null && conditioning >= illConditionedFrom)
  }
}

type Named = Pick<RegionShare, 'region'> & { share: number }

function kindOf(named: readonly Named[]): Statement['kind'] {
  if (named.length === 0) return 'spread'
  return named.reduce((sum, { share }) => sum + share, 0) > rules.mostly ? 'mostly' : 'many'
}

/** The regions whose balance has that sign, largest first, with their shares of these balances, and the sum of these. */
function sideOf(shares: readonly RegionShare[], sign: 1 | -1): { regions: Named[]; sum: number } {
  const own = shares.map(({ region, balance }) => ({ region, share: sign * balance })).filter(({ share }) => share > 0)
  const sum = own.reduce((total, { share }) => total + share, 0)
  const regions = own.map(({ region, share }) => ({ region, share: share / sum })).sort((a, b) => b.share - a.share)
  return { regions, sum }
}
