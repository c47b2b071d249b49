import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { readShape } from '../../core/shapes.js'
import { privately, studyDiskError, writeAll } from '../files.js'

const cropFile = z.object({
  crop: z.string().min(1),
  /** In seconds; null for a picture. */
  timeS: z.number().nullable(),
  roll: z.number(),
  score: z.number()
})
/** A crop that is on disk. */
export type CropFile = z.infer<typeof cropFile>

const jobDone = z.object({
  job: z.int().min(0),
  crops: z.array(cropFile),
  /** Pictures without a crop, by reason. */
  without: z.record(z.string(), z.int().min(0)),
  /** Why the file gave no more, or nothing. */
  trouble: z.string().optional()
})
/** What came of a job. */
export type JobDone = z.infer<typeof jobDone>

const head = z.object({ key: z.string() })

export const journalFile = 'progress.jsonl'

/**
 * Which jobs are done: a line for each, written once all its crops are on disk. A line that a kill cut short does not count,
 * so that a job is in it wholly or not at all.
 */
export class PrepareJournal {
  #last: Promise<void> = Promise.resolve()

  private constructor(
    private readonly file: FileHandle,
    private readonly path: string,
    /** By job. */
    readonly done: Map<number, JobDone>
  ) {}

  /**
   * Opens a folder's journal, or begins it.
   * @param key differs where options or data do
   * @throws InputError where it is of other options or data, or a line was changed; DiskError
   */
  static async open(folder: string, key: string): Promise<PrepareJournal> {
    const path = join(folder, journalFile)
    const bytes = await readFile(path).catch(() => Buffer.alloc(0))
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1)
    const [first, ...lines] = whole
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
    if (first !== undefined && read(head, first, path, 1).key !== key) throw otherData(folder)
    const done = lines.map((line, i) => read(jobDone, line, path, i + 2))
    try {
      const file = await open(path, 'a', privately)
      await file.truncate(whole.length)
      const journal = new PrepareJournal(file, path, new Map(done.map((one) => [one.job, one])))
      if (first === undefined) await journal.#append({ key })
      return journal
    } catch (error) {
      throw studyDiskError(error, path)
    }
  }

  /** @throws DiskError */
  add(done: JobDone): Promise<void> {
    this.done.set(done.job, done)
    return this.#append(done)
  }

  #append(line: unknown): Promise<void> {
    // One after the other: a write may take several steps.
    this.#last = this.#last.then(async () => {
      try {
        await writeAll(this.file, Buffer.from(`${JSON.stringify(line)}\n`))
        await this.file.datasync()
      } catch (error) {
        throw studyDiskError(error, this.path)
      }
    })
    return this.#last
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined)
    await this.file.close()
  }
}

/** @param number of the line, from 1 */
function read<T>(schema: z.ZodType<T>, line: string, path: string, number: number): T {
  const found = readShape(schema, jsonOf(line))
  if ('value' in found) return found.value
  const what = `line ${number} is not what prepare writes (${found.problem})`
  throw new InputError('PL-STUDY-FOLDER', what, printable(path), { fix: 'Remove the folder, or give another --out.' })
}

/** @returns undefined for text that is not JSON */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

export const otherData = (folder: string): InputError =>
  new InputError('PL-STUDY-FOLDER', 'it holds a data set of other options or other files', printable(folder))
