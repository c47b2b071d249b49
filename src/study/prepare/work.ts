import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError, whatOf } from '../../core/errors.js'
import { openInferenceWorker } from '../../core/kept-worker.js'
import type { Size } from '../../core/types.js'
import { type WorkerClient, workerScript } from '../../core/worker.js'
import type { Alignment } from '../../lib/face/align.js'
import type { FaceModels } from '../../lib/face/model-files.js'
import type { FacePlace } from '../../lib/face/similarity.js'
import type { probeFfmpeg } from '../../stages/camera/index.js'
import { studyDiskError, writeStudyFile } from '../files.js'
import type { CropFile, JobDone, PrepareJournal } from './journal.js'
import { type PrepareJob, picturesOf } from './plan.js'
import { framesOf, mostStretches, soughtBeforeS, type VideoStretch } from './video.js'
import type { FaceAnswer, PrepareMethods } from './worker.js'

export interface WorkOptions {
  /** The data set's. */
  folder: string
  models: FaceModels
  size: Size
  alignment: Alignment
  ffmpeg: Awaited<ReturnType<typeof probeFfmpeg>> | undefined
  workers: number
  onProgress: (done: number, total: number, note: string) => void
  signal: AbortSignal
}

/**
 * Does all jobs that the journal lacks, several at a time.
 * @throws DiskError, ModelError, InferenceError; the signal's reason. What is done is in the journal
 */
export async function doJobs(
  jobs: readonly PrepareJob[],
  journal: PrepareJournal,
  options: WorkOptions
): Promise<void> {
  const left = [...jobs.keys()].filter((i) => !journal.done.has(i))
  if (left.length === 0) return
  const crops = join(options.folder, 'crops')
  await mkdir(crops, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw studyDiskError(error, crops)
  })
  // Where one lane fails, the others end, too.
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const total = left.reduce((sum, i) => sum + weightOf(jobs[i]!), 0)
  const runs = runsOf(jobs, left, options.workers)
  let next = 0
  let done = 0
  let found = 0
  const onDone = async (result: JobDone): Promise<void> => {
    await journal.add(result)
    found += result.crops.length
    done += weightOf(jobs[result.job]!)
    options.onProgress(done, total, `${found} crops`)
  }
  const lane = async (): Promise<void> => {
    const { client, close } = await openWorker(options, signal)
    try {
      for (let run = runs[next++]; run !== undefined; run = runs[next++]) {
        signal.throwIfAborted()
        await doRun(run, jobs, client, { ...options, signal }, onDone)
      }
    } catch (error) {
      failed.abort(error)
      throw error
    } finally {
      await close()
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: Math.min(options.workers, runs.length) }, lane))
  options.signal.throwIfAborted()
  if (ends.some(({ status }) => status === 'rejected')) throw failed.signal.reason
}

/** A run is at most so long: what is decoded again where the machine goes off. */
const longestRunS = 60
/** So many runs for each worker, so that none waits long for the others in the end. */
const runsEach = 4

/**
 * Jobs that one decoder does: stretches of a video that follow each other closely. To start a decoder takes as long as to look at a picture, and tables
 * of coded videos have a stretch for each second.
 * @param left numbers of the jobs that are to be done
 */
export function runsOf(jobs: readonly PrepareJob[], left: readonly number[], workers: number): number[][] {
  const most = Math.min(mostStretches, Math.max(1, Math.floor(left.length / (runsEach * workers))))
  const runs: number[][] = []
  for (const i of left) {
    const run = runs.at(-1)
    if (run && run.length < most && isNext(jobs[i]!, jobs[run.at(-1)!]!, jobs[run[0]!]!)) run.push(i)
    else runs.push([i])
  }
  return runs
}

function isNext(job: PrepareJob, before: PrepareJob, first: PrepareJob): boolean {
  if (!job.stretch || !before.stretch || job.clip.file !== before.clip.file) return false
  const gapS = job.stretch.startS - before.stretch.endS
  return gapS >= 0 && gapS <= soughtBeforeS && job.stretch.endS - first.stretch!.startS <= longestRunS
}

/** How much of the time a job takes. */
const weightOf = (job: PrepareJob): number => Math.max(1, picturesOf([job]))

const script = workerScript(import.meta.url, './worker.js')

async function openWorker({ models, size, alignment }: WorkOptions, signal: AbortSignal) {
  return openInferenceWorker<PrepareMethods, void>(
    script,
    'the worker of study prepare',
    (client) => client.call('open', { models, size, alignment }),
    { again: false, signal, onLost: () => undefined }
  )
}

/** How often a video's whole picture is looked over while its face stays in sight, as the daemon does. */
const everywhereS = 1

