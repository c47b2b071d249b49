/** `painlens study`. */
import { UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { OptimizerName, TrainFrom } from '../../lib/train/index.js'
import type { NeutralUse, Schedule } from '../../study/choices.js'
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
  patience: number
  views: number
  neutral: NeutralUse
  balance: boolean
  alarmLabel: string
  seed: number
  threads: number
}

/** `painlens study train DATA --base MODEL --out RUN`. @returns 0 @throws PainlensError; the signal's reason */
export async function studyTrainCommand(options: StudyTrainOptions, signal: AbortSignal): Promise<number> {
  const { data, base, input, out, trainFrom, folds, views, neutral, balance, smoothing, alarmLabel, ...recipe } =
    options
  if (base === undefined) throw missing('--base FILE', 'which model to begin with')
  if (out === undefined) throw missing('--out DIR', 'where the results go')
  const write = (line: string): void => void process.stderr.write(line)
  const manifest = await trainStudy(
    { data, base, input, out, trainFrom, folds, views, neutral, balanced: balance, smoothing, alarmLabel, recipe },
    write,
    signal
  )
  process.stdout.write(`${printable(manifest)}\n`)
  return 0
}

function missing(option: string, what: string): UsageError {
  return new UsageError('PL-OPTION-VALUE', `${option} is missing: ${what}`, 'painlens study train', {
    fix: 'See painlens study train --help.'
  })
}
