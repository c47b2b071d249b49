import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { type Format, formatOf, headBytes, isNamedLikePicture } from './formats.js'
import { readRegular, refusalOf, specialFileError, specialKindOf } from './regular-file.js'

/** A picture to be read. */
export interface PictureFile {
  path: string
  /** Its path within the given folder, or its name; the base of its results' names. */
  within: string
}

/** A given or found file that is not explained. */
export interface PassedOver {
  /** The category in the summary: `unreadable`, `FIFO`, `not a picture`. */
  as: string
  /** Whether the command fails because of it; false for other files in a given folder. */
  fails: boolean
  error: InputError
}

export interface Found {
  pictures: PictureFile[]
  passedOver: PassedOver[]
}

/**
 * The given pictures, and those in the given folders, at any depth, sorted by name. A file is a picture by its content,
 * not by its name; links are followed, and each folder is walked once. Other files are skipped with a reason.
 * @param exclude a folder that is not walked: the results, which must not be explained themselves
 * @throws the signal's reason
 */
export async function findPictures(paths: readonly string[], exclude: string, signal: AbortSignal): Promise<Found> {
  const search = new Search(await realpath(exclude).catch(() => resolve(exclude)), signal)
  for (const path of paths) await search.take(path, { within: '', named: true })
  return search.found
}

interface Place {
  /** The path within the given folder; empty for given files. */
  within: string
  named: boolean
}

class Search {
  readonly found: Found = { pictures: [], passedOver: [] }
  readonly #files = new Set<string>()
  readonly #folders = new Set<string>()

  constructor(
    private readonly exclude: string,
    private readonly signal: AbortSignal
  ) {}

  async take(path: string, place: Place): Promise<void> {
    this.signal.throwIfAborted()
    try {
      const stats = await stat(path)
      if (stats.isDirectory()) return await this.#walk(path, place)
      const kind = specialKindOf(stats)
      if (kind === null) return await this.#takeFile(path, place)
      this.#passOver(kind, place.named, specialFileError(kind, path))
    } catch (error) {
      this.signal.throwIfAborted()
      this.#passOver('unreadable', true, refusalOf(error, path))
    }
  }

  async #walk(folder: string, { within }: Place): Promise<void> {
    const real = await realpath(folder)
    if (real === this.exclude) {
      const error = new InputError('PL-PICTURE-RESULTS', 'is the folder for the results', printable(folder))
      return this.#passOver('folder of results', false, error)
    }
    if (this.#folders.has(real)) {
      const error = new InputError('PL-PICTURE-TWICE', 'is a folder that is walked already', printable(folder))
      return this.#passOver('walked already', false, error)
    }
    this.#folders.add(real)
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      const what = `the folder cannot be read (${error.code})`
      const refusal = new InputError('PL-PICTURE-FOLDER', what, printable(folder), { cause: error })
      this.#passOver('unreadable folder', true, refusal)
      return []
    })
    for (const name of names.sort()) await this.take(join(folder, name), { within: join(within, name), named: false })
  }

  async #takeFile(path: string, { within, named }: Place): Promise<void> {
    const own = resolve(path)
    if (this.#files.has(own)) {
      const error = new InputError('PL-PICTURE-TWICE', 'was named already', printable(path))
      return this.#passOver('named twice', false, error)
    }
    this.#files.add(own)
    const format = formatOf(await readRegular(path, this.signal, headBytes), path)
    if (format?.readable) this.found.pictures.push({ path, within: within || basename(path) })
    else this.#refuse(path, format, named)
  }

  /** A file is unreadable if its content or its name is a picture's. */
  #refuse(path: string, format: Format | null, named: boolean): void {
    const where = printable(path)
    const fix = format?.fix === undefined ? {} : { fix: format.fix }
    if (format && !format.other) {
      const what = `is ${format.name}, which cannot be read here`
      this.#passOver('unreadable', true, new InputError('PL-PICTURE-FORMAT', what, where, fix))
    } else if (isNamedLikePicture(path)) {
      const what = `cannot be read as a picture (its content is ${format?.name ?? 'none'})`
      this.#passOver('unreadable', true, new InputError('PL-PICTURE-UNREADABLE', what, where, fix))
    } else {
      const what = format ? `is ${format.name}, not a picture` : 'is not a picture'
      this.#passOver('not a picture', named, new InputError('PL-PICTURE-OTHER-FILE', what, where, fix))
    }
  }

  #passOver(as: string, fails: boolean, error: InputError): void {
    this.found.passedOver.push({ as, fails, error })
  }
}
