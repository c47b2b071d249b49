/** Where relevance lies, label against label: over subjects, since pictures of one subject resemble each other. */
import { type RegionName, regionNames } from '../../core/types.js'
import {
  clusterBootstrap,
  clusterTest,
  type Interval,
  type MapCluster,
  signFlipTest
} from '../../lib/statistics/index.js'
import type { Chance } from '../evaluate/figures.js'
import { gridSide, type ReducedMap, signedShares } from './reduced-map.js'
import type { MapTask, PassResult } from './relevance-pass.js'
import type { SampledPicture } from './sample.js'
import type { StudyRun } from './study-run.js'

/**
 * What relevance is asked about: what the model calls the picture; the alarm's label in every picture; what speaks for the alarm's label rather
 * than for the other that is compared, in every picture.
 */
export const questions = ['own', 'alarm', 'contrast'] as const
export type ExplainedFor = (typeof questions)[number]

/** Pictures that are called what they show, and the others. */
const readings = ['right', 'misread'] as const
export type ReadingKind = (typeof readings)[number]

export interface Comparison {
  composite: string
  question: ExplainedFor
  reading: ReadingKind
  label: string
  other: string
  /** That have pictures of both, with maps. */
  subjects: number
  regions: RegionDifference[]
  /** Of the label, then of the other. */
  counts: readonly PictureCount[]
}

/** Pictures of a label, of subjects, and those whose map has no relevance to share out: they are in no mean, which may not hold for them. */
export interface PictureCount {
  label: string
  pictures: number
  leftOut: number
}

export interface RegionDifference {
  region: RegionName
  /** Mean over subjects of the region's share of the positive relevance, 0..1. */
  share: number
  otherShare: number
  difference: number
  interval: Interval | null
  /** Corrected for all regions that are tested together; null with fewer than two subjects. */
  p: number | null
}

export interface ExplainedStudy {
  run: StudyRun
  pictures: readonly SampledPicture[]
  maps: PassResult['mapOf']
}

/** The map of a picture by the model that never saw its subject; null where the pass was not asked for it. */
export function mapFor(
  { run, maps }: ExplainedStudy,
  composite: string,
  question: ExplainedFor,
  picture: SampledPicture,
  /** The label that a contrast is against. */
  other = ''
): ReducedMap | null {
  const { labels, alarmLabel } = run.judgement
  const { judged, place } = picture
  const alarm = labels.indexOf(alarmLabel)
  const tasks: Record<ExplainedFor, MapTask> = {
    own: { place, target: judged.predicted },
    alarm: { place, target: alarm },
    contrast: { place, target: alarm, minus: labels.indexOf(other) }
  }
  return maps(composite, judged.fold!, tasks[question])
}

/** Shares by region of what speaks for the explained output; null where nothing does, as of an output far below zero. */
export const positiveShares = ({ positive }: ReducedMap): Float32Array | null =>
  positive.some((share) => share > 0) ? positive : null

/** Null for a map of zeros. */
const sharesOfAll = (map: ReducedMap): Float64Array | null =>
  map.mass.positive + map.mass.negative > 0 ? signedShares(map) : null

/** The alarm's label against each other one, under each composite and question, misread pictures apart. */
export function comparisonsOf(explained: ExplainedStudy, composites: readonly string[], chance: Chance): Comparison[] {
  const { labels, alarmLabel } = explained.run.judgement
  return composites.flatMap((composite) =>
    questions.flatMap((question) =>
      readings.flatMap((reading) =>
        labels
          .filter((other) => other !== alarmLabel)
          .map((other) => compared(explained, { composite, question, reading, label: alarmLabel, other }, chance))
      )
    )
  )
}

type Asked = Pick<Comparison, 'composite' | 'question' | 'reading' | 'label' | 'other'>

