/** SpRAy, and the checks of the explanations. */
import * as Plot from '@observablehq/plot'
import { flippedShares } from '../../stages/explain/checks/index.js'
import { ink, plotted, ticksIn } from './drawing.js'
import type { Explanations } from './explanations.js'
import { mostTrusted } from './gate.js'
import type { ReportLanguage } from './languages/index.js'
import { leftOutOf } from './left-out.js'
import { mapCell, type PictureRow, pictureGrid } from './map-figure.js'
import type { Cell, Part, Section } from './parts.js'
import type { Commonest, Strategies } from './strategies.js'
import type { StudyRun } from './study-run.js'

const mapSide = 128

export async function strategiesSection(
  run: StudyRun,
  found: Explanations,
  language: ReportLanguage
): Promise<Section> {
  const { strategies: words, label } = language
  const { strategies } = found
  const suspects = strategies.flatMap(({ composite, label: name, clusters }) =>
    clusters.flatMap(({ pictures, suspect, ...cluster }) =>
      suspect.map((of) => words.warning({ composite, label: label(name), pictures, of, ...cluster[of] }))
    )
  )
  const { labels } = run.judgement
  const grouped = strategies.filter(({ clusters }) => clusters.length > 0)
  const groupsOf = (name: string) => grouped.filter((one) => one.label === name).flatMap(({ clusters }) => clusters)
  const [ungrouped, some] = [true, false].map((none) => labels.filter((name) => (groupsOf(name).length === 0) === none))
  const fine = some!.filter((name) => groupsOf(name).every(({ suspect }) => suspect.length === 0))
  const sources = new Set(found.pictures.map(({ judged }) => judged.row.source)).size
  const shown = mostTrusted(found.gate) ?? found.composites[0]!
  const drawn = grouped.filter(({ composite }) => composite === shown)
  return {
    id: 'strategies',
    title: words.title,
    paragraphs: [
      words.what,
      ...suspects,
      ...(fine.length > 0 ? [words.fine(fine.map(label), sources)] : []),
      ...(ungrouped!.length > 0 ? [words.tooFew(ungrouped!.map(label))] : [])
    ],
    parts:
      grouped.length === 0
        ? []
        : [strategyTable(strategies, language), await strategyFigure(run, found, shown, drawn, language)]
  }
}

function strategyTable(strategies: readonly Strategies[], language: ReportLanguage): Part {
  const { strategies: words, label, number } = language
  const { head } = words
  const commonest = ({ name, share }: Commonest): string => `${name} (${number(100 * share, 0)} %)`
  const all = strategies.flatMap((one) => one.clusters.map((cluster, i) => ({ ...one, ...cluster, number: i + 1 })))
  return {
    name: 'spray',
    caption: words.table,
    note: language
      .leftOut(
        leftOutOf(
          strategies.map((one) => ({ ...one, of: '', subjects: null })),
          label
        ),
        'positive'
      )
      .join(' '),
    csv: {
      fields: [
        'composite',
        'label',
        'group',
        'pictures',
        ...['subject', 'source', 'fold'].flatMap((of) => [of, `${of}_share`, `${of}_share_of_all`]),
        'suspect',
        'eigenvalues'
      ],
      rows: all.map(
        ({ composite, label: name, number: own, pictures, subject, source, fold, suspect, eigenvalues }): Cell[] => [
          ...[composite, name, own, pictures],
          ...[subject, source, fold].flatMap((one) => [one.name, one.share, one.overall]),
          suspect.join(' '),
          eigenvalues.map((value) => value.toFixed(4)).join(' ')
        ]
      )
    },
    table: {
      head: [head.composite, head.label, head.cluster, head.pictures, head.subject, head.source, head.fold],
      rows: all.map(({ composite, label: name, number: own, pictures, subject, source, fold, suspect }) => [
        composite,
        label(name),
        `${own}${suspect.length > 0 ? ' !' : ''}`,
        String(pictures),
        ...[subject, source, fold].map(commonest)
      ])
    }
  }
}

async function strategyFigure(
  run: StudyRun,
  { landmarks }: Explanations,
  composite: string,
  drawn: readonly Strategies[],
  { strategies: words, label }: ReportLanguage
): Promise<Part> {
  const form = { cell: { width: mapSide, height: mapSide }, crop: run.dataset.size, landmarks }
  const rows: PictureRow[] = []
  for (const { label: name, clusters } of drawn)
    rows.push({ title: [label(name)], cells: await Promise.all(clusters.map(({ map }) => mapCell(map, form))) })
  const most = Math.max(1, ...drawn.map(({ clusters }) => clusters.length))
  return {
    name: 'spray-maps',
    caption: words.figure(composite),
    csv: {
      fields: ['composite', 'label', 'group', 'cell', 'share'],
      rows: drawn.flatMap((one) =>
        one.clusters.flatMap(({ map }, i) =>
          Array.from(map, (value, cell): Cell[] => [composite, one.label, i + 1, cell, value])
        )
      )
    },
    figure: pictureGrid({
      columns: Array.from({ length: most }, (_, i) => String(i + 1)),
      rows,
      cell: form.cell,
      left: 110
    })
  }
}

