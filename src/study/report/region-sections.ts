/** The paper's third question: how the features of pain differ, by region and on the mean face. */
import * as Plot from '@observablehq/plot'
import { type RegionName, regionNames, type Size } from '../../core/types.js'
import { fewestSubjects, type MapCluster } from '../../lib/statistics/index.js'
import { regionMap } from '../../stages/explain/regions.js'
import type { Comparison, ExplainedFor, MapDifference, MeanMap } from './comparisons.js'
import { ink, plotted } from './drawing.js'
import type { Explanations } from './explanations.js'
import type { ReportLanguage } from './languages/index.js'
import { mapCell, type PictureRow, pictureGrid } from './map-figure.js'
import type { Cell, Part, Section } from './parts.js'
import { gridSide } from './reduced-map.js'
import type { StudyRun } from './study-run.js'

const certain = 0.05

const trustedOf = ({ gate }: Explanations): string[] =>
  gate.filter(({ passed }) => passed).map(({ composite }) => composite)

export function regionSection(run: StudyRun, found: Explanations, language: ReportLanguage): Section {
  const { regions: words, label } = language
  const { pictures, comparisons } = found
  const subjects = new Set(pictures.map(({ judged }) => judged.row.subject)).size
  const others = run.judgement.labels.filter((name) => name !== run.judgement.alarmLabel)
  const trusted = trustedOf(found)
  const misread = (other: string): string => {
    const own = comparisons.find((one) => one.reading === 'misread' && one.other === other && one.question === 'own')
    const two = [run.judgement.alarmLabel, other].map((name) => run.judgement.labels.indexOf(name))
    const count = pictures.filter((picture) => !picture.right && two.includes(picture.label)).length
    const said = { label: label(run.judgement.alarmLabel), other: label(other), pictures: count }
    return words.misread({ ...said, subjects: own?.subjects ?? 0 })
  }
  return {
    id: 'regions',
    title: words.title,
    paragraphs: [
      words.what(pictures.length, subjects),
      ...(trusted.length === 0 ? [words.noGate] : others.flatMap((other) => said(found, trusted, other, language))),
      ...others.map(misread)
    ],
    parts: [
      regionFigure('own', found, language),
      regionFigure('alarm', found, language),
      regionFigure('contrast', found, language),
      regionTable(found, language)
    ]
  }
}

/** What the composites that pass agree on, and where they contradict each other. */
function said(
  { comparisons }: Explanations,
  trusted: readonly string[],
  other: string,
  { regions: words, label, region: names }: ReportLanguage
): string[] {
  const own = comparisons.filter(
    (one) => one.question === 'own' && one.reading === 'right' && one.other === other && trusted.includes(one.composite)
  )
  const [first] = own
  if (!first) return []
  const pair = { label: label(first.label), other: label(other), subjects: first.subjects }
  if (first.subjects < fewestSubjects) return [words.tooFew(pair.label, pair.other, pair.subjects)]
  const byRegion = regionNames.map((region) => {
    const each = own.map(({ composite, regions }) => ({ composite, ...regions.find((one) => one.region === region)! }))
    return { region, each, sure: each.filter(({ p }) => p !== null && p < certain) }
  })
  const shared = (sign: 1 | -1) =>
    byRegion
      .filter(({ each, sure }) => sure.length === each.length && sure.every(({ difference }) => sign * difference > 0))
      .map(({ region, each }) => {
        const points = each.map(({ difference }) => 100 * Math.abs(difference))
        return {
          region: names[region],
          low: Math.min(...points),
          high: Math.max(...points),
          p: Math.max(...each.map(({ p }) => p!))
        }
      })
      .sort((a, b) => b.high - a.high)
  const [more, less] = [shared(1), shared(-1)]
  const contradicting = byRegion.flatMap(({ region, sure }) => {
    const [up, down] = ([1, -1] as const).map((sign) =>
      sure.filter((one) => sign * one.difference > 0).map((one) => one.composite)
    )
    return up!.length > 0 && down!.length > 0
      ? [words.disagree({ ...pair, region: names[region], more: up!, less: down! })]
      : []
  })
  const agreed =
    more.length + less.length > 0
      ? words.agree({ ...pair, more, less })
      : words.nothing(pair.label, pair.other, pair.subjects)
  return [agreed, ...contradicting]
}

