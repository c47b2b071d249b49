import { groupedBy } from '../../core/grouped.js'
import { createRandom, type Random } from '../../lib/random.js'
import type { Judged, JudgedData } from '../evaluate/judged.js'

/** A picture of a test fold whose relevance is computed. */
export interface SampledPicture {
  /** Its place in `predictions.csv`. */
  place: number
  judged: Judged
  /** Index of the picture's label. */
  label: number
  right: boolean
}

/**
 * Pictures of each label, as many of each subject as the others allow, whether they are called right or not; of the same subjects for all labels
 * as far as they have them, since labels are compared within subjects. The same seed takes the same.
 * @param most of each label
 */
export function sampleOf({ judged, labels }: JudgedData, most: number, seed: number): SampledPicture[] {
  const random = createRandom(seed)
  const all = judged.flatMap((one, place): SampledPicture[] => {
    const label = labels.indexOf(one.row.label)
    return label < 0 ? [] : [{ place, judged: one, label, right: one.predicted === label }]
  })
  const bySubject = [...groupedBy(all, (picture) => picture.judged.row.subject)].sort(([a], [b]) => (a < b ? -1 : 1))
  const labelsOf = (own: readonly SampledPicture[]): number => new Set(own.map(({ label }) => label)).size
  const subjects = shuffled(bySubject, random)
    .map(([, own]) => shuffled(own, random))
    .sort((a, b) => labelsOf(b) - labelsOf(a))
  return labels
    .flatMap((_, label) =>
      taken(
        subjects.map((own) => own.filter((picture) => picture.label === label)),
        most
      )
    )
    .sort((a, b) => a.place - b.place)
}

/** One of each list, then a second one of each, and so on. */
function taken<T>(lists: readonly (readonly T[])[], most: number): T[] {
  const rounds = Math.max(0, ...lists.map(({ length }) => length))
  return Array.from({ length: rounds }, (_, round) => lists.flatMap((list) => list.slice(round, round + 1)))
    .flat()
    .slice(0, most)
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const all = [...list]
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const other = all[j]!
    all[j] = all[i]!
    all[i] = other
  }
  return all
}

/** The first so many of each label for which `fits` holds, spread over folds. */
export function fewOf(
  pictures: readonly SampledPicture[],
  labels: readonly string[],
  most: number,
  fits: (picture: SampledPicture) => boolean = () => true
): SampledPicture[] {
  return labels.flatMap((_, label) => {
    const own = pictures.filter((picture) => picture.label === label && fits(picture))
    const folds = [...new Set(own.map(({ judged }) => judged.fold))]
    return taken(
      folds.map((fold) => own.filter(({ judged }) => judged.fold === fold)),
      most
    )
  })
}
