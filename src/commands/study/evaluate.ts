/** `painlens study evaluate`. */
import { type Config, openConfig } from '../../config/index.js'
import { alarmSchema } from '../../config/schema.js'
import { UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { toStderr, toStdout } from '../../core/terminal.js'
import { alarmOptions } from '../../daemon/wiring/mapping.js'
import { type EvaluateOptions, evaluateStudy } from '../../study/evaluate/index.js'

export interface StudyEvaluateOptions {
  data: string
  model: string | undefined
  run: string | undefined
  out: string | undefined
  /** Whose alarm settings count; the defaults unless given. */
  config: string | undefined
  writeResting: boolean | undefined
  /** Whether it is asked what each subject's own resting face would change. */
  reference: boolean | undefined
  repetitions: number
  seed: number
  threads: number
}

/**
 * `painlens study evaluate DATA --run RUN`, or `--model MODEL.yaml --out EVAL`: the figures on standard output and in a folder.
 * @returns 0
 * @throws PainlensError; the signal's reason
 */
export async function studyEvaluateCommand(options: StudyEvaluateOptions, signal: AbortSignal): Promise<number> {
  const { data, writeResting = false, reference = false, repetitions, seed, threads } = options
  const by = judgeOf(options)
  const alarm: Config['alarm'] =
    options.config === undefined
      ? alarmSchema.parse({})
      : (await openConfig(options.config, { needsPasswords: false })).config.alarm
  const { rules, priorities } = alarmOptions({ alarm, facility: null, cameras: [] })
  const chance = { seed, repetitions }
  const { folder, text } = await evaluateStudy(
    {
      ...{ data, by, alarm: { rules, priorities }, chance, writeResting, threads },
      reference: reference ? { maxShift: alarm.reference.max_shift, alwaysAlarm: rules.alwaysAlarm } : null
    },
    toStderr,
    signal
  )
  toStdout(`${text}\nAll figures: ${printable(folder)}\n`)
  return 0
}

/** @throws UsageError */
function judgeOf({ model, run, out, writeResting, reference }: StudyEvaluateOptions): EvaluateOptions['by'] {
  const wrong = (what: string): UsageError =>
    new UsageError('PL-OPTION-VALUE', what, 'painlens study evaluate', { fix: 'See painlens study evaluate --help.' })
  if ((model === undefined) === (run === undefined))
    throw wrong('either --run RUN or --model FILE says what to evaluate')
  if (run !== undefined) {
    if (out !== undefined) throw wrong('--out goes with --model; with --run the figures go into RUN/evaluation')
    if (writeResting)
      throw wrong('--write-resting goes with --model; study train has written it into the manifests of a run')
    if (reference)
      throw wrong(
        "--reference goes with --model: a run's predictions are probabilities, and it needs the outputs before"
      )
    return { run }
  }
  if (reference && writeResting)
    throw wrong('--reference and --write-resting want the neutral faces of different people: give one after the other')
  if (out === undefined) throw wrong('--out DIR is missing: where the figures go')
  return { model: model!, out }
}
