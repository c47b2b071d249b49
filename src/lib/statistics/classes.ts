/** What is said of one class, 0..1; null where it is undefined: nothing was called so, or nothing is so. */
export interface ClassFigures {
  precision: number | null
  recall: number | null
  /** Harmonic mean of precision and recall (van Rijsbergen 1979). */
  f1: number | null
  /** How many samples are of this class. */
  support: number
}

export interface ClassReport {
  classes: ClassFigures[]
  /** Mean of the classes that occur; a precision that is undefined counts as 0, as in scikit-learn. */
  macro: ClassFigures
  /** The same, each class by its share of the samples. */
  weighted: ClassFigures
  /** Share of right answers; null without samples. */
  accuracy: number | null
}

/** Counts of [actual][predicted]. @param pairs indices of classes */
export function confusionOf(
  classes: number,
  pairs: Iterable<readonly [actual: number, predicted: number]>
): number[][] {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  for (const [actual, predicted] of pairs) confusion[actual]![predicted]!++
  return confusion
}

/** Precision, recall and F1 of each class and their means, of counts or weights of [actual][predicted]. */
export function classReport(confusion: readonly (readonly number[])[]): ClassReport {
  const classes = confusion.map((row, i): ClassFigures => {
    const [hits, support, called] = [row[i]!, sum(row), sum(confusion.map((other) => other[i]!))]
    return {
      precision: ratio(hits, called),
      recall: ratio(hits, support),
      f1: ratio(2 * hits, support + called),
      support
    }
  })
  const hits = sum(confusion.map((row, i) => row[i]!))
  return {
    classes,
    macro: meanOf(classes, () => 1),
    weighted: meanOf(classes, ({ support }) => support),
    accuracy: ratio(hits, sum(classes.map(({ support }) => support)))
  }
}

function meanOf(classes: readonly ClassFigures[], weight: (one: ClassFigures) => number): ClassFigures {
  const shown = classes.filter(({ support }) => support > 0)
  const mean = (key: 'precision' | 'recall' | 'f1'): number | null =>
    ratio(sum(shown.map((one) => weight(one) * (one[key] ?? 0))), sum(shown.map(weight)))
  return {
    precision: mean('precision'),
    recall: mean('recall'),
    f1: mean('f1'),
    support: sum(shown.map(({ support }) => support))
  }
}

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
