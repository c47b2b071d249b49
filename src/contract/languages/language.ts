import type { RegionName } from '../../core/types.js'
import type { Condition, UnknownReason } from '../conditions.js'

/** All that painlens says in one language: one file in this folder, and one row in index.ts. */
export interface Language {
  alarm: {
    /**
     * By condition, while it is so and when it is over. Plain, short, and never a diagnosis: painlens suspects, a person
     * finds out. `over` may be made of how long it lasted, where that is worth knowing afterwards.
     */
    conditions: Record<Condition, { active: string; over: string | ((span: string) => string) }>
    /** Why an alarm ended without its condition being known to be over. */
    ended: Record<UnknownReason, string>
    /** In front of the names of these. */
    place: Record<'room' | 'bed' | 'camera', string>
    /** In brackets behind what a demonstration model says. */
    demonstration: string
    /** In brackets: what the resting face of the bed has to do with the score. */
    reference: Record<'lowered' | 'overruled', string>
  }
  /** A sentence behind an explanation, where the resting face of the bed has lowered the score that is explained. */
  explanationOfLowered: string
  /**
   * One sentence on what an explanation found, which claims no more than the statement does.
   */
  explanation(explained: ExplainedLabels, statement: Statement): string
}

/** Labels as the model's manifest has them: what was explained, and where it is a contrast, rather than what. */
export interface ExplainedLabels {
  labels: readonly string[]
  ratherThan: readonly string[]
}

/**
 * What an explanation lets one say. `mostly`: the named regions hold most of what speaks for the target; `many`: they stand
 * out but hold no more than half; `spread`: none stands out; `none`: no region speaks for it.
 */
export interface Statement {
  kind: 'mostly' | 'many' | 'spread' | 'none'
  /** Largest first; empty for `spread` and `none`. */
  regions: NamedRegion[]
  /** What speaks most for it, or most of all against it, is outside the face: the model looked at something else. */
  careful: boolean
  /** The region that speaks most against the target, if one does notably; none of those above. */
  against: RegionName | null
  /** There is something for the target, but more against it. */
  outweighed: boolean
  /** Slight changes of the picture change the statement. */
  unsteady: boolean
}

export interface NamedRegion {
  region: RegionName
  /** Its share of what speaks for the target, in whole percent. */
  percent: number
}

/** `A`, `A and B`, `A, B and C`. */
export function enumerated(parts: readonly string[], and: string): string {
  if (parts.length < 2) return parts.join('')
  return `${parts.slice(0, -1).join(', ')} ${and} ${parts.at(-1)}`
}
