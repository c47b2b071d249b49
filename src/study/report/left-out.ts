import type { PictureCount } from './comparisons.js'
import type { LeftOut } from './languages/language-findings.js'

/** What language files say of means that are without some pictures: those counts of which some are left out. @param label a label in the report's language */
export function leftOutOf(
  all: readonly { composite: string; of: string; counts: readonly PictureCount[]; subjects: number | null }[],
  label: (name: string) => string
): LeftOut[] {
  return all.flatMap(({ composite, of, counts, subjects }) => {
    const lacking = counts
      .filter(({ leftOut }) => leftOut > 0)
      .map((count) => ({ ...count, label: label(count.label) }))
    return lacking.length > 0 ? [{ composite, of, counts: lacking, subjects }] : []
  })
}