interface RegionPoint {
  region: string
  value: number
  low: number
  high: number
  pair: string
  composite: string
  colour: string
  fill: string
}

function regionFigure(
  question: ExplainedFor,
  found: Explanations,
  { regions: words, label, region: names }: ReportLanguage
): Part {
  const trusted = trustedOf(found)
  const shown = found.comparisons.filter((one) => one.question === question && one.reading === 'right')
  const points = shown.flatMap(({ composite, label: one, other, regions }) =>
    regions.map(({ region, difference, interval, p }): RegionPoint => {
      const colour = trusted.includes(composite) ? ink.own : ink.faint
      return {
        region: names[region],
        value: 100 * difference,
        low: 100 * (interval?.low ?? difference),
        high: 100 * (interval?.high ?? difference),
        pair: words.pair(label(one), label(other)),
        composite,
        colour,
        fill: p !== null && p < certain ? colour : 'white'
      }
    })
  )
  const composites = [...new Set(points.map(({ composite }) => composite))]
  return {
    name: `regions-${question}`,
    caption: words.figure[question],
    note: words.note,
    csv: comparisonCsv(found.comparisons.filter((one) => one.question === question)),
    figure: plotted({
      width: 900,
      height: 70 + 200 * Math.max(1, composites.length),
      marginLeft: 140,
      marginRight: 190,
      x: { label: words.axis, grid: true, nice: true },
      y: { label: null, domain: regionNames.map((region) => names[region]) },
      fx: { label: null, padding: 0.08 },
      fy: { label: null, domain: composites, padding: 0.08 },
      facet: { data: points, x: 'pair', y: 'composite' },
      marks: [
        Plot.ruleX([0]),
        Plot.link(points, { x1: 'low', x2: 'high', y1: 'region', y2: 'region', stroke: 'colour', strokeWidth: 2 }),
        Plot.dot(points, { x: 'value', y: 'region', fill: 'fill', stroke: 'colour', strokeWidth: 1.5, r: 4 })
      ]
    })
  }
}

function comparisonCsv(comparisons: readonly Comparison[]): Part['csv'] {
  return {
    fields: [
      'composite',
      'explained',
      'pictures',
      'label',
      'other',
      'region',
      'share',
      'other_share',
      'difference',
      'low',
      'high',
      'p',
      'subjects'
    ],
    rows: comparisons.flatMap(({ composite, question, reading, label, other, subjects, regions }) =>
      regions.map(({ region, share, otherShare, difference, interval, p }): Cell[] => {
        const bounds = [interval?.low ?? null, interval?.high ?? null]
        return [
          composite,
          question,
          reading,
          label,
          other,
          region,
          share,
          otherShare,
          difference,
          ...bounds,
          p,
          subjects
        ]
      })
    )
  }
}

function regionTable(found: Explanations, { regions: words, label, region: names, number }: ReportLanguage): Part {
  const { head } = words
  const trusted = trustedOf(found)
  const rows = found.comparisons
    .filter(({ composite, reading }) => trusted.includes(composite) && reading === 'right')
    .flatMap(({ composite, question, label: one, other, subjects, regions }) =>
      regions
        .filter(({ p }) => p !== null && p < certain)
        .map(({ region, difference, interval, p }) => [
          composite,
          question === 'own'
            ? words.pair(label(one), label(other))
            : `${words.pair(label(one), label(other))} (${words.explained[question]})`,
          names[region],
          number(100 * difference, 1),
          interval ? `${number(100 * interval.low, 1)} – ${number(100 * interval.high, 1)}` : '–',
          number(p!, 4),
          String(subjects)
        ])
    )
  return {
    name: 'regions',
    caption: words.table,
    csv: comparisonCsv(found.comparisons),
    table: {
      head: [head.composite, head.question, head.region, head.difference, head.interval, head.p, head.subjects],
      rows
    }
  }
}

const mapSide = 160

