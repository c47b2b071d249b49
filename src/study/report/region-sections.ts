/** The paper's third question: how the features of pain differ, by region. */
import * as Plot from '@observablehq/plot'
import { regionNames } from '../../core/types.js'
import { type Comparison, type ExplainedFor, questions } from './comparisons.js'
import { ink, marginFor, plotted } from './drawing.js'
import type { Explanations } from './explanations.js'
import { trustedOf } from './gate.js'
import type { ReportLanguage } from './languages/index.js'
import { leftOutOf } from './left-out.js'
import type { Cell, Part, Section } from './parts.js'
import { certain, regionWords } from './region-words.js'
import type { StudyRun } from './study-run.js'

export function regionSection(run: StudyRun, found: Explanations, language: ReportLanguage): Section {
  const { regions: words, label } = language
  const { pictures, comparisons } = found
  const subjects = new Set(pictures.map(({ judged }) => judged.row.subject)).size
  const others = run.judgement.labels.filter((name) => name !== run.judgement.alarmLabel)
  const trusted = trustedOf(found.gate)
  const misread = (other: string): string => {
    const own = comparisons.filter((one) => one.reading === 'misread' && one.other === other && one.question === 'own')
    const two = [run.judgement.alarmLabel, other].map((name) => run.judgement.labels.indexOf(name))
    const count = pictures.filter((picture) => !picture.right && two.includes(picture.label)).length
    const said = { label: label(run.judgement.alarmLabel), other: label(other), pictures: count }
    return words.misread({ ...said, subjects: Math.max(0, ...own.map((one) => one.subjects)) })
  }
  return {
    id: 'regions',
    title: words.title,
    paragraphs: [
      words.what(pictures.length, subjects),
      ...(trusted.length === 0
        ? [words.noGate]
        : others.flatMap((other) => regionWords(found, trusted, other, language))),
      ...others.map(misread)
    ],
    parts: [...questions.flatMap((question) => regionFigure(question, found, language)), regionTable(found, language)]
  }
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

/** None where no subject has pictures of two labels. */
function regionFigure(question: ExplainedFor, found: Explanations, language: ReportLanguage): Part[] {
  const { regions: words, label, region: names } = language
  const trusted = trustedOf(found.gate)
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
  if (points.length === 0) return []
  const empty = shown
    .filter(({ regions }) => regions.length === 0)
    .map(({ composite, label: one, other }) => ({ composite, pair: words.pair(label(one), label(other)) }))
  const part: Part = {
    name: `regions-${question}`,
    caption: words.figure[question],
    note: [words.note, ...leftOutIn(shown, language)].join(' '),
    csv: comparisonCsv(found.comparisons.filter((one) => one.question === question)),
    figure: plotted({
      width: 900,
      height: 70 + 200 * found.composites.length,
      marginLeft: marginFor(regionNames.map((region) => names[region])),
      marginRight: 190,
      x: { label: words.axis, grid: true, nice: true },
      y: { label: null, domain: regionNames.map((region) => names[region]) },
      fx: { label: null, padding: 0.08 },
      fy: { label: null, domain: found.composites, padding: 0.08 },
      facet: { data: points, x: 'pair', y: 'composite' },
      marks: [
        Plot.ruleX([0]),
        Plot.link(points, { x1: 'low', x2: 'high', y1: 'region', y2: 'region', stroke: 'colour', strokeWidth: 2 }),
        Plot.dot(points, { x: 'value', y: 'region', fill: 'fill', stroke: 'colour', strokeWidth: 1.5, r: 4 }),
        Plot.text(empty, { fx: 'pair', fy: 'composite', text: () => words.noSubject, frameAnchor: 'right', dx: -10 })
      ]
    })
  }
  return [part]
}

/** Of which question each is, where they are of several. */
function leftOutIn(comparisons: readonly Comparison[], language: ReportLanguage): string[] {
  const { regions: words, label } = language
  const isOfSeveral = new Set(comparisons.map(({ question }) => question)).size > 1
  const of = ({ question, label: one, other }: Comparison): string =>
    [
      words.pair(label(one), label(other)),
      ...(isOfSeveral && question !== 'own' ? [`(${words.explained[question]})`] : [])
    ].join(' ')
  const all = comparisons.map((one) => ({ ...one, of: of(one) }))
  return language.leftOut(leftOutOf(all, label), 'positive')
}

/** A comparison that no subject is left for has one row, without a region. */
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
      'subjects',
      'label_pictures',
      'label_left_out',
      'other_pictures',
      'other_left_out'
    ],
    rows: comparisons.flatMap(({ composite, question, reading, label, other, subjects, regions, counts }) => {
      const asked = [composite, question, reading, label, other]
      const after = [subjects, ...counts.flatMap(({ pictures, leftOut }) => [pictures, leftOut])]
      if (regions.length === 0) return [[...asked, null, null, null, null, null, null, null, ...after]]
      return regions.map(({ region, share, otherShare, difference, interval, p }): Cell[] => [
        ...[...asked, region, share, otherShare, difference, interval?.low ?? null, interval?.high ?? null, p],
        ...after
      ])
    })
  }
}

function regionTable(found: Explanations, language: ReportLanguage): Part {
  const { regions: words, label, region: names, number } = language
  const { head } = words
  const trusted = trustedOf(found.gate)
  const shown = found.comparisons.filter(({ composite, reading }) => trusted.includes(composite) && reading === 'right')
  const rows = shown.flatMap(({ composite, question, label: one, other, subjects, regions }) =>
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
    note: leftOutIn(shown, language).join(' '),
    csv: comparisonCsv(found.comparisons),
    table: {
      head: [head.composite, head.question, head.region, head.difference, head.interval, head.p, head.subjects],
      rows: rows.length > 0 ? rows : [[words.none, '', '', '', '', '', '']]
    }
  }
}
