import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { diskError, privately, writeAll } from '../files.js'

/** A crop that is on disk. */
export interface CropFile {
  crop: string
  /** In seconds; null for a picture. */
  timeS: number | null
  roll: number
  score: number
}

/** What came of a job. */
export interface JobDone {
  job: number
  crops: CropFile[]
  /** Pictures without a crop, by reason. */
  without: Record<string, number>
  /** Why the file gave no more, or nothing. */
  trouble?: string
}

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
   * @throws InputError where it is of other options or data; DiskError
   */
  static async open(folder: string, key: string): Promise<PrepareJournal> {
    const path = join(folder, journalFile)
    const bytes = await readFile(path).catch(() => Buffer.alloc(0))
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1)
    const [first, ...lines] = whole
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
    if (first !== undefined && (JSON.parse(first) as { key: string }).key !== key) throw otherData(folder)
    try {
      const file = await open(path, 'a', privately)
      await file.truncate(whole.length)
      const journal = new PrepareJournal(file, path, new Map())
      for (const line of lines) {
        const done = JSON.parse(line) as JobDone
        journal.done.set(done.job, done)
      }
      if (first === undefined) await journal.#append({ key })
      return journal
    } catch (error) {
      throw diskError(error, path)
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
        throw diskError(error, this.path)
      }
    })
    return this.#last
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined)
    await this.file.close()
  }
}

export const otherData = (folder: string): InputError =>
  new InputError('PL-STUDY-FOLDER', 'it holds a data set of other options or other files', printable(folder))
