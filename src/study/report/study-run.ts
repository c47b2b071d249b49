import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { type Dataset, readDataset } from '../dataset.js'
import type { Evaluation } from '../evaluate/evaluation.js'
import { readEvaluation } from '../evaluate/evaluation-file.js'
import type { Chance } from '../evaluate/figures.js'
import { evaluateStudy } from '../evaluate/index.js'
import type { JudgedData } from '../evaluate/judged.js'
import { dataOf, readPredictions } from '../evaluate/predictions.js'
import type { AlarmSettings } from '../evaluate/replay.js'
import { isThere } from '../files.js'

/** What `painlens study train` and `evaluate` have made, read for a report. */
export interface StudyRun {
  folder: string
  dataset: Dataset
  judgement: JudgedData
  evaluation: Evaluation
  /** The model of each fold, by its number from 1. */
  folds: ReadonlyMap<number, Manifest>
  /** The fold with the highest accuracy, as the paper reports. */
  best: number
  /** Differs as soon as the data, the predictions or a model do. */
  key: string
}

export interface StudyRunOptions {
  run: string
  /** In place of the data set that run.yaml names. */
  data: string | undefined
  alarm: AlarmSettings
  chance: Chance
  threads: number
}

/**
 * Reads a run. Where its predictions were not evaluated yet, they are now, into RUN/evaluation.
 * @throws InputError for a run that is not finished or was changed; ModelError; DiskError
 */
export async function readStudyRun(
  { run, data, alarm, chance, threads }: StudyRunOptions,
  write: (line: string) => void,
  signal: AbortSignal
): Promise<StudyRun> {
  const folder = data ?? (await dataIn(run))
  const dataset = await readDataset(folder)
  const judgement = await readPredictions(run, dataset)
  if (!(await isEvaluated(run))) {
    write(`${printable(run)} is evaluated first\n`)
    await evaluateStudy(
      { data: folder, by: { run }, alarm, reference: null, chance, writeResting: false, threads },
      write,
      signal
    )
  }
  const evaluation = await readFittingEvaluation(run, judgement)
  const numbers = [...new Set(judgement.judged.map(({ fold }) => fold!))].sort((a, b) => a - b)
  const folds = new Map<number, Manifest>()
  for (const fold of numbers) folds.set(fold, await loadManifest(join(run, `fold-${fold}`, 'model.yaml')))
  const best = [...evaluation.folds].sort((a, b) => (b.accuracy ?? 0) - (a.accuracy ?? 0))[0]
  const hash = createHash('sha256').update(await readFile(join(run, 'predictions.csv')))
  for (const { sha256 } of folds.values()) hash.update(sha256)
  hash.update(dataset.digest)
  return {
    folder: run,
    dataset,
    judgement,
    evaluation,
    folds,
    best: Number(best?.name ?? numbers[0]),
    key: hash.digest('hex')
  }
}

/** Where run.yaml says that the data set lies. @throws InputError where it does not: it was moved, or is named as seen from another folder */
async function dataIn(run: string): Promise<string> {
  const folder = await dataOf(run)
  if (await isThere(join(folder, 'dataset.yaml'))) return folder
  const what = `${printable(join(run, 'run.yaml'))} says that the data set is here, and there is none`
  throw new InputError('PL-STUDY-DATA', what, printable(folder), {
    fix: 'Give --data DIR: where the data set lies now.'
  })
}

const evaluationFile = (run: string): string => join(run, 'evaluation', 'evaluation.json')

/** An evaluation that is older than the predictions is of others. */
async function isEvaluated(run: string): Promise<boolean> {
  const changed = (file: string): Promise<number> =>
    stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.NEGATIVE_INFINITY
    )
  return (await changed(evaluationFile(run))) >= (await changed(join(run, 'predictions.csv')))
}

/** @throws InputError where it is not what evaluate has written of these predictions */
async function readFittingEvaluation(run: string, { labels, alarmLabel, judged }: JudgedData): Promise<Evaluation> {
  const file = evaluationFile(run)
  const evaluation = await readEvaluation(file)
  const crops = judged.filter(({ row }) => labels.includes(row.label)).length
  const [said, are] = [
    [evaluation.crops, evaluation.alarm_label, ...evaluation.labels],
    [crops, alarmLabel, ...labels]
  ].map(String)
  if (said === are) return evaluation
  const what = `it is of other predictions (${evaluation.crops} crops of ${evaluation.labels.map(printable).join(', ')})`
  throw new InputError('PL-STUDY-EVALUATION', what, printable(file))
}
