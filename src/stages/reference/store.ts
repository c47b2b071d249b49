/** References on disk: one small file of numbers, 0600, written anew as a whole. */
import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { DiskError, messageOf } from '../../core/errors.js'
import { writeWhole } from '../../core/file-names.js'

const share = z.number()

const keptReference = z.object({
  camera: z.string(),
  zone: z.string().nullable(),
  /** SHA-256 of the model. */
  model: z.string(),
  /** Median and spread by label. */
  resting: z.record(z.string(), z.tuple([z.number(), z.number().min(0)])),
  frames: z.number().int(),
  /** In widths of the camera's picture. */
  place: z.object({ x: share, y: share, width: share, height: share }),
  by: z.string(),
  /** When it was taken, by the time of day. */
  at: z.iso.datetime(),
  /** For how long painlens has run since: a clock that is set back makes it no younger. */
  ran_ms: z.number().min(0),
  suspended: z.enum(['other_person', 'absence']).nullable(),
  away_ms: z.number().min(0),
  /** The time of day when this was written. */
  noted: z.iso.datetime()
})
export type KeptReference = z.infer<typeof keptReference>

const file = z.object({ version: z.literal(1), references: z.array(keptReference) })
const textOf = (references: readonly KeptReference[]): string => `${JSON.stringify({ version: 1, references })}\n`
/** The file of a box that has none. */
export const noReferences = textOf([])
/** References of thousands of beds have fewer bytes. */
const mostBytes = 4 * 2 ** 20

/**
 * The references of earlier runs; none where there is no file.
 * @throws DiskError where the file cannot be read or is not painlens's
 */
export async function readReferences(path: string): Promise<KeptReference[]> {
  let text: string | null
  try {
    text = await readIfRegular(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new DiskError('PL-REFERENCE-UNREADABLE', `cannot be read (${messageOf(error)})`, path, { cause: error })
  }
  try {
    return file.parse(JSON.parse(text ?? 'null')).references
  } catch (error) {
    throw new DiskError('PL-REFERENCE-UNREADABLE', 'holds no references', path, { cause: error })
  }
}

/**
 * A FIFO without a writer would hold up the start for ever, and a file without an end would fill the memory.
 * @returns null where it is another kind of file, or too large
 */
async function readIfRegular(path: string): Promise<string | null> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await handle.stat()
    return stats.isFile() && stats.size <= mostBytes ? await handle.readFile('utf8') : null
  } finally {
    await handle.close()
  }
}

/** Writes one content after the other; of several that wait only the last. */
export class ReferenceFile {
  readonly #path: string
  #wanted: readonly KeptReference[] | null = null
  #writing: Promise<void> | null = null

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Resolves when these, or later ones, are on the disk: after a power cut there are these or those before.
   * @throws DiskError
   */
  write(references: readonly KeptReference[]): Promise<void> {
    this.#wanted = references
    // What is being written already may be older.
    const next = (this.#writing ?? Promise.resolve()).catch(() => undefined).then(() => this.#writeWanted())
    this.#writing = next
    return next
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#writing?.catch(() => undefined)
  }

  async #writeWanted(): Promise<void> {
    const references = this.#wanted
    if (references === null) return
    this.#wanted = null
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
      await writeWhole(this.#path, (file) => file.writeFile(textOf(references)), { replace: true })
    } catch (error) {
      this.#wanted ??= references
      throw new DiskError('PL-REFERENCE-UNWRITABLE', `cannot be written (${messageOf(error)})`, this.#path, {
        cause: error
      })
    }
  }
}
