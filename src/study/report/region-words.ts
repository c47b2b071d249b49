/** What is put into words of relevance by region, under the composites that pass the gate: no more than their numbers say. */
import { regionNames } from '../../core/types.js'
import { fewestSubjects } from '../../lib/statistics/index.js'
import { type Comparison, questions, type RegionDifference } from './comparisons.js'
import type { Explanations } from './explanations.js'
import type { ReportLanguage } from './languages/index.js'
import type { NamedDifference, Range } from './languages/language-findings.js'

/** Differences are put into words, and marked, where their p is below. */
export const certain = 0.05

/** Of the alarm's label against another, for each question that the pictures are explained for. */
export function regionWords(
  { comparisons }: Explanations,
  trusted: readonly string[],
  other: string,
  language: ReportLanguage
): string[] {
  const asked = questions.map((question) =>
    comparisons.filter(
      (one) =>
        one.question === question && one.reading === 'right' && one.other === other && trusted.includes(one.composite)
    )
  )
  const isTestable = asked.some((all) => all.some(({ subjects }) => subjects >= fewestSubjects))
  // That there are too few subjects is said once.
  return (isTestable ? asked : asked.slice(0, 1)).flatMap((all) => saidOf(all, language))
}

/** A region under each composite, and under those where it differs by more than chance. */
interface InRegion {
  region: string
  each: readonly Under[]
  sure: readonly Under[]
}
type Under = RegionDifference & { composite: string }

/** Of one question: what the composites agree on, and where they contradict each other. */
function saidOf(all: readonly Comparison[], { regions: words, label, region: names }: ReportLanguage): string[] {
  const [first] = all
  if (!first) return []
  const pair = { explained: first.question, label: label(first.label), other: label(first.other) }
  const most = Math.max(...all.map((one) => one.subjects))
  if (most < fewestSubjects) return [words.tooFew({ ...pair, subjects: most })]
  const tested = all.filter(({ subjects }) => subjects >= fewestSubjects)
  const subjects = { low: Math.min(...tested.map((one) => one.subjects)), high: most }
  const untested = all.flatMap((one) => (tested.includes(one) ? [] : [one.composite]))
  const found = regionNames.map((region): InRegion => {
    const each = tested.map(({ composite, regions }) => ({
      composite,
      ...regions.find((one) => one.region === region)!
    }))
    return { region: names[region], each, sure: each.filter(({ p }) => p !== null && p < certain) }
  })
  const [more, less] = [sharedIn(found, 1), sharedIn(found, -1)]
  return [
    ...(untested.length > 0 ? [words.untested({ ...pair, composites: untested })] : []),
    more.length + less.length > 0
      ? words.agree({ ...pair, subjects, more, less })
      : words.nothing({ ...pair, subjects }),
    ...found.flatMap(({ region, sure }) => {
      const [up, down] = [compositesOf(sure, 1), compositesOf(sure, -1)]
      return up.length > 0 && down.length > 0 ? [words.disagree({ ...pair, region, more: up, less: down })] : []
    })
  ]
}

const compositesOf = (sure: readonly Under[], sign: 1 | -1): string[] =>
  sure.flatMap(({ composite, difference }) => (sign * difference > 0 ? [composite] : []))

/** Regions that differ in this direction under every composite, the largest difference first. */
function sharedIn(found: readonly InRegion[], sign: 1 | -1): NamedDifference[] {
  return found
    .filter(({ each, sure }) => sure.length === each.length && compositesOf(sure, sign).length === each.length)
    .map(({ region, each }) => ({
      region,
      ...spanOf(each.map(({ difference }) => 100 * sign * difference)),
      // Subjects enough for a p are enough for an interval.
      interval: spanOf(each.flatMap(({ interval }) => [100 * sign * interval!.low, 100 * sign * interval!.high])),
      p: Math.max(...each.map(({ p }) => p!))
    }))
    .sort((a, b) => b.high - a.high)
}

const spanOf = (values: readonly number[]): Range => ({ low: Math.min(...values), high: Math.max(...values) })
