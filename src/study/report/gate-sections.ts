/** The gate, and what switching an action unit does. */
import * as Plot from '@observablehq/plot'
import { fewestSubjects } from '../../lib/statistics/index.js'
import { ink, marginFor, plotted, ticksIn } from './drawing.js'
import type { Explanations } from './explanations.js'
import { mostTrusted, type PersonMean } from './gate.js'
import type { ReportLanguage } from './languages/index.js'
import { pText } from './languages/language.js'
import type { Cell, Part, Section } from './parts.js'
import type { UnitCorrelation } from './unit-columns.js'

export function gateSection({ gate, persons }: Explanations, { gate: words, number }: ReportLanguage): Section {
  const names = (passed: boolean): string[] =>
    gate.filter((one) => one.passed === passed).map(({ composite }) => composite)
  const points = gate.flatMap(({ composite, passed, follows, lies }) => [
    { composite, passed, measure: words.follows, ...spanOf(follows), chance: 0 },
    { composite, passed, measure: words.lies, ...spanOf(lies), chance: 1 }
  ])
  const figure = (measure: string): string => {
    const own = points.filter((point) => point.measure === measure && point.value !== null)
    return plotted({
      width: 640,
      height: 60 + 28 * gate.length,
      marginLeft: marginFor(gate.map(({ composite }) => composite)),
      x: { label: measure, nice: true, grid: true, tickFormat: ticksIn(number) },
      y: { label: null, domain: gate.map(({ composite }) => composite) },
      marks: [
        Plot.ruleX([own[0]?.chance ?? 0], { strokeDasharray: '4 3' }),
        Plot.link(own, { x1: 'low', x2: 'high', y1: 'composite', y2: 'composite', stroke: colour, strokeWidth: 2 }),
        Plot.dot(own, { x: 'value', y: 'composite', fill: colour, r: 5 })
      ]
    })
  }
  const fields = ['composite', 'passed', 'measure', 'mean', 'low', 'high', 'persons']
  const part = (name: Part['name'], measure: string, key: 'follows' | 'lies'): Part => ({
    name,
    caption: `${words.figure}: ${measure}`,
    note: words.note,
    csv: {
      fields,
      rows: gate.map((one): Cell[] => {
        const { value, low, high } = spanOf(one[key])
        return [one.composite, String(one.passed), key, value, low, high, persons]
      })
    },
    figure: figure(measure)
  })
  return {
    id: 'gate',
    title: words.title,
    paragraphs: [
      words.what,
      words.outcome(names(true), names(false), persons),
      ...(persons < fewestSubjects ? [words.few(persons)] : [])
    ],
    parts: [part('gate-follows', words.follows, 'follows'), part('gate-lies', words.lies, 'lies')]
  }
}

const colour = ({ passed }: { passed: boolean }): string => (passed ? ink.own : ink.faint)

const spanOf = ({
  value,
  interval
}: PersonMean): { value: number | null; low: number | null; high: number | null } => ({
  value,
  low: interval?.low ?? value,
  high: interval?.high ?? value
})

/** Leaves out zero. */
const isCertain = ({ interval }: PersonMean): boolean => interval !== null && (interval.low > 0 || interval.high < 0)