export async function mapsSection(run: StudyRun, found: Explanations, language: ReportLanguage): Promise<Section> {
  const { maps: words, label, regions } = language
  const { labels, alarmLabel } = run.judgement
  const trusted = trustedOf(found)
  const form = { cell: { width: mapSide, height: mapSide }, crop: run.dataset.size, landmarks: found.landmarks }
  const others = labels.filter((name) => name !== alarmLabel)
  const rows: PictureRow[] = []
  for (const composite of found.composites) {
    const draw = ({ subjects, map }: MeanMap, clusters: readonly MapCluster[] = []) =>
      subjects === 0
        ? null
        : mapCell(map, { ...form, clusters: clusters.filter(({ p }) => p < certain).map((one) => one.cells) })
    const means = labels.map((name) => found.meanMaps.find((one) => one.composite === composite && one.label === name)!)
    const differences = others.map(
      (other) => found.mapDifferences.find((one) => one.composite === composite && one.other === other)!
    )
    const cells = [...means.map((one) => draw(one)), ...differences.map((one) => draw(one, one.clusters))]
    const grey = !trusted.includes(composite)
    rows.push({
      title: [composite, ...(grey ? [language.examples.greyed] : [])],
      grey,
      cells: await Promise.all(cells)
    })
  }
  const columns = [...labels.map(label), ...others.map((other) => regions.pair(label(alarmLabel), label(other)))]
  return {
    id: 'maps',
    title: words.title,
    paragraphs: [words.what, ...clusterWords(run, found, trusted, language)],
    parts: [
      {
        name: 'mean-maps',
        caption: words.figure,
        note: words.note,
        csv: mapCsv(found),
        figure: pictureGrid({ columns, rows, cell: form.cell, left: 200 })
      }
    ]
  }
}

function clusterWords(
  run: StudyRun,
  found: Explanations,
  trusted: readonly string[],
  { maps: words, label, region }: ReportLanguage
): string[] {
  const places = regionMap(found.landmarks, run.dataset.size)
  const sure = found.mapDifferences
    .filter(({ composite }) => trusted.includes(composite))
    .flatMap((one) => one.clusters.filter(({ p }) => p < certain).map((cluster) => ({ ...one, cluster })))
  const without = trusted.filter((composite) => !sure.some((one) => one.composite === composite))
  return [
    ...sure.map(({ composite, label: one, other, subjects, map, cluster }) =>
      words.cluster({
        composite,
        label: label(one),
        other: label(other),
        region: regionsOf(cluster.cells, map, places, run.dataset.size)
          .map((name) => region[name])
          .join(', '),
        isMore: cluster.sign > 0,
        p: cluster.p,
        subjects
      })
    ),
    ...(without.length > 0 || trusted.length === 0 ? [words.none(without)] : [])
  ]
}

/** Regions with this share of a cluster's difference are named. */
const named = 0.2

/** The regions of most of the difference within a cluster, largest first; where none stands out, the largest. */
function regionsOf(
  cells: readonly number[],
  map: Float64Array,
  places: Uint8Array,
  { width, height }: Size
): RegionName[] {
  const sums = new Array<number>(regionNames.length).fill(0)
  for (const cell of cells) {
    const row = Math.floor(((Math.floor(cell / gridSide) + 0.5) * height) / gridSide)
    const column = Math.floor((((cell % gridSide) + 0.5) * width) / gridSide)
    sums[places[row * width + column]!]! += Math.abs(map[cell]!)
  }
  const all = sums.reduce((sum, one) => sum + one, 0)
  const order = regionNames.map((region, i) => ({ region, share: sums[i]! / all })).sort((a, b) => b.share - a.share)
  const most = order.filter(({ share }) => share >= named)
  return (most.length > 0 ? most : order.slice(0, 1)).map(({ region }) => region)
}

function mapCsv({ meanMaps, mapDifferences }: Explanations): Part['csv'] {
  const clusterAt = ({ clusters }: MapDifference, cell: number): number | null =>
    clusters.find(({ cells }) => cells.includes(cell))?.p ?? null
  const rowsOf = (
    composite: string,
    label: string,
    other: string,
    map: Float64Array,
    p: (cell: number) => number | null
  ): Cell[][] =>
    Array.from(map, (value, cell) => [
      composite,
      label,
      other,
      Math.floor(cell / gridSide),
      cell % gridSide,
      value,
      p(cell)
    ])
  return {
    fields: ['composite', 'label', 'less', 'row', 'column', 'share', 'cluster_p'],
    rows: [
      ...meanMaps.flatMap(({ composite, label, map }) => rowsOf(composite, label, '', map, () => null)),
      ...mapDifferences.flatMap((one) =>
        rowsOf(one.composite, one.label, one.other, one.map, (cell) => clusterAt(one, cell))
      )
    ]
  }
}
