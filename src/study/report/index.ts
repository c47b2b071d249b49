import { createHash } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { version } from '../../core/version.js'
import type { ReportLanguageCode } from '../choices.js'
import type { Chance } from '../evaluate/figures.js'
import type { AlarmSettings } from '../evaluate/replay.js'
import { claimFolder, privately, studyDiskError, writeStudyFile } from '../files.js'
import { checksSection, strategiesSection } from './checks-sections.js'
import { sayReportCosts } from './costs.js'
import { dataSections } from './data-sections.js'
import { Outliner } from './drawing.js'
import { exampleSection } from './example-section.js'
import {
  calledFaces,
  calledPictures,
  explainedExamples,
  picturesToJudge,
  quizFaces,
  surest,
  surestPictures
} from './examples.js'
import { type Explanations, explanationsOf, passOf, StudyCrops } from './explanations.js'
import { gateSection, unitsSection } from './gate-sections.js'
import { languageOf, type ReportLanguage } from './languages/index.js'
import { mapsSection } from './maps-section.js'
import { pageOf } from './page.js'
import { type Section, writeParts } from './parts.js'
import { progressOf } from './progress.js'
import { regionSection } from './region-sections.js'
import type { PassOptions } from './relevance-pass.js'
import { labelsNotDrawn } from './rendered-faces.js'
import { sampleOf } from './sample.js'
import { readStudyRun, type StudyRun } from './study-run.js'
import { trainingPage } from './training-page.js'
import { unitCorrelationsOf } from './unit-columns.js'

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

type Write = (line: string) => void

/** Prefix of the folder with intermediate results, from which a stopped report continues. */
const workPrefix = '.work-'

/**
 * Writes the report of a run of train. What was computed is kept, and the same call goes on from there.
 * @returns the page's path
 * @throws InputError, ModelError, InferenceError, DiskError; the signal's reason
 */
export async function reportStudy(options: ReportOptions, write: Write, signal: AbortSignal): Promise<string> {
  const run = await readStudyRun(options, write, signal)
  const { out } = options
  await makeFolder(out)
  const claim = await claimFolder(out)
  try {
    const work = join(out, `${workPrefix}${keyOf(run, options)}`)
    await makeFolder(work)
    const crops = await StudyCrops.open(run, options.threads, signal)
    try {
      const { sections, hasTraining } = await sectionsOf(run, options, { work, crops, write, signal })
      await writeParts(join(out, 'parts'), sections, await Outliner.open())
      const page = await writePage(run, { sections, hasTraining }, options)
      for (const name of await readdir(out))
        if (name.startsWith(workPrefix)) await rm(join(out, name), { recursive: true, force: true })
      return page
    } finally {
      await crops.close()
    }
  } finally {
    await claim.release()
  }
}

/** The page for staff. */
const trainingFile = 'training.html'

/** @throws DiskError */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw studyDiskError(error, folder)
  })
}

/** Differs as soon as something does on which the kept numbers depend. */
function keyOf({ key }: StudyRun, { pictures, faces, composites, chance, withPictures }: ReportOptions): string {
  const said = JSON.stringify([version, key, pictures, faces, composites, chance.seed, withPictures])
  return createHash('sha256').update(said).digest('hex').slice(0, 16)
}

interface Surroundings {
  work: string
  crops: StudyCrops
  write: Write
  signal: AbortSignal
}

interface Written {
  sections: readonly Section[]
  /** Whether there is a page for staff beside the report. */
  hasTraining: boolean
}

async function sectionsOf(run: StudyRun, options: ReportOptions, around: Surroundings): Promise<Written> {
  const { chance, language: code, withPictures } = options
  const { work, crops, write, signal } = around
  const pictures = sampleOf(run.judgement, options.pictures, chance.seed)
  const pass = passOf(run, pictures, {
    ...{ persons: options.faces, composites: options.composites, threads: options.threads, work, signal },
    cropOf: (place) => crops.get(place),
    begin: progressOf(write)
  })
  await sayReportCosts(pass, write)
  const found = await explanationsOf(pass, crops, chance)
  const words = languageOf(code)
  const drawn = await calledFaces(pass, chance.seed)
  const ofPersons = withPictures ? await calledPictures(pass, picturesToJudge(run, chance.seed)) : []
  const shown = withPictures ? await calledPictures(pass, surestPictures(run, chance.seed)) : drawn
  const { labels, alarmLabel } = run.judgement
  const chosen = [true, false].flatMap((right) => surest(shown, labels, right))
  const examples = await explainedExamples(pass, chosen)
  const hasTraining = await writeTraining(pass, found, [...drawn, ...ofPersons], options, words)
  const sections = [
    ...dataSections(run, words),
    await exampleSection(run, found, examples, withPictures, words),
    gateSection(found, words),
    regionSection(run, found, words),
    await mapsSection(run, found, words),
    unitsSection(found, await unitCorrelationsOf(run, chance), alarmLabel, words),
    await strategiesSection(run, found, words),
    checksSection(found, words)
  ]
  return { sections, hasTraining }
}

/** @returns whether there was a face to write a page about */
async function writeTraining(
  pass: PassOptions,
  { gate, flipping }: Explanations,
  faces: Parameters<typeof quizFaces>[1],
  { out, language, withPictures }: ReportOptions,
  words: ReportLanguage
): Promise<boolean> {
  // Of labels that cannot be drawn there is nothing to judge; the page of an earlier report is not this one's.
  if (faces.length === 0) {
    await rm(join(out, trainingFile), { force: true })
    return false
  }
  const gains = new Map(
    flipping.map(({ composite, verdict }) => [composite, verdict.leastRelevantFirst - verdict.mostRelevantFirst])
  )
  const passed = gate.filter((one) => one.passed)
  // The one whose maps show best what the model uses.
  const best = [...(passed.length > 0 ? passed : gate)].sort(
    (a, b) => (gains.get(b.composite) ?? 0) - (gains.get(a.composite) ?? 0)
  )[0]!
  const explained = await quizFaces(pass, mixed(faces), best.composite, language)
  const { labels } = pass.run.judgement
  const notDrawn = withPictures ? [] : labelsNotDrawn(labels)
  const text = await trainingPage(explained, { labels, notDrawn }, language, words, withPictures)
  await writeStudyFile(join(out, trainingFile), [text], privately)
  return true
}

/** In an order that does not give the labels away, the same each time. */
const mixed = <Face>(faces: readonly Face[]): Face[] => {
  const step = [7, 5, 3, 2, 1].find((one) => greatestCommon(one, faces.length) === 1)!
  return faces.map((_, i) => faces[(i * step) % faces.length]!)
}

const greatestCommon = (a: number, b: number): number => (b === 0 ? a : greatestCommon(b, a % b))

async function writePage(run: StudyRun, { sections, hasTraining }: Written, options: ReportOptions): Promise<string> {
  const { page } = languageOf(options.language)
  const { evaluation, folds, best, key } = run
  const { crops, subjects } = evaluation
  const lead = { crops, subjects, folds: folds.size, best, version, seed: options.chance.seed, key: key.slice(0, 12) }
  const text = pageOf({
    language: options.language,
    title: page.title,
    lead: [page.lead(lead), page.noDevice, options.withPictures ? page.withPictures : page.withoutPictures],
    links: hasTraining ? [{ to: trainingFile, text: page.training }] : [],
    filesWord: page.files,
    sections
  })
  const file = join(options.out, 'report.html')
  await writeStudyFile(file, [text], privately)
  return file
}
