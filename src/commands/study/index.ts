/** `painlens study`. */
import { readFile } from 'node:fs/promises'
import { UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { toStderr, toStdout } from '../../core/terminal.js'
import type { OptimizerName, TrainFrom } from '../../lib/train/index.js'
import type { CacheForm, LayoutName, NeutralUse, Schedule, TrainingProvider } from '../../study/choices.js'
import { prepareStudy } from '../../study/prepare/index.js'
import { parseRule } from '../../study/prepare/rules.js'
import { trainStudy } from '../../study/train/index.js'

export interface StudyTrainOptions {
  data: string
  base: string | undefined
  input: string | undefined
  out: string | undefined
  trainFrom: TrainFrom
  folds: number | 'subjects'
  epochs: number
  batch: number
  rate: number
  schedule: Schedule
  optimizer: OptimizerName
  dropout: number
  smoothing: number
  certainFrom: number
  patience: number
  views: number
  cache: CacheForm
  neutral: NeutralUse
  balance: boolean
  alarmLabel: string
  seed: number
  threads: number
  provider: TrainingProvider
}

export interface StudyPrepareOptions {
  table: string | undefined
  layout: LayoutName | undefined
  root: string | undefined
  base: string | undefined
  size: number | undefined
  alignment: { eyeDistance: number; eyeY: number } | undefined
  out: string | undefined
  from: number
  to: number | undefined
  every: number
  dense: boolean | undefined
  balance: number | 'smallest' | undefined
  labels: string[]
  exclude: string[] | undefined
  levels: number[]
  pspi: number
  rule: string[] | undefined
  pseudonyms: boolean | undefined
  skipBad: boolean | undefined
  seed: number
  workers: number
}

/** `painlens study prepare --table FILE --out DATA`. @returns 0 @throws PainlensError; the signal's reason */
export async function studyPrepareCommand(options: StudyPrepareOptions, signal: AbortSignal): Promise<number> {
  const { out, from: fromS, to: toS, every: everyS, rule, exclude, ...rest } = options
  const command = 'painlens study prepare'
  if (out === undefined) throw missing('--out DIR', 'where the data set goes', command)
  if ((options.table === undefined) === (options.layout === undefined))
    throw missing('--table FILE, or else --layout NAME,', 'what is to be prepared', command)
  if (options.layout !== undefined && options.root === undefined)
    throw missing('--root DIR', 'where the data set lies', command)
  const { dense = false, pseudonyms = false, skipBad = false } = options
  const rules = (rule ?? []).map(parseRule)
  const given = { ...rest, out, fromS, toS, everyS, dense, pseudonyms, skipBad, rules }
  const all = { ...given, exclude: await subjectsOf(exclude ?? []) }
  const folder = await resumable(prepareStudy(all, toStderr, signal), signal)
  toStdout(`${printable(folder)}\n`)
  return 0
}

/** Names as they are given, and those in files. @throws UsageError */
async function subjectsOf(given: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    given.map(async (name) => {
      if (!name.startsWith('@')) return [name]
      const text = await readFile(name.slice(1), 'utf8').catch((error: NodeJS.ErrnoException) => {
        throw new UsageError(
          'PL-OPTION-VALUE',
          `${printable(name.slice(1))} cannot be read (${error.code})`,
          '--exclude'
        )
      })
      return text.split(/\r?\n/).flatMap((line) => line.trim() || [])
    })
  )
  return lists.flat()
}

/** `painlens study train DATA --base MODEL --out RUN`. @returns 0 @throws PainlensError; the signal's reason */
export async function studyTrainCommand(options: StudyTrainOptions, signal: AbortSignal): Promise<number> {
  const {
    data,
    base,
    input,
    out,
    trainFrom,
    folds,
    views,
    cache,
    neutral,
    balance,
    smoothing,
    certainFrom,
    ...others
  } = options
  const { alarmLabel, provider, ...recipe } = others
  if (base === undefined) throw missing('--base FILE', 'which model to begin with', 'painlens study train')
  if (out === undefined) throw missing('--out DIR', 'where the results go', 'painlens study train')
  const work = trainStudy(
    {
      ...{ data, base, input, out, trainFrom, folds, views, cache, neutral, balanced: balance },
      ...{ smoothing, certainFrom, alarmLabel, recipe, provider }
    },
    toStderr,
    signal
  )
  toStdout(`${printable(await resumable(work, signal))}\n`)
  return 0
}

/** After a stop by a signal, tells the user that the finished work is kept. */
async function resumable<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return work.catch((error: unknown) => {
    if (signal.aborted && error === signal.reason) toStderr('painlens: stopped; the same command goes on from there.\n')
    throw error
  })
}

function missing(option: string, what: string, command: string): UsageError {
  return new UsageError('PL-OPTION-VALUE', `${option} is missing: ${what}`, command, { fix: `See ${command} --help.` })
}
