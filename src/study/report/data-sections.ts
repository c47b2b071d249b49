/** Tables 1 and 2 and figure 1: the paper's first question, how well the classes are told apart. */
import * as Plot from '@observablehq/plot'
import { neutral, noUsableFace } from '../dataset.js'
import { dataWarnings } from './data-warnings.js'
import { ink, plotted } from './drawing.js'
import type { ReportLanguage } from './languages/index.js'
import { paper } from './paper.js'
import type { Cell, Part, Section } from './parts.js'
import type { StudyRun } from './study-run.js'

export function dataSections(run: StudyRun, words: ReportLanguage): Section[] {
  const { data } = words
  return [
    {
      id: 'data',
      title: data.titles.data,
      paragraphs: dataWarnings(run, words),
      parts: [tableOne(run, words)]
    },
    { id: 'classes', title: data.titles.classes, paragraphs: accuracyIn(run, words), parts: [tableTwo(run, words)] },
    {
      id: 'confusion',
      title: data.titles.confusion,
      paragraphs: [confusedIn(run, words)],
      parts: [figureOne(run, words)]
    }
  ]
}

const distinct = <Row>(rows: readonly Row[], of: (row: Row) => string): number => new Set(rows.map(of)).size

function tableOne({ dataset, evaluation }: StudyRun, { data, label }: ReportLanguage): Part {
  const { head } = data
  const labels = [...evaluation.labels, neutral].filter((name) => dataset.rows.some((row) => row.label === name))
  const own = labels.map((name): Cell[] => {
    const rows = dataset.rows.filter((row) => row.label === name)
    const subjects = rows.every(({ subject }) => subject === '') ? null : distinct(rows, ({ subject }) => subject)
    return [
      name,
      'own',
      rows.length,
      subjects,
      distinct(rows, ({ video }) => video),
      distinct(rows, ({ source }) => source)
    ]
  })
  const theirs = labels.flatMap((name): Cell[][] => {
    const said = paper.data[name]
    return said ? [[name, 'paper', said.images, said.subjects, null, null]] : []
  })
  const rows = [...own, ...theirs]
  return {
    name: 'table-1',
    caption: data.table1,
    ...(theirs.length > 0 && { note: data.paperNote }),
    csv: { fields: ['label', 'of', 'images', 'subjects', 'videos', 'sources'], rows },
    table: {
      head: [head.label, head.whose, head.images, head.subjects, head.videos, head.sources],
      rows: rows.map(([name, whose, ...counts]) => [
        label(String(name)),
        whose === 'own' ? data.own : data.paper,
        ...counts.map((count) => String(count ?? '–'))
      ]),
      quoted: theirs.map((_, i) => own.length + i)
    }
  }
}

function tableTwo({ evaluation }: StudyRun, { data, label, number }: ReportLanguage): Part {
  const { head } = data
  const fields = ['label', 'of', 'precision', 'recall', 'recall_low', 'recall_high', 'f1', 'images']
  const own = Object.entries(evaluation.classes).map(([name, one]): Cell[] => {
    const bounds = one.recall_interval
    return [name, 'own', one.precision, one.recall, bounds?.low ?? null, bounds?.high ?? null, one.f1, one.support]
  })
  const { precision, recall, f1, support } = evaluation.macro
  own.push(['mean', 'own', precision, recall, null, null, f1, support])
  const theirs = evaluation.labels.flatMap((name): Cell[][] => {
    const said = paper.classes[name]
    return said ? [[name, 'paper', said.precision, said.recall, null, null, said.f1, said.images]] : []
  })
  const two = (value: Cell | undefined): string => (typeof value === 'number' ? number(value, 2) : '–')
  const rows = [...own, ...theirs]
  return {
    name: 'table-2',
    caption: data.table2,
    ...(theirs.length > 0 && { note: data.paperNote }),
    csv: { fields, rows },
    table: {
      head: [head.label, head.whose, head.precision, head.recall, head.recallInterval, head.f1, head.images],
      rows: rows.map(([name, whose, ofPrecision, ofRecall, low, high, ofF1, images]) => [
        name === 'mean' ? data.mean : label(String(name)),
        whose === 'own' ? data.own : data.paper,
        two(ofPrecision),
        two(ofRecall),
        typeof low === 'number' ? `${two(low)} – ${two(high)}` : '–',
        two(ofF1),
        String(images)
      ]),
      quoted: theirs.map((_, i) => own.length + i)
    }
  }
}

