import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { basename, extname, join, resolve, sep } from 'node:path'
import { DiskError, InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { PictureFile } from '../../lib/picture/find-pictures.js'
import { readRegular } from '../../lib/picture/regular-file.js'
import { cropOf, filesOf, jsonOf, type Naming } from './result-names.js'

/** Results of an earlier run, from their JSON file. */
interface Earlier {
  /** The picture's absolute path. */
  source: string
  /** Names of the files in the folder, the JSON file among them. */
  files: string[]
}

/** A reserved name: `--check` writes it. */
const reserved = ['check.json']

/**
 * The folder for the results: which picture its files belong to, and which names are free. Results are replaced by new
 * ones of the same picture only; other files are never overwritten.
 */
export class ResultFolder {
  /** In lower case, for file systems that ignore case, as on USB sticks. */
  readonly #taken = new Set<string>(reserved)
  readonly #earlier = new Map<string, Earlier[]>()
  /** JSON files that may be results of an earlier run, and cannot be read. */
  readonly unreadable: InputError[] = []

  private constructor(
    readonly path: string,
    private readonly composites: readonly string[]
  ) {}

  /** Reads the existing results. @throws DiskError; the signal's reason */
  static async open(path: string, composites: readonly string[], signal: AbortSignal): Promise<ResultFolder> {
    const folder = new ResultFolder(path, composites)
    const names = await namesIn(path)
    for (const name of names) folder.#taken.add(keyOf(name))
    for (const name of names) {
      if (!name.endsWith('.json')) continue
      const earlier = await earlierIn(path, name, signal)
      if (earlier instanceof InputError) folder.unreadable.push(earlier)
      else if (earlier) folder.#earlier.set(earlier.source, [...(folder.#earlier.get(earlier.source) ?? []), earlier])
    }
    return folder
  }

  get naming(): Naming {
    return this.composites.length > 1 ? 'several' : 'one'
  }

  /**
   * Removes the picture's results of an earlier run and frees their names, so that they cannot be mistaken for this run's,
   * even if it fails.
   * @throws DiskError
   */
  async replace({ path }: PictureFile): Promise<void> {
    const source = resolve(path)
    for (const { files } of this.#earlier.get(source) ?? []) {
      for (const file of files) {
        await this.#remove(file)
        this.#taken.delete(keyOf(file))
      }
    }
    this.#earlier.delete(source)
  }

  /**
   * The prefix of a face's results: the picture's name in a safe form, and a number if a file of one of the names exists.
   * @param face its number if several faces of the picture are explained; else null
   */
  claim({ within }: PictureFile, face: number | null): string {
    const own = safeStem(within) + (face === null ? '' : `-face-${face}`)
    let stem = own
    for (let n = 2; this.#namesOf(stem).some((name) => this.#taken.has(keyOf(name))); n++) stem = `${own}-${n}`
    for (const name of this.#namesOf(stem)) this.#taken.add(keyOf(name))
    return stem
  }

  /** Removes this run's files of a face whose explanation failed. @throws DiskError */
  async discard(stem: string): Promise<void> {
    for (const name of this.#namesOf(stem)) await this.#remove(name)
  }

  /** Removes pages of an earlier run's figure, whose maps may be gone. @param pages those of this run. @throws DiskError */
  async keepPages(pages: readonly string[]): Promise<void> {
    const old = (await namesIn(this.path)).filter((name) => /^grid(-\d+)?\.png$/.test(name) && !pages.includes(name))
    for (const name of old) await this.#remove(name)
  }

  /** Number of pictures' JSON files that this run has not replaced. */
  get left(): number {
    return [...this.#earlier.values()].reduce((sum, all) => sum + all.length, 0)
  }

  async #remove(file: string): Promise<void> {
    await rm(join(this.path, file), { force: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENAMETOOLONG') return
      const what = `${printable(file)} cannot be removed (${error.code})`
      throw new DiskError('PL-EXPLAIN-UNWRITABLE', what, printable(this.path), { cause: error })
    })
  }

  /** All possible files of a prefix in this run. */
  #namesOf(stem: string): string[] {
    const perComposite = this.composites.flatMap((composite) => Object.values(filesOf(stem, composite, this.naming)))
    return [jsonOf(stem), cropOf(stem), ...perComposite]
  }
}

const keyOf = (name: string): string => name.normalize('NFC').toLowerCase()

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    throw new DiskError('PL-OUT-FOLDER', `the folder cannot be read (${code})`, printable(folder), { cause: error })
  })
}

/** Limit of a JSON file of results, in bytes. */
const mostJsonBytes = 2 ** 20

/** @returns null for a JSON file that is not a picture's results, and why where it cannot be read */
async function earlierIn(folder: string, name: string, signal: AbortSignal): Promise<Earlier | InputError | null> {
  try {
    const content = JSON.parse((await readRegular(join(folder, name), signal, mostJsonBytes)).toString('utf8'))
    if (typeof content.source !== 'string' || typeof content.model?.sha256 !== 'string') return null
    const stem = name.slice(0, -'.json'.length)
    const listed = [content, ...(content.explanations ?? [])].flatMap(({ files }) => Object.values(files ?? {}))
    // The file may have been changed: only results of its own name are removed.
    const own = listed.filter(
      (file) => typeof file === 'string' && basename(file) === file && file.startsWith(`${stem}-`)
    )
    return { source: content.source, files: [name, cropOf(stem), ...(own as string[])] }
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof InputError && error.code === 'PL-PICTURE-FORBIDDEN' ? error : null
  }
}

/** File systems allow names of 255 bytes: this leaves room for a face, a number, a composite and a temporary suffix. */
const mostStemBytes = 120

/**
 * `ward/resident.jpg` becomes `ward-resident`. Control characters and those that some file systems refuse become `_`,
 * and a long name is cut; a changed name gets a hash of the original, so that different names stay different.
 */
export function safeStem(within: string): string {
  const plain = within.slice(0, within.length - extname(within).length).replaceAll(sep, '-')
  // A leading dot would hide the results; a trailing one or a blank is lost on some file systems.
  const safe = plain
    .replace(/[\p{C}\u2028\u2029<>:"|?*\\]/gu, '_')
    .replace(/^\.+/, '_')
    .replace(/(?<![. ])[. ]+$/, '_')
  if (safe === plain && Buffer.byteLength(safe) <= mostStemBytes) return safe
  const hash = createHash('sha256').update(within).digest('hex').slice(0, 10)
  let cut = ''
  for (const character of safe) {
    if (Buffer.byteLength(cut) + Buffer.byteLength(character) > mostStemBytes - 1 - hash.length) break
    cut += character
  }
  return `${cut}-${hash}`
}
