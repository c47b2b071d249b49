import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { version } from '../../core/version.js'
import type { ReportLanguageCode } from '../choices.js'
import type { Chance } from '../evaluate/figures.js'
import type { AlarmSettings } from '../evaluate/replay.js'
import { claimFolder, privately, writeWhole } from '../files.js'
import { dataSections } from './data-sections.js'
import { Outliner } from './drawing.js'
import { languageOf } from './languages/index.js'
import { pageOf } from './page.js'
import { type Section, writeParts } from './parts.js'
import { readStudyRun, type StudyRun } from './study-run.js'

export interface ReportOptions {
  run: string
  out: string
  /** In place of the data set that run.yaml names. */
  data: string | undefined
  language: ReportLanguageCode
  /** Whether pictures of persons may be shown. */
  withPictures: boolean
  /** Pictures of each label whose relevance is computed, at most. */
  pictures: number
  /** Rendered persons that composites are proved with. */
  faces: number
  composites: readonly string[]
  chance: Chance
  threads: number
  /** Where the run has no evaluation yet. */
  alarm: AlarmSettings
}

/**
 * Writes the report of a run of train. What was computed is kept, and the same call goes on from there.
 * @returns the page's path
 * @throws InputError, ModelError, InferenceError, DiskError; the signal's reason
 */
export async function reportStudy(
  options: ReportOptions,
  write: (line: string) => void,
  signal: AbortSignal
): Promise<string> {
  const run = await readStudyRun(options, write, signal)
  await mkdir(options.out, { recursive: true, mode: 0o700 }).catch(() => undefined)
  const claim = await claimFolder(options.out)
  try {
    const words = languageOf(options.language)
    const sections: Section[] = [...dataSections(run, words)]
    await writeParts(join(options.out, 'parts'), sections, await Outliner.open())
    return await writePage(run, sections, options)
  } finally {
    await claim.release()
  }
}

async function writePage(run: StudyRun, sections: readonly Section[], options: ReportOptions): Promise<string> {
  const { page } = languageOf(options.language)
  const { evaluation, folds, best, key } = run
  const { crops, subjects } = evaluation
  const lead = { crops, subjects, folds: folds.size, best, version, seed: options.chance.seed, key: key.slice(0, 12) }
  const text = pageOf({
    language: options.language,
    title: page.title,
    lead: [page.lead(lead), page.noDevice, options.withPictures ? page.withPictures : page.withoutPictures],
    links: [],
    filesWord: page.files,
    sections
  })
  const file = join(options.out, 'report.html')
  await writeWhole(file, [text], privately)
  return file
}
