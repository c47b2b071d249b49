/** SpRAy: whether the model has more than one way to call pictures by a label, and whether one is a subject's or a source's (a Clever Hans). */
import { spectralClusters } from '../../lib/statistics/spectral.js'
import { type ExplainedStudy, mapFor, type PictureCount, positiveShares } from './comparisons.js'
import { gridSide, type ReducedMap, signedShares } from './reduced-map.js'
import type { SampledPicture } from './sample.js'

export interface Strategies {
  composite: string
  label: string
  eigenvalues: number[]
  /** None where there are too few maps. */
  clusters: Strategy[]
  counts: readonly PictureCount[]
}

/** A cluster of maps. */
export interface Strategy {
  pictures: number
  /** Mean of its maps, as shares of all relevance, signed. */
  map: Float64Array
  /** The commonest of each in it. */
  subject: Commonest
  source: Commonest
  fold: Commonest
  /** It is one subject's or one source's, which is far rarer in the other clusters. */
  suspect: ('subject' | 'source')[]
}

export interface Commonest {
  name: string
  /** Of the cluster, and of all pictures of the label. */
  share: number
  overall: number
}

/** Fewer maps say nothing about clusters. */
const fewest = 12
/** Of more maps a few hundred do: the time grows with the cube. */
const most = 400
const neighbours = 8
/** A cluster of so many maps, of which this share is one subject's, twice as much as among all, is suspect. */
const suspicious = { pictures: 5, share: 0.8, times: 2 }

/** Of the pictures that are called right and have a map with positive relevance. */
export function strategiesOf(explained: ExplainedStudy, composites: readonly string[], seed: number): Strategies[] {
  return composites.flatMap((composite) =>
    explained.run.judgement.labels.map((label, index) => {
      const asked = explained.pictures.filter((picture) => picture.label === index && picture.right).slice(0, most)
      const found = asked.flatMap((picture) => {
        const map = mapFor(explained, composite, 'own', picture)
        return map && positiveShares(map) ? [{ picture, map }] : []
      })
      const counts = [{ label, pictures: asked.length, leftOut: asked.length - found.length }]
      const groups = found.length < fewest ? { eigenvalues: [], clusters: [] } : clustersIn(found, seed)
      return { composite, label, counts, ...groups }
    })
  )
}

interface Found {
  picture: SampledPicture
  map: ReducedMap
}

function clustersIn(found: readonly Found[], seed: number): Pick<Strategies, 'eigenvalues' | 'clusters'> {
  const samples = found.map(({ map }) => coarse(map))
  const { clusterOf, eigenvalues, count } = spectralClusters(samples, { neighbours, most: 8, seed })
  const clusters = Array.from({ length: count }, (_, k) => {
    const own = found.filter((_, i) => clusterOf[i] === k)
    const [subject, source, fold] = (['subject', 'source', 'fold'] as const).map((of) => commonest(own, found, of))
    const isSuspect = ({ share, overall }: Commonest): boolean =>
      count > 1 && own.length >= suspicious.pictures && share >= suspicious.share && share >= suspicious.times * overall
    return {
      pictures: own.length,
      map: meanMap(own),
      ...{ subject: subject!, source: source!, fold: fold! },
      suspect: (['subject', 'source'] as const).filter((of) => isSuspect(of === 'subject' ? subject! : source!))
    }
  })
  return { eigenvalues, clusters }
}

/** Where something speaks for the label, in 16 x 16 cells, as SpRAy does it: clusters are of places, not of single pixels. */
function coarse({ grid }: ReducedMap): Float64Array {
  const side = gridSide / 2
  const sums = new Float64Array(side * side)
  grid.positive.forEach((value, i) => {
    const [row, column] = [Math.floor(i / gridSide / 2), Math.floor((i % gridSide) / 2)]
    sums[row * side + column]! += value
  })
  return sums
}

function meanMap(found: readonly Found[]): Float64Array {
  const mean = new Float64Array(gridSide * gridSide)
  for (const { map } of found) for (const [i, value] of signedShares(map).entries()) mean[i]! += value / found.length
  return mean
}

function commonest(own: readonly Found[], all: readonly Found[], of: 'subject' | 'source' | 'fold'): Commonest {
  const nameOf = ({ picture: { judged } }: Found): string => (of === 'fold' ? String(judged.fold) : judged.row[of])
  const counts = new Map<string, number>()
  for (const one of own) counts.set(nameOf(one), (counts.get(nameOf(one)) ?? 0) + 1)
  const [name, count] = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]!
  return { name, share: count / own.length, overall: all.filter((one) => nameOf(one) === name).length / all.length }
}
