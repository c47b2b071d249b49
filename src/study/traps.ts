/** Traps of data: what makes figures better than a model is. Each is a name with its numbers, of which every language makes a sentence. */
import { z } from 'zod'
import { groupedBy } from '../core/grouped.js'

const count = z.int().min(0)

const trapSchema = z.discriminatedUnion('trap', [
  /** That no row shows. */
  z.object({ trap: z.literal('missing_labels'), labels: z.array(z.string()) }),
  /** Labels beside neutral: fewer than the two that a model tells apart. */
  z.object({ trap: z.literal('too_few_labels'), labels: z.array(z.string()) }),
  /** Where others are from other sources. */
  z.object({
    trap: z.literal('one_source'),
    labels: z.array(z.object({ label: z.string(), source: z.string() }))
  }),
  /** `all`: there are no others. */
  z.object({ trap: z.literal('rows_without_subject'), rows: count, all: z.boolean() }),
  /** The same for data that prepare did not make: crops of which none has a subject. */
  z.object({ trap: z.literal('no_subjects') }),
  /** Subjects that differ in case, blanks, hyphens, dots, underscores or leading zeros only; rows of the table as examples. */
  z.object({ trap: z.literal('several_spellings'), names: count, rows: z.array(count) }),
  /** Fewer than the folds that train makes unless told otherwise. */
  z.object({ trap: z.literal('few_subjects'), subjects: count, folds: count }),
  z.object({ trap: z.literal('single_subject'), label: z.string() }),
  /** Of subjects that are in several sources. */
  z.object({ trap: z.literal('shared_names'), names: count })
])
export type Trap = z.infer<typeof trapSchema>

/** A warning of a data set, as `dataset.yaml` has it: a sentence, and the trap that it tells of where that is known. */
export interface DataWarning {
  says: string
  trap: Trap | null
}

/** In `dataset.yaml`: what prepare writes, or a sentence that was written by hand. */
export const dataWarningSchema = z.union([z.string(), z.looseObject({ says: z.string() })])

/** A trap that this version does not know, or that was changed by hand, is still a sentence. */
export function dataWarningOf(entry: z.infer<typeof dataWarningSchema>): DataWarning {
  if (typeof entry === 'string') return { says: entry, trap: null }
  return { says: entry.says, trap: trapSchema.safeParse(entry).data ?? null }
}

/** In English. */
export function trapText(found: Trap): string {
  switch (found.trap) {
    case 'missing_labels':
      return `No row shows ${found.labels.join(' or ')}.`
    case 'too_few_labels':
      return `Study train takes two labels or more beside neutral, which is no output of a model: these data have ${found.labels.join('') || 'none'}.`
    case 'one_source': {
      const named = found.labels.map(({ label, source }) => `${label.toUpperCase()} (${source})`).join(', ')
      return `EACH OF THESE COMES FROM ONE SOURCE ONLY: ${named}. A model can learn the source (its light, its camera, its room) in place of the expression, and no figure will tell.`
    }
    case 'rows_without_subject':
      return `${found.all ? 'NO ROW HAS' : `${found.rows} ROWS HAVE NO`} SUBJECT: each picture or video counts as a person of its own, so that folds cannot keep people apart, and every figure will be too good.`
    case 'no_subjects':
      return 'THE DATA NAME NO SUBJECTS: the same person may be among those trained on and those judged.'
    case 'several_spellings': {
      const rows = found.rows.map((row) => `row ${row}`).join(', ')
      return `${found.names} NAME(S) OF SUBJECTS ARE WRITTEN IN SEVERAL WAYS${rows && ` (${rows}, for example)`}, which differ only in case, blanks, hyphens, dots, underscores or zeros in front of numbers: if these are one person, who would be in training and test at once, write them alike.`
    }
    case 'few_subjects':
      return `Only ${found.subjects} subject(s), which make ${found.subjects} folds at most, where ${found.folds} are usual: give study train --folds.`
    case 'single_subject':
      return `A single subject shows ${found.label}: no fold can both train and test it.`
    case 'shared_names':
      return `${found.names} name(s) of subjects are in several sources: each is taken for one person.`
  }
}

/** Labels whose rows are all of one source, where others are of another; none where all rows are of one. */
export function labelsOfOneSource(
  rows: readonly { label: string; source: string }[]
): { label: string; source: string }[] {
  if (new Set(rows.map(({ source }) => source)).size < 2) return []
  return [...groupedBy(rows, ({ label }) => label)].flatMap(([label, own]) => {
    const [source, ...others] = new Set(own.map((row) => row.source))
    return others.length === 0 ? [{ label, source: source! }] : []
  })
}
