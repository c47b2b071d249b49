/** The paper's third question on the mean face: maps of each label, and where they differ. */
import { type RegionName, regionNames, type Size } from '../../core/types.js'
import { fewestSubjects, type MapCluster } from '../../lib/statistics/index.js'
import { regionMap } from '../../stages/explain/regions.js'
import type { MapDifference, MeanMap } from './comparisons.js'
import type { Explanations } from './explanations.js'
import { trustedOf } from './gate.js'
import type { ReportLanguage } from './languages/index.js'
import { leftOutOf } from './left-out.js'
import { mapCell, type PictureRow, pictureGrid } from './map-figure.js'
import type { Cell, Part, Section } from './parts.js'
import { gridSide } from './reduced-map.js'
import type { StudyRun } from './study-run.js'

const certain = 0.05
const mapSide = 160

export async function mapsSection(run: StudyRun, found: Explanations, language: ReportLanguage): Promise<Section> {
  const { maps: words, label, regions } = language
  const { labels, alarmLabel } = run.judgement
  const trusted = trustedOf(found.gate)
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
        note: [
          words.note,
          ...language.leftOut(
            leftOutOf(
              found.meanMaps.map((one) => ({ ...one, of: '' })),
              label
            ),
            'all'
          )
        ].join(' '),
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
  const most = Math.max(0, ...found.mapDifferences.map(({ subjects }) => subjects))
  if (trusted.length > 0 && most < fewestSubjects) return [words.tooFew(most)]
  const without = trusted.filter((composite) => !sure.some((one) => one.composite === composite))
  return [
    ...sure.map(({ composite, label: one, other, subjects, map, cluster }) =>
      words.cluster({
        composite,
        label: label(one),
        other: label(other),
        region: regionsUnder(cluster.cells, map, places, run.dataset.size)
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
function regionsUnder(
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