/** @param onDone takes each job as soon as it is done, with its crops on disk */
async function doRun(
  run: readonly number[],
  jobs: readonly PrepareJob[],
  client: WorkerClient<PrepareMethods>,
  options: WorkOptions,
  onDone: (result: JobDone) => Promise<void>
): Promise<void> {
  const results = run.map((i) => new Result(i, options.folder))
  let at = 0
  const doneBefore = async (stretch: number): Promise<void> => {
    for (; at < stretch; at++) {
      results[at]!.tellWhatIsMissing(jobs[run[at]!]!.stretch)
      await onDone(await results[at]!.whole())
    }
  }
  try {
    const [{ clip, stretch }] = run.map((i) => jobs[i]!) as [PrepareJob]
    if (stretch === null) await results[0]!.take(await client.call('picture', { path: clip.file }), null)
    else
      await doVideo(
        clip.file,
        run.map((i) => jobs[i]!.stretch!),
        client,
        results,
        doneBefore,
        options
      )
  } catch (error) {
    options.signal.throwIfAborted()
    // A file's own trouble ends nothing else.
    if (!(error instanceof InputError)) throw error
    for (const { done } of results.slice(at)) done.trouble = whatOf(error)
  } finally {
    await Promise.allSettled(results.map((result) => result.whole()))
  }
  await doneBefore(run.length)
}

/** @param doneBefore ends the stretches before one whose first picture has come */
async function doVideo(
  file: string,
  stretches: readonly VideoStretch[],
  client: WorkerClient<PrepareMethods>,
  results: readonly Result[],
  doneBefore: (stretch: number) => Promise<void>,
  { ffmpeg, signal }: WorkOptions
): Promise<void> {
  let around: FacePlace | null = null
  let everywhereAt = Number.NEGATIVE_INFINITY
  let shape = ''
  for await (const { timeS, stretch, ...frame } of framesOf(ffmpeg!, file, stretches, signal)) {
    await doneBefore(stretch)
    // Places in another stretch, or in a picture of another size, say nothing of this one.
    const own = `${stretch} ${frame.width}x${frame.height}`
    if (shape !== own) around = null
    shape = own
    const everywhere: boolean = around === null || timeS - everywhereAt >= everywhereS
    if (everywhere) everywhereAt = timeS
    const answer: FaceAnswer = await client.call('face', { ...frame, around, everywhere }, [frame.data.buffer])
    around = answer.place
    await results[stretch]!.take(answer, timeS)
  }
}

/** So many crops at most are on their way to the disk, while the next faces are looked for. */
const mostWrites = 16

/** The last picture of a stretch may lie so long before its end, beside `everyS` and the longest gap between two. */
const endlessS = 1

/** What comes of a job. */
class Result {
  readonly done: JobDone
  #taken = 0
  #lastS: number | null = null
  #longestGapS = 0
  #writes: Promise<void>[] = []

  constructor(
    job: number,
    private readonly folder: string
  ) {
    this.done = { job, crops: [], without: {} }
  }

  async take(answer: FaceAnswer, timeS: number | null): Promise<void> {
    if (timeS !== null) this.#longestGapS = Math.max(this.#longestGapS, timeS - (this.#lastS ?? timeS))
    this.#lastS = timeS
    if (answer.why !== null) {
      this.done.without[answer.why] = (this.done.without[answer.why] ?? 0) + 1
      return
    }
    const { png, roll, score } = answer
    const number = (value: number, digits: number): string => String(value).padStart(digits, '0')
    const crop = `crops/${number(this.done.job + 1, 6)}-${number(++this.#taken, 4)}.png`
    if (this.#writes.length >= mostWrites) await this.whole()
    const written = writeStudyFile(join(this.folder, crop), [png])
    // `whole` throws it.
    written.catch(() => undefined)
    this.#writes.push(written)
    const file: CropFile = { crop, timeS, roll: rounded(roll, 1), score: rounded(score, 3) }
    this.done.crops.push(file)
  }

  /** FFmpeg ends well where a file was cut short, which says how long it was. @param stretch null for a picture */
  tellWhatIsMissing(stretch: VideoStretch | null): void {
    if (stretch === null || this.done.trouble !== undefined) return
    if (this.#lastS === null) this.done.trouble = 'a stretch of it has no picture'
    else if (
      this.#lastS < stretch.endS - stretch.everyS - this.#longestGapS - endlessS &&
      Number.isFinite(stretch.endS)
    )
      this.done.trouble = `a stretch of it has no picture after ${this.#lastS.toFixed(1)} s, and should end at ${stretch.endS.toFixed(1)} s`
  }

  /** The job, once its crops so far are on disk. @throws DiskError */
  async whole(): Promise<JobDone> {
    await Promise.all(this.#writes)
    this.#writes = []
    return this.done
  }
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))
