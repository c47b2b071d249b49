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
import { diskError, writeWhole } from '../files.js'
import type { CropFile, JobDone, PrepareJournal } from './journal.js'
import { type PrepareJob, picturesOf } from './plan.js'
import { framesOf } from './video.js'
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
    throw diskError(error, crops)
  })
  // Where one lane fails, the others end, too.
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const total = left.reduce((sum, i) => sum + weightOf(jobs[i]!), 0)
  let next = 0
  let done = 0
  let found = 0
  const lane = async (): Promise<void> => {
    const { client, close } = await openWorker(options, signal)
    try {
      for (let i = left[next++]; i !== undefined; i = left[next++]) {
        signal.throwIfAborted()
        const result = await doJob(i, jobs[i]!, client, { ...options, signal })
        await journal.add(result)
        found += result.crops.length
        done += weightOf(jobs[i]!)
        options.onProgress(done, total, `${found} crops`)
      }
    } catch (error) {
      failed.abort(error)
      throw error
    } finally {
      await close()
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: Math.min(options.workers, left.length) }, lane))
  options.signal.throwIfAborted()
  if (ends.some(({ status }) => status === 'rejected')) throw failed.signal.reason
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

async function doJob(
  i: number,
  job: PrepareJob,
  client: WorkerClient<PrepareMethods>,
  options: WorkOptions
): Promise<JobDone> {
  const result = new Result(i, options.folder)
  try {
    if (job.stretch === null) await result.take(await client.call('picture', { path: job.clip.file }), null)
    else await doVideo(job, client, result, options)
  } catch (error) {
    options.signal.throwIfAborted()
    // A file's own trouble ends nothing else.
    if (!(error instanceof InputError)) throw error
    result.done.trouble = whatOf(error)
  }
  return result.done
}

async function doVideo(
  { clip, stretch }: PrepareJob,
  client: WorkerClient<PrepareMethods>,
  result: Result,
  { ffmpeg, signal }: WorkOptions
): Promise<void> {
  let around: FacePlace | null = null
  let everywhereAt = Number.NEGATIVE_INFINITY
  let shape = ''
  for await (const { timeS, ...frame } of framesOf(ffmpeg!, clip.file, stretch!, signal)) {
    // Places in a picture of another size say nothing of this one.
    if (shape !== `${frame.width}x${frame.height}`) around = null
    shape = `${frame.width}x${frame.height}`
    const everywhere: boolean = around === null || timeS - everywhereAt >= everywhereS
    if (everywhere) everywhereAt = timeS
    const answer: FaceAnswer = await client.call('face', { ...frame, around, everywhere }, [frame.data.buffer])
    around = answer.place
    await result.take(answer, timeS)
  }
}

/** What comes of a job, its crops on disk as soon as they are taken. */
class Result {
  readonly done: JobDone
  #taken = 0

  constructor(
    job: number,
    private readonly folder: string
  ) {
    this.done = { job, crops: [], without: {} }
  }

  async take(answer: FaceAnswer, timeS: number | null): Promise<void> {
    if (answer.why !== null) {
      this.done.without[answer.why] = (this.done.without[answer.why] ?? 0) + 1
      return
    }
    const { png, roll, score } = answer
    const number = (value: number, digits: number): string => String(value).padStart(digits, '0')
    const crop = `crops/${number(this.done.job + 1, 6)}-${number(++this.#taken, 4)}.png`
    await writeWhole(join(this.folder, crop), [png])
    const file: CropFile = { crop, timeS, roll: rounded(roll, 1), score: rounded(score, 3) }
    this.done.crops.push(file)
  }
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))
