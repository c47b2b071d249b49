/** Unpacks a backup into a folder of its own, and checks each file against the backup's head. */
import { createHash } from 'node:crypto'
import { closeSync, openSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DiskError, InputError, messageOf, PainlensError } from '../../core/errors.js'
import { readTar, type TarEntry, TarError, type TarSink } from '../../core/tar.js'
import { type BackupHead, headName, mostHeadBytes, parseHead } from './form.js'

/** Bytes to stay free beside the unpacked files. */
const marginBytes = 16e6

/**
 * @param folder empty, and for its owner alone
 * @throws InputError where the file cannot be read, is damaged or another version's; DiskError without room
 */
export async function unpackBackup(archive: string, folder: string, signal: AbortSignal): Promise<BackupHead> {
  const unpacking = new Unpacking(archive, folder)
  try {
    if (!statSync(archive).isFile()) throw new InputError('PL-RESTORE-UNREADABLE', 'it is no file', archive)
    await readTar(archive, (entry) => unpacking.open(entry), signal)
    return unpacking.end()
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof PainlensError) throw error
    if (error instanceof TarError)
      throw new InputError('PL-RESTORE-DAMAGED', `the backup is damaged: ${error.message}`, archive)
    const { path } = error as NodeJS.ErrnoException
    if (path === archive)
      throw new InputError('PL-RESTORE-UNREADABLE', `the backup cannot be read (${messageOf(error)})`, archive)
    throw new DiskError('PL-RESTORE-DISK', `the backup cannot be unpacked (${messageOf(error)})`, folder)
  } finally {
    unpacking.close()
  }
}

class Unpacking {
  readonly #archive: string
  readonly #folder: string
  #head: BackupHead | null = null
  readonly #left = new Map<string, BackupHead['files'][number]>()
  #handle: number | null = null

  constructor(archive: string, folder: string) {
    this.#archive = archive
    this.#folder = folder
  }

  open(entry: TarEntry): TarSink {
    if (!this.#head) return this.#readHead(entry)
    const expected = this.#left.get(entry.name)
    if (!expected) throw new TarError(`${entry.name} is not in its head, or is there twice`)
    if (entry.size !== expected.size)
      throw new TarError(`${entry.name} has ${entry.size} bytes, its head says ${expected.size}`)
    this.#left.delete(entry.name)
    return this.#file(expected)
  }

  /** @throws TarError where a file is missing */
  end(): BackupHead {
    if (!this.#head || this.#left.size > 0)
      throw new TarError(`it has no ${[...this.#left.keys()].join(', no ') || headName}`)
    return this.#head
  }

  close(): void {
    if (this.#handle !== null) closeSync(this.#handle)
    this.#handle = null
  }

  #readHead({ name, size }: TarEntry): TarSink {
    if (name !== headName || size > mostHeadBytes) throw new TarError(`it does not begin with ${headName}`)
    const pieces: Buffer[] = []
    return {
      write: (piece) => void pieces.push(Buffer.from(piece)),
      end: () => {
        this.#head = parseHead(Buffer.concat(pieces).toString('utf8'), this.#archive)
        for (const file of this.#head.files) this.#left.set(file.name, file)
        this.#checkRoom(this.#head.files.reduce((sum, { size: bytes }) => sum + bytes, 0))
      }
    }
  }

  #file({ name, sha256 }: BackupHead['files'][number]): TarSink {
    const handle = openSync(join(this.#folder, name), 'wx', 0o600)
    this.#handle = handle
    const hash = createHash('sha256')
    return {
      write(piece) {
        hash.update(piece)
        for (let at = 0; at < piece.length; ) at += writeSync(handle, piece, at)
      },
      end: () => {
        this.close()
        if (hash.digest('hex') !== sha256) throw new TarError(`${name} has another SHA-256 than its head says`)
      }
    }
  }

  /** Each file is there twice for a moment: unpacked, and beside its place. */
  #checkRoom(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.#folder)
    const needed = 2 * bytes + marginBytes
    if (bavail * bsize < needed)
      throw new DiskError(
        'PL-RESTORE-SPACE',
        `${Math.ceil(needed / 1e6)} MB are needed, ${Math.floor((bavail * bsize) / 1e6)} MB are free`,
        this.#folder
      )
  }
}