export function unitsSection(
  { units, gate, persons }: Explanations,
  columns: readonly UnitCorrelation[],
  alarmLabel: string,
  language: ReportLanguage
): Section {
  const { units: words, label } = language
  const trusted = mostTrusted(gate)
  const shown = trusted ?? gate[0]?.composite ?? ''
  const rows = units.flatMap(({ unit, base, probability, relevance }) => {
    const own = relevance[shown]
    const row = { unit: base === 'resting' ? unit : `${unit}, ${words.pain}` }
    return [
      { ...row, measure: words.output, ...percentOf(probability), certain: isCertain(probability) },
      ...(own ? [{ ...row, measure: `${words.relevance}, ${shown}`, ...percentOf(own), certain: isCertain(own) }] : [])
    ]
  })
  const certain = units.filter(({ base, probability }) => base === 'resting' && isCertain(probability))
  const strongest = [...certain]
    .sort((a, b) => Math.abs(b.probability.value!) - Math.abs(a.probability.value!))
    .slice(0, 4)
    .map(({ unit, probability }) => ({ unit, points: 100 * probability.value! }))
  const sureOutput = units.filter(({ output }) => isCertain(output))
  const agreeing = sureOutput.filter(({ output, relevance }) => output.value! * (relevance[shown]?.value ?? 0) > 0)
  return {
    id: 'units',
    title: words.title,
    paragraphs: [
      words.what(persons),
      strongest.length > 0
        ? words.strongest({ units: strongest, label: label(alarmLabel) })
        : words.nothing(label(alarmLabel)),
      ...(trusted && sureOutput.length > 0
        ? [words.beside({ composite: trusted, agree: agreeing.length, of: sureOutput.length })]
        : []),
      ...saidOfColumns(columns, label(alarmLabel), words)
    ],
    parts: [
      {
        name: 'action-units',
        caption: words.figure,
        note: words.note,
        csv: unitsCsv(units),
        figure: plotted({
          width: 860,
          height: 70 + 19 * units.length,
          marginLeft: marginFor(rows.map(({ unit }) => unit)),
          x: { label: null, grid: true, nice: true },
          y: { label: null, domain: [...new Set(rows.map(({ unit }) => unit))] },
          // The caption calls the probability the left one, in each language.
          fx: { label: null, padding: 0.12, domain: [...new Set(rows.map(({ measure }) => measure))] },
          facet: { data: rows, x: 'measure' },
          marks: [
            Plot.ruleX([0]),
            Plot.link(rows, { x1: 'low', x2: 'high', y1: 'unit', y2: 'unit', stroke: unitColour, strokeWidth: 2 }),
            Plot.dot(rows, { x: 'value', y: 'unit', fill: unitColour, r: 4 })
          ]
        })
      },
      ...(columns.length > 0 ? [columnsPart(columns, language)] : [])
    ]
  }
}

const unitColour = ({ certain }: { certain: boolean }): string => (certain ? ink.own : ink.paper)

function percentOf(mean: PersonMean): { value: number; low: number; high: number } {
  const { value, low, high } = spanOf(mean)
  return { value: 100 * (value ?? 0), low: 100 * (low ?? 0), high: 100 * (high ?? 0) }
}

/** Columns of the data, by how strongly they go with the output. */
const strongestFirst = (columns: readonly UnitCorrelation[]): UnitCorrelation[] =>
  [...columns].sort((a, b) => Math.abs(b.correlation.value ?? 0) - Math.abs(a.correlation.value ?? 0))

/** Nothing where the data have no columns. */
function saidOfColumns(
  columns: readonly UnitCorrelation[],
  label: string,
  { inData, untestedColumns }: ReportLanguage['units']
): string[] {
  const tested = strongestFirst(columns).flatMap(({ column, subjects, correlation, p }) =>
    p === null ? [] : [{ column, subjects, correlation: correlation.value!, p }]
  )
  const each = tested.map((one) => one.subjects)
  const subjects = { low: Math.min(...each), high: Math.max(...each) }
  const untested = columns.flatMap(({ column, p }) => (p === null ? [column] : []))
  return [
    ...(tested.length > 0
      ? [inData({ columns: tested.filter(({ p }) => p < 0.05), of: tested.length, subjects, label })]
      : []),
    ...(untested.length > 0 ? [untestedColumns({ columns: untested, of: columns.length })] : [])
  ]
}

function columnsPart(columns: readonly UnitCorrelation[], { units: words, number }: ReportLanguage): Part {
  const order = strongestFirst(columns)
  const two = (value: number | null): string => (value === null ? '–' : number(value, 2))
  return {
    name: 'action-unit-columns',
    caption: words.columns,
    note: words.columnsNote,
    csv: {
      fields: ['column', 'correlation', 'low', 'high', 'p', 'subjects'],
      rows: order.map(({ column, correlation: { value, interval }, p, subjects }): Cell[] => [
        ...[column, value, interval?.low ?? null, interval?.high ?? null],
        ...[p, subjects]
      ])
    },
    table: {
      head: words.columnsHead,
      rows: order.map(({ column, correlation: { value, interval }, p, subjects }) => [
        column,
        two(value),
        interval ? `${two(interval.low)} – ${two(interval.high)}` : '–',
        pText(p, number),
        String(subjects)
      ])
    }
  }
}

function unitsCsv(units: Explanations['units']): Part['csv'] {
  const cells = (unit: string, base: string, measure: string, mean: PersonMean): Cell[] => {
    const { value, low, high } = spanOf(mean)
    return [unit, base, measure, value, low, high]
  }
  return {
    fields: ['unit', 'base', 'measure', 'mean', 'low', 'high'],
    rows: units.flatMap(({ unit, base, output, probability, relevance }) => [
      cells(unit, base, 'output', output),
      cells(unit, base, 'probability', probability),
      ...Object.entries(relevance).map(([composite, mean]) => cells(unit, base, `relevance ${composite}`, mean))
    ])
  }
}
