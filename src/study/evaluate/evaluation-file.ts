/** `evaluation.json`: written by evaluate, read by report, and by people, who may change it. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { InputError, messageOf } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { readShape } from '../../core/shapes.js'
import type { Evaluation } from './evaluation.js'

const count = z.int().min(0)
const finite = z.number()
/** Sums of shares are off by some last bits. */
const rounding = 1e-9
const between = (low: number, high: number) =>
  z
    .number()
    .min(low - rounding)
    .max(high + rounding)
    .meta({ allowed: `a number from ${low} to ${high}` })
const share = between(0, 1)
const shareOrNull = share.nullable()
const correlation = between(-1, 1)
const notNegative = z.number().min(-rounding).meta({ allowed: 'a number from 0' })
const interval = z.object({ low: correlation, high: correlation }).nullable()
const shareInterval = z.object({ low: share, high: share }).nullable()

const classFigures = z.object({ precision: shareOrNull, recall: shareOrNull, f1: shareOrNull, support: count })
const estimate = z.object({ value: shareOrNull, wilson: shareInterval, subjects: shareInterval })
const group = z.object({
  name: z.string(),
  crops: count,
  accuracy: shareOrNull,
  wilson: shareInterval,
  recall: z.record(z.string(), shareOrNull)
})

const figures = {
  crops: count,
  subjects: count,
  classes: z.record(z.string(), classFigures.extend({ recall_interval: shareInterval })),
  macro: classFigures,
  weighted: classFigures,
  accuracy: estimate,
  balanced_accuracy: estimate,
  most_frequent: shareOrNull,
  confusion: z.object({ columns: z.array(z.string()), rows: z.record(z.string(), z.array(count.nullable())) }),
  unusable: count.nullable(),
  folds: z.array(group),
  by_subject: z.array(group),
  by_source: z.array(group),
  by_intensity: z.array(group.extend({ label: z.string(), intensity: z.tuple([finite, finite]) })),
  intensity_correlation: z
    .object({
      ...{ value: correlation.nullable(), wilson: interval, subjects: interval },
      subjects_with_it: count
    })
    .nullable(),
  tests: z
    .object({
      subjects: count,
      better_than_guessing: z.object({ difference: correlation, p: shareOrNull }),
      recall_differences: z.array(
        z.object({ label: z.string(), other: z.string(), difference: correlation, p: shareOrNull })
      )
    })
    .nullable()
}

const reliable = z.object({
  bins: z.array(z.object({ low: share, high: share, samples: count, confidence: shareOrNull, hits: shareOrNull })),
  expected_error: shareOrNull
})
const calibrated = z.object({
  likeliest: reliable,
  alarm_label: reliable,
  brier: notNegative.nullable(),
  log_loss: notNegative.nullable()
})
const separation = z.object({
  positives: count,
  negatives: count,
  roc_area: shareOrNull,
  roc_area_interval: shareInterval,
  average_precision: shareOrNull,
  average_precision_interval: shareInterval,
  at_threshold: z.object({
    threshold: share,
    sensitivity: shareOrNull,
    specificity: shareOrNull,
    precision: shareOrNull
  })
})

const rate = z.object({
  hours: notNegative,
  false_alarms: count,
  per_hour: notNegative,
  per_hour_interval: z.object({ low: notNegative, high: notNegative })
})
const alarms = z.discriminatedUnion('measurable', [
  z.object({
    measurable: z.literal(true),
    videos: count,
    hours: notNegative,
    neutral: rate,
    other_labels: rate.nullable(),
    episodes: z
      .object({
        shown: count,
        missed: count,
        missed_share: share,
        missed_share_interval: shareInterval,
        delay_s: notNegative.nullable(),
        shortest_meant_s: notNegative,
        missed_of_those_meant: z.object({ shown: count, missed: count })
      })
      .nullable()
  }),
  z.object({ measurable: z.literal(false), reason: z.string() })
])

/** Of a run, which has neither the outputs at rest nor the references of one model. */
const evaluationSchema: z.ZodType<Evaluation> = z.object({
  schema: z.literal(1),
  painlens: z.string(),
  data: z.string(),
  judged_by: z.object({ name: z.string(), run: z.string() }),
  cross_validated: z.boolean(),
  labels: z.array(z.string()).min(1),
  alarm_label: z.string(),
  seed: finite,
  repetitions: count,
  warnings: z.array(z.string()),
  ...figures,
  calibration: z.object({ temperatures: z.array(z.number().positive()), before: calibrated, after: calibrated }),
  resting: z.null(),
  separation: z.object({ from_other_labels: separation, from_everything: separation.nullable() }),
  alarms,
  reference: z.null()
})

const digestSchema = z.object({
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({ allowed: '64 hexadecimal digits' })
})

const digestOf = (figures: object): string => createHash('sha256').update(JSON.stringify(figures)).digest('hex')

/** The file's text: the figures, and a digest of them, by which it is seen that they are what evaluate has found. */
export const evaluationText = (evaluation: Evaluation): string =>
  `${JSON.stringify({ ...evaluation, digest: digestOf(evaluation) }, null, 2)}\n`

/**
 * Reads the evaluation of a run.
 * @throws InputError where it cannot be read, or is not what evaluate has written: each key that is wrong, up to five
 */
export async function readEvaluation(file: string): Promise<Evaluation> {
  const found = await jsonIn(file)
  const read = readShape(evaluationSchema, found)
  if ('problem' in read) throw wrong(file, `it is not what evaluate writes (${read.problem})`)
  const { digest, ...figures } = found as Evaluation & { digest?: unknown }
  const sealed = readShape(digestSchema, { digest })
  if ('problem' in sealed) throw wrong(file, `it is not what evaluate writes (${sealed.problem})`)
  if (sealed.value.digest !== digestOf(figures))
    throw wrong(file, 'its figures were changed after evaluate had written them: they do not give its digest')
  return read.value
}

async function jsonIn(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw wrong(file, `it cannot be read (${messageOf(error)})`)
  }
}

const wrong = (file: string, what: string): InputError => new InputError('PL-STUDY-EVALUATION', what, printable(file))
