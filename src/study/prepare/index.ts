import { createHash } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { InputError, UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { duration, progressLine } from '../../core/progress-line.js'
import type { Size } from '../../core/types.js'
import { packageRoot } from '../../core/version.js'
import { type Alignment, defaultAlignment } from '../../lib/face/align.js'
import { faceModelFiles } from '../../lib/face/model-files.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import { probeFfmpeg } from '../../stages/camera/index.js'
import type { LayoutName } from '../choices.js'
import { readDataset } from '../dataset.js'
import { claimFolder, isThere } from '../files.js'
import { trapText } from '../traps.js'
import { yamlIn } from '../yaml-file.js'
import { type Clip, Findings } from './clips.js'
import { inspect, type Medium } from './inspect.js'
import { otherData, PrepareJournal } from './journal.js'
import { clipsOfLayout, layouts } from './layouts.js'
import { longS, type PlanOptions, type PrepareJob, picturesOf, preparePlan } from './plan.js'
import { namesOf, writeKey } from './pseudonyms.js'
import { type Balance, removeRest, writeDataset } from './results.js'
import type { UnitRule } from './rules.js'
import { readTable } from './table.js'
import { chosen, warnOfTraps } from './traps.js'
import { probeVideo } from './video.js'
import { doJobs } from './work.js'

export interface PrepareOptions extends PlanOptions {
  /** A CSV table, or else a layout with its root. */
  table: string | undefined
  layout: LayoutName | undefined
  root: string | undefined
  /** A manifest, whose size and alignment the crops get; or else a size, in pixels. */
  base: string | undefined
  size: number | undefined
  alignment: Alignment | undefined
  out: string
  labels: readonly string[]
  exclude: readonly string[]
  balance: Balance
  levels: readonly number[]
  pspi: number
  rules: readonly UnitRule[]
  /** Whether subjects and videos get other names; those of a layout whose names are personal data always do. */
  pseudonyms: boolean
  /** Whether rows with a problem are left out, instead of ending the command. */
  skipBad: boolean
  seed: number
  /** 0 for one for each core. */
  workers: number
  /** Where the face models lie; the installation's unless given. */
  faceModels?: string
}

type Write = (line: string) => void

/**
 * Makes a data set of crops from pictures and videos: what `study train` takes. What is finished is kept, and the same command goes
 * on from there.
 * @returns the folder
 * @throws InputError, UsageError, ModelError, DiskError; the signal's reason
 */
export async function prepareStudy(options: PrepareOptions, write: Write, signal: AbortSignal): Promise<string> {
  const { size, alignment } = await cutOf(options)
  const work = await findWork(options, write, signal)
  const { jobs, findings, names } = work
  const said = saidOptions(options)
  const key = keyOf({ said, size, alignment }, work)
  const claim = await claimFolder(options.out)
  try {
    if (await isFinished(options.out, key)) {
      write(`${printable(options.out)} holds this data set already.\n`)
      return options.out
    }
    const workers = options.workers || availableParallelism()
    await sayCosts(jobs, size, workers, options.out, write)
    if (options.dense) sayDense(jobs, write)
    for (const trap of findings.warnings) write(`Warning: ${trapText(trap)}\n`)
    const journal = await PrepareJournal.open(options.out, key)
    try {
      // Not before the journal is known to be of these options: the key of another set would be lost.
      if (names.key.length > 0) await writeKey(options.out, names.key)
      if (journal.done.size > 0) write(`${journal.done.size} of ${jobs.length} clips are done already.\n`)
      const models = faceModelFiles(options.faceModels ?? join(packageRoot, 'models/face'))
      const onProgress = progressLine('pictures', write)
      const own = { folder: options.out, models, size, alignment, ffmpeg: work.ffmpeg, workers, onProgress, signal }
      await doJobs(jobs, journal, own)
      const { balance, seed } = options
      const set = { folder: options.out, key, options: said, size, alignment, jobs, balance, seed, findings }
      const summary = await writeDataset({ ...set, done: journal.done, namesOf: names.of })
      for (const line of summary) write(`${printable(line)}\n`)
    } finally {
      await journal.close()
    }
    return options.out
  } finally {
    await claim.release()
  }
}

/** How crops are cut. @throws UsageError, ModelError */
async function cutOf({ base, size, alignment }: PrepareOptions): Promise<{ size: Size; alignment: Alignment }> {
  if ((base === undefined) === (size === undefined))
    throw new UsageError('PL-OPTION-VALUE', 'give either --base or --size', 'painlens study prepare')
  if (base === undefined) return { size: { width: size!, height: size! }, alignment: alignment ?? defaultAlignment }
  if (alignment !== undefined) throw new UsageError('PL-OPTION-VALUE', 'the alignment is that of --base', '--alignment')
  const { input, alignment: own } = await loadManifest(base)
  return { size: { width: input.width, height: input.height }, alignment: own }
}

interface Work {
  clips: Clip[]
  media: ReadonlyMap<string, Medium>
  jobs: PrepareJob[]
  names: ReturnType<typeof namesOf>
  findings: Findings
  ffmpeg: Awaited<ReturnType<typeof probeFfmpeg>> | undefined
}

/** Everything that can be known before hours are spent. @throws InputError with every problem; ProgramError where FFmpeg is needed and does not work */
async function findWork(options: PrepareOptions, write: Write, signal: AbortSignal): Promise<Work> {
  const findings = new Findings()
  // Asked once, where there is a video.
  let ffmpeg: ReturnType<typeof probeFfmpeg> | undefined
  const probe = async (file: string) => {
    ffmpeg ??= probeFfmpeg()
    return probeVideo(await ffmpeg, file, signal)
  }
  const where = options.table ?? options.root ?? '.'
  const root = resolve(options.root ?? (options.table === undefined ? '.' : dirname(options.table)))
  const found =
    options.table === undefined
      ? await clipsOfLayout(options.layout!, {
          ...options,
          root,
          findings,
          durationOf: (file) => durationOf(file, probe)
        })
      : await readTable(options.table, options.root, findings)
  const clips = chosen(found, options, findings)
  const atOnce = 2 * (options.workers || availableParallelism())
  const onProgress = progressLine('looking at files', write)
  const onCompared = progressLine('comparing files that begin alike', write)
  const media = await inspect(clips, { findings, probe, atOnce, onProgress, onCompared, signal })
  const { problems } = findings
  if (problems.length > 0 && !options.skipBad) {
    const lines = problems.map((line) => `\n  ${printable(line)}`).join('')
    const warnings = findings.warnings.map((trap) => `\n  Warning: ${printable(trapText(trap))}`).join('')
    throw new InputError('PL-STUDY-TABLE', `has problems:${lines}${warnings}\n`, printable(where))
  }
  for (const line of problems) write(`Left out: ${printable(line)}\n`)
  const usable = clips.filter(({ file, row }) => media.has(file) && !findings.isWrong(row))
  warnOfTraps(usable, options, findings)
  const personal = options.pseudonyms || (options.layout !== undefined && layouts[options.layout].personal === true)
  const names = namesOf(usable, { root, personal, seed: options.seed })
  return {
    clips: usable,
    media,
    jobs: preparePlan(usable, media, options, findings),
    names,
    findings,
    ffmpeg: await ffmpeg
  }
}

async function durationOf(file: string, probe: (file: string) => ReturnType<typeof probeVideo>): Promise<number> {
  const { durationS } = await probe(file)
  if (durationS !== null) return durationS
  throw new InputError('PL-STUDY-LAYOUT', 'the video does not say how long it is', printable(file))
}

/** For `dataset.yaml`, by their names on the command line. Names of people stay out of it. */
function saidOptions(options: PrepareOptions): Record<string, unknown> {
  const { table, layout, labels, fromS, toS, everyS, dense, balance, exclude, levels, pspi, rules, seed } = options
  return {
    ...(layout === undefined ? { table } : { layout }),
    ...{ labels, from: fromS, to: toS ?? null, every: everyS, dense, balance: balance ?? null },
    ...{ excluded_subjects: exclude.length, levels, pspi, rules, seed, pseudonyms: options.pseudonyms }
  }
}

/** Differs as soon as anything does that the crops depend on. */
function keyOf(said: unknown, { jobs, media }: Work): string {
  const hash = createHash('sha256').update(JSON.stringify(said))
  for (const { clip, stretch } of jobs) {
    const { row: _, ...own } = clip
    hash.update(JSON.stringify([own, media.get(clip.file)?.bytes, stretch]))
  }
  return hash.digest('hex')
}

/** @throws InputError where it is finished with other options or data */
async function isFinished(folder: string, key: string): Promise<boolean> {
  const file = join(folder, 'dataset.yaml')
  if (!(await isThere(file))) return false
  const { key: before } = await yamlIn(
    file,
    z.looseObject({ key: z.string() }),
    (what) => new InputError('PL-STUDY-FOLDER', what, printable(file), { fix: 'Give another --out.' })
  )
  if (before !== key) throw otherData(folder)
  const { rows } = await readDataset(folder)
  await removeRest(folder, new Set(rows.map(({ crop }) => crop)))
  return true
}

/** How much --dense applies to: without a word, that it is nothing would show in evaluate, hours later. */
function sayDense(jobs: readonly PrepareJob[], write: Write): void {
  const videos = new Set(jobs.filter(({ dense }) => dense).map(({ clip }) => clip.file)).size
  write(
    videos > 0
      ? `--dense applies to ${videos} video(s) of ${longS} s and more.\n`
      : `Warning: --dense applies to no video: the stretches of each are shorter than ${longS} s in all, once --from and --to are left out.\n`
  )
}

/** Of a crop as PNG, in bytes a pixel; measured. */
const bytesPerPixel = 2.5
/** Of a core for a picture, in ms; measured with pictures of 640x426 and a face in each. */
const pictureMs = 280
/** Of a worker with its models and a picture, in bytes; measured. */
const workerBytes = 250e6

async function sayCosts(
  jobs: readonly PrepareJob[],
  { width, height }: Size,
  workers: number,
  folder: string,
  write: Write
): Promise<void> {
  const pictures = picturesOf(jobs)
  const disk = pictures * width * height * bytesPerPixel
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`
  write(
    `${jobs.length} clips, about ${pictures} pictures. Takes about ${megabytes(disk)} of disk, ${megabytes(workers * workerBytes)} of memory ` +
      `and, roughly, ${duration((pictures * pictureMs) / workers)}.\n`
  )
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < disk)
    write(`Warning: ${printable(folder)} has ${megabytes(bavail * bsize)} left, which may not be enough.\n`)
}