function accuracyIn({ evaluation, best }: StudyRun, { data, label }: ReportLanguage): string[] {
  const fold = evaluation.folds.find(({ name }) => name === String(best))
  const ofBest =
    fold && fold.accuracy !== null && fold.wilson ? { ...fold, accuracy: fold.accuracy, wilson: fold.wilson } : null
  const { tests } = evaluation
  const certain = (tests?.recall_differences ?? []).filter(({ p }) => p !== null && p < 0.05)
  return [
    data.accuracy({ ...evaluation, best: ofBest, paper: paper.accuracy }),
    ...(tests
      ? [
          data.guessing(tests.better_than_guessing.difference, tests.better_than_guessing.p, tests.subjects),
          data.differences(
            certain.map(({ label: one, other, difference, p }) => {
              const [better, worse] = difference >= 0 ? [one, other] : [other, one]
              return { better: label(better), worse: label(worse), difference: Math.abs(difference), p: p! }
            })
          )
        ]
      : [])
  ]
}

interface ConfusionCell {
  shown: string
  called: string
  count: number | null
  share: number | null
  paper: number | null
}

/** Shares are of the faces that were judged: the paper knows no others. */
function confusionCells({ evaluation: { confusion } }: StudyRun): ConfusionCell[] {
  return Object.entries(confusion.rows).flatMap(([shown, counts]) => {
    const judged = counts.slice(0, -1).reduce<number>((sum, count) => sum + (count ?? 0), 0)
    return confusion.columns.map((called, i) => {
      const count = counts[i] ?? null
      const isJudged = called !== noUsableFace
      return {
        shown,
        called,
        count,
        share: isJudged && count !== null && judged > 0 ? count / judged : null,
        paper: paper.confusion[shown]?.[called] ?? null
      }
    })
  })
}

function confusedIn(run: StudyRun, { data, label }: ReportLanguage): string {
  const { labels } = run.evaluation
  const wrong = confusionCells(run)
    .filter(
      ({ shown, called, share }) =>
        labels.includes(shown) && labels.includes(called) && shown !== called && (share ?? 0) > 0
    )
    .sort((a, b) => b.share! - a.share!)
  const first = wrong[0]
  return data.confused(
    first ? { label: label(first.shown), called: label(first.called), share: first.share!, paper: first.paper } : null
  )
}

function figureOne(run: StudyRun, { data, label, number }: ReportLanguage): Part {
  const isKnown = Object.values(run.evaluation.confusion.rows).some((counts) => counts.at(-1) !== null)
  const cells = confusionCells(run).filter(({ called }) => isKnown || called !== noUsableFace)
  const drawn = cells.map((cell) => ({
    ...cell,
    shown: label(cell.shown),
    called: cell.called === noUsableFace ? data.head.noFace : label(cell.called)
  }))
  const order = (of: 'shown' | 'called'): string[] => [...new Set(drawn.map((cell) => cell[of]))]
  const white = (cell: ConfusionCell): string => ((cell.share ?? 0) > 0.7 ? 'white' : '#1a1d21')
  const places = { x: 'called', y: 'shown' } as const
  return {
    name: 'figure-1',
    caption: data.figure1,
    note: data.confusionNote,
    csv: {
      fields: ['shown', 'called', 'images', 'share_of_row', 'paper_share_of_row'],
      rows: cells.map(({ shown, called, count, share, paper: theirs }) => [shown, called, count, share, theirs])
    },
    figure: plotted({
      width: 150 + 130 * order('called').length,
      height: 80 + 66 * order('shown').length,
      marginLeft: 110,
      marginTop: 40,
      marginBottom: 10,
      padding: 0.03,
      x: { axis: 'top', label: data.head.called, domain: order('called') },
      y: { label: data.head.shown, domain: order('shown') },
      color: { type: 'linear', domain: [0, 1], range: ['#eef3f9', ink.own] },
      marks: [
        Plot.cell(drawn, { ...places, fill: (cell: ConfusionCell) => cell.share ?? 0 }),
        Plot.text(drawn, {
          ...places,
          text: (cell: ConfusionCell) => String(cell.count ?? '–'),
          fill: white,
          fontSize: 16,
          dy: -6
        }),
        Plot.text(drawn, {
          ...places,
          text: ({ share, paper: theirs }: ConfusionCell) =>
            [
              share === null ? '' : `${number(100 * share, 0)} %`,
              theirs === null ? '' : `(${data.paper} ${number(100 * theirs, 0)} %)`
            ].join(' '),
          fill: white,
          dy: 14
        })
      ]
    })
  }
}
