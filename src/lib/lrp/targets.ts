import { UsageError } from '../../core/errors.js'

/**
 * Any weighting of the outputs, by class or by label: `{ pain: 1, disgust: -1 }` is the contrast, what speaks for pain rather than for
 * disgust. Relevance starts as each output's weight times its logit.
 */
export type Weighting = Readonly<Record<string, number>>
/** What to explain of a picture: its largest output, a class by its number or label, or a weighting. */
export type OneTarget = 'max' | number | string | Weighting
/** One for all pictures, or one for each. */
export type Target = OneTarget | readonly OneTarget[]

/**
 * The weight of each output for each picture, [batch · class]. A row of zeros stands for the picture's largest output.
 * @param labels of the classes, where they have any
 * @throws UsageError for a class that is none, weights that are no numbers or all zero, or another number of pictures
 */
export function targetWeights(
  target: Target,
  batch: number,
  classes: number,
  labels: readonly string[] = []
): Float32Array {
  const list = Array.isArray(target)
    ? (target as readonly OneTarget[])
    : new Array<OneTarget>(batch).fill(target as OneTarget)
  if (list.length !== batch) throw refused(target, batch, classes, labels)
  const weights = new Float32Array(batch * classes)
  list.forEach((one, row) => {
    if (one === 'max') return
    const given = typeof one === 'object' && one !== null ? Object.entries(one) : [[one, 1] as const]
    for (const [name, weight] of given) {
      const place = classOf(name, classes, labels)
      if (place === null || !Number.isFinite(weight)) throw refused(target, batch, classes, labels)
      weights[row * classes + place]! += weight
    }
    if (weights.subarray(row * classes, (row + 1) * classes).every((weight) => weight === 0))
      throw refused(target, batch, classes, labels)
  })
  return weights
}

function classOf(name: string | number, classes: number, labels: readonly string[]): number | null {
  const labelled = labels.indexOf(name as string)
  if (labelled >= 0) return labelled
  const number = typeof name === 'string' && /^\d+$/.test(name) ? Number(name) : name
  return Number.isInteger(number) && (number as number) >= 0 && (number as number) < classes ? (number as number) : null
}

function refused(target: Target, batch: number, classes: number, labels: readonly string[]): UsageError {
  const named = labels.length > 0 ? ` or one of ${labels.join(', ')}` : ''
  return new UsageError(
    'PL-LRP-CALL',
    `the target is ${JSON.stringify(target)} for ${batch} pictures and ${classes} classes`,
    'explain',
    {
      fix: `Use "max", a class from 0 to ${classes - 1}${named}, a weighting of classes such as {"0": 1, "1": -1}, or one per picture.`
    }
  )
}

/** The class that is explained of each picture: the one with the largest weight, else its largest output; of several the first. */
export function targetsOf(logits: Float32Array, weights: Float32Array, classes: number): number[] {
  return Array.from({ length: weights.length / classes }, (_, row) => {
    const of = (values: Float32Array): Float32Array => values.subarray(row * classes, (row + 1) * classes)
    return largestOf(of(weights).some((weight) => weight !== 0) ? of(weights) : of(logits))
  })
}

/** The relevance that LRP starts with: each logit times its weight; without weights a picture's largest logit alone. */
export function startingRelevance(logits: Float32Array, weights: Float32Array, classes: number): Float32Array {
  const relevance = logits.map((logit, i) => logit * weights[i]!)
  targetsOf(logits, weights, classes).forEach((largest, row) => {
    const own = weights.subarray(row * classes, (row + 1) * classes)
    if (own.every((weight) => weight === 0)) relevance[row * classes + largest] = logits[row * classes + largest]!
  })
  return relevance
}

function largestOf(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0)
}
