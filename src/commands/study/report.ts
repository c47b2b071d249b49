/** `painlens study report`. */
import { availableParallelism } from 'node:os'
import { alarmSchema } from '../../config/schema.js'
import { UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { toStderr, toStdout } from '../../core/terminal.js'
import { alarmOptions } from '../../daemon/wiring/mapping.js'
import { compositeOf, plainCompositeNames } from '../../lib/lrp/index.js'
import type { ReportLanguageCode } from '../../study/choices.js'
import { reportStudy } from '../../study/report/index.js'

export interface StudyReportOptions {
  run: string
  out: string | undefined
  data: string | undefined
  language: ReportLanguageCode
  withPictures: boolean | undefined
  pictures: number
  faces: number
  composite: string[]
  repetitions: number
  seed: number
  threads: number
}

/** `painlens study report RUN --out REPORT`. @returns 0 @throws PainlensError; the signal's reason */
export async function studyReportCommand(options: StudyReportOptions, signal: AbortSignal): Promise<number> {
  const { out, composite, repetitions, seed, threads, withPictures = false, ...rest } = options
  if (out === undefined)
    throw new UsageError('PL-OPTION-VALUE', '--out DIR is missing: where the report goes', 'painlens study report', {
      fix: 'See painlens study report --help.'
    })
  const { rules, priorities } = alarmOptions({ alarm: alarmSchema.parse({}), facility: null, cameras: [] })
  const work = reportStudy(
    {
      ...rest,
      out,
      withPictures,
      composites: compositesOf(composite),
      chance: { seed, repetitions },
      threads: threads === 0 ? availableParallelism() : threads,
      alarm: { rules, priorities }
    },
    toStderr,
    signal
  )
  const page = await work.catch((error: unknown) => {
    if (signal.aborted && error === signal.reason) toStderr('painlens: stopped; the same command goes on from there.\n')
    throw error
  })
  toStdout(`${printable(page)}\n`)
  return 0
}

/** Each once; `all` stands for those that need no option. @throws UsageError */
function compositesOf(names: readonly string[]): string[] {
  const all = names.flatMap((name): readonly string[] => (name === 'all' ? plainCompositeNames : [name]))
  for (const name of all) compositeOf(name)
  return [...new Set(all)]
}
