/** The demonstration of `painlens study`, step by step. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Papa from 'papaparse'
import { progressLine } from '#painlens/core/progress-line.js'
import { certainFrom } from '../train/recipe.js'
import { filmNight, filmSubject, type TableRow } from './film.js'
import { measureModel } from './model.js'
import { pretrain } from './pretrain.js'
import type { DemoContext } from './sizes.js'
import { painlens } from './study-command.js'

/** A step's result is a file or a folder of `out`; what it has begun and not finished it goes on with. */
export interface DemoStep {
  name: string
  what: string
  run(context: DemoContext): Promise<void>
}

/** In order: each needs those before it. The last ones take longest for the least, so that a run that is cut off has a model and a report. */
export const demoSteps: readonly DemoStep[] = [
  {
    name: 'people',
    what: 'Pre-training: a small VGG learns to tell rendered people apart, as VGG-Face learnt people',
    run: pretrain
  },
  {
    name: 'videos',
    what: 'Videos of subjects: pain, disgust, happiness and rest, also lying, talking, covered',
    run: (context) => film('videos', context.size.subjects, context, filmSubject)
  },
  {
    name: 'prepare',
    what: 'The data set',
    run: ({ out, ...rest }) => painlens(['prepare', ...prepareArguments(out, 'videos', 'data')], rest)
  },
  {
    name: 'train',
    what: 'A model for each fold of subjects, then the final one',
    run: ({ out, size, seed, ...rest }) =>
      painlens(
        [
          ...['train', join(out, 'data'), '--base', baseOf(out), '--out', join(out, 'run'), '--train-from', 'all'],
          ...['--folds', size.folds, '--epochs', size.epochs, '--views', size.views, '--seed', seed],
          ...['--optimizer', 'adam', '--rate', 0.001, '--batch', 48, '--dropout', 0.2, '--patience', size.epochs],
          ...['--certain-from', certainFrom]
        ],
        rest
      )
  },
  {
    name: 'evaluate',
    what: 'How good the folds are on subjects that they never saw',
    run: ({ out, size, ...rest }) =>
      painlens(['evaluate', join(out, 'data'), '--run', join(out, 'run'), '--repetitions', size.repetitions], rest)
  },
  { name: 'model', what: 'The final model by its own measure, upright and at every roll', run: measureModel },
  {
    name: 'report',
    what: 'The report',
    run: ({ out, size, ...rest }) =>
      painlens(
        [
          ...['report', join(out, 'run'), '--out', join(out, 'report'), '--with-pictures'],
          ...['--pictures', size.reportPictures, '--faces', size.reportFaces, '--repetitions', size.repetitions],
          ...['--composite', size.composites.join(',')]
        ],
        rest
      )
  },
  {
    name: 'nights',
    what: 'Long videos of residents who are at rest most of the time',
    run: (context) =>
      film('nights', context.size.nights, context, (person, folder, signal) =>
        filmNight(person, context.size.nightLengths, folder, signal)
      )
  },
  {
    name: 'prepare-nights',
    what: 'Their data set',
    run: ({ out, ...rest }) => painlens(['prepare', ...prepareArguments(out, 'nights', 'nights-data')], rest)
  },
  {
    name: 'evaluate-nights',
    what: 'False alarms an hour and missed pain of the final model, and its outputs at rest',
    run: ({ out, size, ...rest }) =>
      painlens(
        [
          ...['evaluate', join(out, 'nights-data'), '--model', join(out, 'run/final/model.yaml'), '--write-resting'],
          ...['--out', join(out, 'nights-evaluation'), '--repetitions', size.repetitions]
        ],
        rest
      )
  }
]

const baseOf = (out: string): string => join(out, 'people/base.yaml')

const prepareArguments = (out: string, videos: string, data: string): string[] => [
  ...['--table', join(out, videos, 'table.csv'), '--base', baseOf(out), '--out', join(out, data)],
  ...['--every', '0.5']
]

/** Films at a time: librsvg draws in libuv's threads while JavaScript shapes the next face. */
const atOnce = 3

async function film(
  name: string,
  people: number,
  { out, write, signal }: DemoContext,
  one: (person: number, folder: string, signal: AbortSignal) => Promise<TableRow[]>
): Promise<void> {
  const folder = join(out, name)
  await mkdir(folder, { recursive: true })
  const rows: TableRow[][] = []
  const onProgress = progressLine(name, write)
  let next = 0
  let done = 0
  const lane = async (): Promise<void> => {
    for (let person = next++; person < people; person = next++) {
      signal.throwIfAborted()
      rows[person] = await one(person, folder, signal)
      onProgress(++done, people)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  await writeFile(join(folder, 'table.csv'), `${Papa.unparse(rows.flat(), { newline: '\n' })}\n`)
}