function compared(explained: ExplainedStudy, asked: Asked, chance: Chance): Comparison {
  const [ofLabel, ofOther] = [asked.label, asked.other].map((label) =>
    subjectMeans(explained, { ...asked, label }, positiveShares)
  )
  const [one, two] = [ofLabel!.means, ofOther!.means]
  const both = [...one.keys()].filter((subject) => two.has(subject)).sort()
  const pairs = both.map((subject) => [one.get(subject)!, two.get(subject)!] as const)
  const differences = pairs.map(([a, b]) => Array.from(a, (value, i) => value - b[i]!))
  const tested = signFlipTest(differences, { flips: chance.repetitions, seed: chance.seed })
  const intervals = clusterBootstrap({ ...chance, clusters: both.length }, (weights) =>
    weightedMeans(differences, weights)
  )
  const mean = (of: 0 | 1, region: number): number =>
    pairs.reduce((sum, pair) => sum + pair[of][region]!, 0) / pairs.length
  return {
    ...asked,
    subjects: both.length,
    counts: [ofLabel!.count, ofOther!.count],
    regions:
      both.length === 0
        ? []
        : regionNames.map((region, i) => ({
            region,
            share: mean(0, i),
            otherShare: mean(1, i),
            difference: tested[i]!.mean,
            interval: intervals[i] ?? null,
            p: tested[i]!.p
          }))
  }
}

function weightedMeans(rows: readonly (readonly number[])[], weights: Uint32Array): number[] {
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  return (rows[0] ?? []).map((_, i) => rows.reduce((sum, row, s) => sum + weights[s]! * row[i]!, 0) / all)
}

interface SubjectMeans {
  means: Map<string, Float64Array>
  count: PictureCount
}

/** Of each subject the mean over its pictures; pictures without a subject are in none. @param valuesOf null where a map has none */
function subjectMeans(
  explained: ExplainedStudy,
  { composite, question, reading, label, other = '' }: Omit<Asked, 'other'> & { other?: string },
  valuesOf: (map: ReducedMap) => ArrayLike<number> | null
): SubjectMeans {
  const index = explained.run.judgement.labels.indexOf(label)
  const sums = new Map<string, { sum: Float64Array; count: number }>()
  const count = { label, pictures: 0, leftOut: 0 }
  for (const picture of explained.pictures) {
    const { subject } = picture.judged.row
    if (picture.label !== index || picture.right !== (reading === 'right') || subject === '') continue
    const map = mapFor(explained, composite, question, picture, other)
    if (!map) continue
    count.pictures++
    const values = valuesOf(map)
    if (!values) {
      count.leftOut++
      continue
    }
    const own = sums.get(subject) ?? { sum: new Float64Array(values.length), count: 0 }
    sums.set(subject, own)
    own.count++
    for (let i = 0; i < values.length; i++) own.sum[i]! += values[i]!
  }
  const means = new Map([...sums].map(([subject, of]) => [subject, of.sum.map((value) => value / of.count)]))
  return { means, count }
}

/** Mean over subjects of the maps of a label's right pictures, as shares of all relevance, signed. */
export interface MeanMap {
  composite: string
  label: string
  subjects: number
  map: Float64Array
  counts: readonly PictureCount[]
}

/** The alarm's label less another, and where they differ by more than chance. */
export interface MapDifference extends MeanMap {
  other: string
  clusters: MapCluster[]
}

export function meanMapsOf(explained: ExplainedStudy, composites: readonly string[]): MeanMap[] {
  return composites.flatMap((composite) =>
    explained.run.judgement.labels.map((label) => {
      const asked = { composite, question: 'own', reading: 'right', label } as const
      const { means, count } = subjectMeans(explained, asked, sharesOfAll)
      return { composite, label, subjects: means.size, map: meanOf([...means.values()]), counts: [count] }
    })
  )
}

export function mapDifferencesOf(
  explained: ExplainedStudy,
  composites: readonly string[],
  chance: Chance
): MapDifference[] {
  const { labels, alarmLabel: label } = explained.run.judgement
  return composites.flatMap((composite) =>
    labels
      .filter((other) => other !== label)
      .map((other) => {
        const asked = { composite, question: 'own', reading: 'right' } as const
        const [ofLabel, ofOther] = [label, other].map((name) =>
          subjectMeans(explained, { ...asked, label: name }, sharesOfAll)
        )
        const [one, two] = [ofLabel!.means, ofOther!.means]
        const both = [...one.keys()].filter((subject) => two.has(subject)).sort()
        const differences = both.map((subject) => one.get(subject)!.map((value, i) => value - two.get(subject)![i]!))
        const clusters = clusterTest(differences, { width: gridSide, flips: chance.repetitions, seed: chance.seed })
        const counts = [ofLabel!.count, ofOther!.count]
        return { composite, label, other, subjects: both.length, map: meanOf(differences), counts, clusters }
      })
  )
}

function meanOf(maps: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(gridSide * gridSide)
  for (const map of maps) for (let i = 0; i < mean.length; i++) mean[i]! += map[i]! / maps.length
  return mean
}