export function checksSection(found: Explanations, language: ReportLanguage): Section {
  const { checks: words } = language
  const { sums, flipping, shuffling, agreement } = found
  const named = (passed: boolean): string[] =>
    flipping.filter(({ verdict }) => verdict.passed === passed).map(({ composite }) => composite)
  const outcomes = (outcome: string): string[] =>
    shuffling.filter(({ verdict }) => verdict.outcome === outcome).map(({ composite }) => composite)
  const agreeing = agreement.flatMap(({ composite, mean, lowest }) =>
    mean === null || lowest === null ? [] : [{ composite, mean, lowest }]
  )
  const maps = sums.reduce((sum, one) => sum + one.maps, 0)
  return {
    id: 'checks',
    title: words.title,
    paragraphs: [
      words.what,
      words.finite(
        maps,
        sums.reduce((sum, one) => sum + one.notFinite, 0)
      ),
      ...(flipping.length > 0 ? [words.flipping(named(true), named(false), flipping[0]!.pictures)] : []),
      ...(shuffling.length > 0 ? [words.shuffling(outcomes('unchanged'), outcomes('insensitive'))] : []),
      ...(agreeing.length > 0 ? [words.agreement(agreeing)] : [])
    ],
    parts: [checksTable(found, language), ...(flipping.length > 0 ? [flippingFigure(found, language)] : [])]
  }
}

function checksTable(
  { composites, sums, flipping, shuffling, agreement }: Explanations,
  { checks: words, number }: ReportLanguage
): Part {
  const { head } = words
  const rows = composites.map((composite) => {
    const of = <Found extends { composite: string }>(list: readonly Found[]): Found | undefined =>
      list.find((one) => one.composite === composite)
    const [sum, flipped, shuffled, agreed] = [of(sums)!, of(flipping), of(shuffling), of(agreement)]
    const last = shuffled?.verdict.steps.at(-1)
    return {
      ...{ composite, sum, flipped, shuffled, agreed },
      likeness: last ? Math.max(last.signed, last.absolute) : null,
      gain: flipped ? flipped.verdict.leastRelevantFirst - flipped.verdict.mostRelevantFirst : null
    }
  })
  const two = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : number(value, 2)
  return {
    name: 'checks',
    caption: words.table,
    note: words.note,
    csv: {
      fields: [
        'composite',
        'maps',
        'not_finite',
        'sum_by_output',
        'shuffled',
        'shuffled_likeness',
        'agreement',
        'agreement_lowest',
        'symmetric_gain',
        'flipping_standard_errors',
        'flipping_passed'
      ],
      rows: rows.map(({ composite, sum, flipped, shuffled, agreed, likeness, gain }): Cell[] => [
        ...[composite, sum.maps, sum.notFinite, sum.conserved, shuffled?.verdict.outcome ?? null, likeness],
        ...[agreed?.mean ?? null, agreed?.lowest ?? null, gain, flipped?.verdict.standardErrors ?? null],
        flipped ? String(flipped.verdict.passed) : null
      ])
    },
    table: {
      head: [
        head.composite,
        head.maps,
        head.notFinite,
        head.conserved,
        head.shuffled,
        head.agreement,
        head.gain,
        head.flipping
      ],
      rows: rows.map(({ composite, sum, flipped, shuffled, agreed, likeness, gain }) => [
        ...[composite, String(sum.maps), String(sum.notFinite), two(sum.conserved)],
        shuffled ? `${words.outcome[shuffled.verdict.outcome]} (${two(likeness)})` : '–',
        two(agreed?.mean),
        two(gain),
        flipped
          ? `${flipped.verdict.passed ? words.yes : words.no} (${number(flipped.verdict.standardErrors, 1)} SE)`
          : '–'
      ])
    }
  }
}

function flippingFigure({ flipping }: Explanations, { checks: words, number }: ReportLanguage): Part {
  const kinds = { most: ink.for, least: ink.against, random: ink.paper } as const
  const points = flipping.flatMap(({ composite, curves }) =>
    (Object.keys(kinds) as (keyof typeof kinds)[]).flatMap((kind) =>
      curves[kind].map((probability, i) => ({
        composite,
        kind,
        order: words.curves[kind],
        share: flippedShares[i]!,
        probability
      }))
    )
  )
  return {
    name: 'pixel-flipping',
    caption: words.figure,
    csv: {
      fields: ['composite', 'order', 'share_removed', 'probability'],
      rows: points.map(({ composite, kind, share, probability }): Cell[] => [composite, kind, share, probability])
    },
    figure: plotted({
      width: 240 * flipping.length + 200,
      height: 260,
      marginRight: 150,
      marginTop: 30,
      x: { label: words.curves.removed, ticks: 4, tickFormat: ticksIn(number) },
      y: { label: words.curves.probability, domain: [0, 1], grid: true, tickFormat: ticksIn(number) },
      fx: { label: null, domain: flipping.map(({ composite }) => composite) },
      color: { domain: Object.keys(kinds), range: Object.values(kinds) },
      marks: [
        Plot.lineY(points, {
          x: 'share',
          y: 'probability',
          z: 'kind',
          stroke: 'kind',
          fx: 'composite',
          strokeWidth: 2
        }),
        Plot.text(
          points.filter(({ share, composite }) => share === 1 && composite === flipping.at(-1)!.composite),
          {
            x: 'share',
            y: ({ kind }: { kind: keyof typeof kinds }) => ({ most: 0.15, random: 0.5, least: 0.85 })[kind],
            text: 'order',
            fill: 'kind',
            fx: 'composite',
            textAnchor: 'start',
            dx: 8
          }
        )
      ]
    })
  }
}
