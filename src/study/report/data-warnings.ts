import { warningsOf } from '../dataset.js'
import type { ReportLanguage } from './languages/index.js'
import type { StudyRun } from './study-run.js'

/** The warnings of an evaluation in the report's language; a sentence that was written by hand, or by an earlier version, as it is. */
export function dataWarnings({ dataset, evaluation }: StudyRun, { page }: ReportLanguage): string[] {
  // The evaluation has the sentences alone: which trap each tells of, the data say.
  const traps = new Map(warningsOf(dataset).map(({ says, trap }) => [says, trap]))
  return evaluation.warnings.map((says) => {
    const trap = traps.get(says)
    return trap ? page.trap(trap) : page.warning(says)
  })
}
