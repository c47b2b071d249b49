import { readdir, realpath, stat, statfs } from 'node:fs/promises'
import { basename, join, resolve, sep } from 'node:path'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { type Format, formatOf, headBytes, isNamedLikePicture } from './formats.js'
import { fileRefusal, readRegular, specialFileError, specialKindOf } from './regular-file.js'

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
 * not by its name; links are followed, and each folder is walked once. Other files are skipped with a reason. A search that would not end is
 * given up with a reason: in the kernel's folders, in those that hold the named one, and after very many files that are no pictures.
 * @param exclude a folder that is not walked: the results, which must not be explained themselves
 * @param mostOthers files in a row that are no pictures
 * @throws the signal's reason, at once: also where the system is still busy with a file
 */
export async function findPictures(
  paths: readonly string[],
  exclude: string,
  signal: AbortSignal,
  mostOthers = 10_000
): Promise<Found> {
  const search = new Search(await realpath(exclude).catch(() => resolve(exclude)), mostOthers, signal)
  const all = async (): Promise<void> => {
    for (const path of paths) await search.takeNamed(path)
  }
  await orAborted(all(), signal)
  return search.found
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** File systems that the kernel makes up (`f_type` of statfs(2)): what stands there is not on a disk, and may have no end. */
const kernelFolders: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x63677270, 'cgroup2'],
  [0x1cd1, 'devpts']
])
/** What the kernel shows of the machine's devices: its file system has the type of one in memory, where pictures may lie. */
const deviceFolder = '/dev'

interface Place {
  /** The path within the given folder; empty for given files. */
  within: string
  named: boolean
}

class Search {
  readonly found: Found = { pictures: [], passedOver: [] }
  readonly #files = new Set<string>()
  readonly #folders = new Set<string>()
  /** The folder that was named, without links; null before it is walked. */
  #named: string | null = null
  /** Files since the last picture that are none. */
  #others = 0

  constructor(
    private readonly exclude: string,
    private readonly mostOthers: number,
    private readonly signal: AbortSignal
  ) {}

  takeNamed(path: string): Promise<void> {
    this.#named = null
    this.#others = 0
    return this.#take(path, { within: '', named: true })
  }

  async #take(path: string, place: Place): Promise<void> {
    this.signal.throwIfAborted()
    if (this.#others >= this.mostOthers) return
    try {
      const stats = await stat(path)
      if (stats.isDirectory()) return await this.#walk(path, place)
      const kind = specialKindOf(stats)
      if (kind === null) return await this.#takeFile(path, place)
      this.#passOver(kind, place.named, specialFileError(kind, path))
    } catch (error) {
      this.signal.throwIfAborted()
      this.#passOver('unreadable', true, await fileRefusal(error, path))
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
    const endless = await this.#endless(real)
    if (endless !== null) {
      const error = new InputError('PL-PICTURE-SEARCH', endless, printable(folder))
      return this.#passOver('folder not searched', this.#named === null, error)
    }
    this.#named ??= real
    this.#folders.add(real)
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      const what = `the folder cannot be read (${error.code})`
      const refusal = new InputError('PL-PICTURE-FOLDER', what, printable(folder), { cause: error })
      this.#passOver('unreadable folder', true, refusal)
      return []
    })
    for (const name of names.sort()) await this.#take(join(folder, name), { within: join(within, name), named: false })
  }

  /** Why a search there would have no end; null where it has one. */
  async #endless(real: string): Promise<string | null> {
    const kernel = real === deviceFolder ? 'devices' : kernelFolders.get((await statfs(real)).type)
    if (kernel !== undefined) return `is a folder of the kernel (${kernel}), not of files on a disk`
    const holds = this.#named?.startsWith(real.endsWith(sep) ? real : real + sep)
    return holds ? `is a link to ${printable(real)}, which holds the folder that was named` : null
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
    this.#others = format?.readable ? 0 : this.#others + 1
    if (this.#others < this.mostOthers || this.#named === null) return
    const what = `the search has ended: ${this.mostOthers} files in a row are no pictures`
    this.#passOver('folder not searched to its end', true, new InputError('PL-PICTURE-SEARCH', what, printable(path)))
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
