import type { RegionName, RegionShare } from '../../../core/types.js'
import type { RelevanceMass } from '../regions.js'

/** How much has to be there before a sentence says so. All are shares, 0..1. */
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
 * From this uncertainty of the target on (0..100) a sentence says that the finding is unsteady: on the rendered faces of
 * the validation split by which it was chosen, one in 14 lies there, and a third of those is taken for something else than it
 * shows, against one in ten of all and one in a hundred below 20. On the test split it is a quarter (docs/study/explanations.md).
 */
export const unsteadyFrom = 50

export interface NamedRegion {
  region: RegionName
  /** Its share of the positive relevance, in whole percent. */
  percent: number
}

/**
 * What the shares let one say. `mostly`: the named regions hold most of the positive relevance; `many`: they stand out but
 * hold no more than half; `spread`: none stands out; `none`: nothing is positive.
 */
export interface Finding {
  kind: 'mostly' | 'many' | 'spread' | 'none'
  /** Largest first; empty for `spread` and `none`. */
  regions: NamedRegion[]
  /** The largest share is outside the face: the model looked at something else, and people should know. */
  careful: boolean
  /** The region that on balance speaks most against the target, if one does notably. */
  against: RegionName | null
  /** It is one of those named above: the model looks at it, and finds more against the target there than for it. */
  contested: boolean
  /** There is something for the target, but more against it. */
  outweighed: boolean
  /** Slight changes of the picture change the finding. */
  unsteady: boolean
}

/**
 * Weighs shares by the rules above.
 * @param mass        the relevance that the shares are shares of
 * @param uncertainty the target's, 0..100; undefined where it was not looked for
 */
export function findingOf(shares: readonly RegionShare[], mass: RelevanceMass, uncertainty?: number): Finding {
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

function kindOf(standOut: readonly RegionShare[], mass: RelevanceMass): Finding['kind'] {
  if (mass.positive === 0) return 'none'
  if (standOut.length === 0) return 'spread'
  return standOut.reduce((sum, { positive }) => sum + positive, 0) > rules.mostly ? 'mostly' : 'many'
}

/** A region that has more for than against the target is not said to speak against it, however large its share. */
function strongestAgainst(shares: readonly RegionShare[], { positive, negative }: RelevanceMass): RegionName | null {
  if (!(negative > 0) || negative / (positive + negative) < rules.notableNegative) return null
  const [first] = shares
    .map((share) => ({ ...share, balance: share.positive * positive - share.negative * negative }))
    .filter((share) => share.balance < 0 && share.negative >= rules.against)
    .sort((a, b) => a.balance - b.balance)
  return first?.region ?? null
}

/** A language: one file in this folder, and one row in index.ts. */
export interface Language {
  /**
   * One sentence on what an explanation found, which claims no more than the finding does.
   * @param label the label that was explained, as the model's manifest has it
   */
  sentence(label: string, finding: Finding): string
}

/** `A`, `A and B`, `A, B and C`. */
export function listed(parts: readonly string[], and: string): string {
  if (parts.length < 2) return parts.join('')
  return `${parts.slice(0, -1).join(', ')} ${and} ${parts.at(-1)}`
}
