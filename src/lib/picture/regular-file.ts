import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, readlink, stat } from 'node:fs/promises'
import { type ErrorCode, InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'

/** Most bytes of a picture's file, which is read into memory. */
const mostBytes = 256 * 2 ** 20
/** Bytes per read, after which the signal is checked. */
const chunkBytes = 2 ** 20

const refusals: Readonly<Record<string, readonly [code: ErrorCode, what: string]>> = {
  ENOENT: ['PL-PICTURE-MISSING', 'there is no such file'],
  ENOTDIR: ['PL-PICTURE-MISSING', 'there is no such file'],
  ELOOP: ['PL-PICTURE-MISSING', 'is a link that leads round in a circle'],
  ENAMETOOLONG: ['PL-PICTURE-NAME', 'has a longer name than the system takes'],
  EACCES: ['PL-PICTURE-FORBIDDEN', 'may not be read by this user (EACCES)'],
  EPERM: ['PL-PICTURE-FORBIDDEN', 'may not be read by this user (EPERM)']
}

/** A system error in painlens's words. Node.js's own message repeats the name with its escape sequences. */
export async function fileRefusal(error: unknown, path: string): Promise<InputError> {
  if (error instanceof InputError) return error
  const { code: name = 'unknown' } = error as NodeJS.ErrnoException
  const listedButGone = name === 'ENOENT' && path.includes('\ufffd')
  const [code, what] = listedButGone
    ? (['PL-PICTURE-NAME', 'has a name that is not UTF-8'] as const)
    : (refusals[name] ?? (['PL-PICTURE-FORBIDDEN', `cannot be read (${name})`] as const))
  const target = name === 'ENOENT' ? await readlink(path).catch(() => undefined) : undefined
  const link = target === undefined ? {} : { fix: 'Remove the link, or put back what it leads to.' }
  const told = target === undefined ? what : `is a link to ${printable(target)}, which is not there`
  return new InputError(code, told, printable(path), { ...link, cause: error })
}

const specials = [
  ['isFIFO', 'FIFO'],
  ['isSocket', 'socket'],
  ['isCharacterDevice', 'device'],
  ['isBlockDevice', 'device'],
  ['isDirectory', 'folder']
] as const

/** `FIFO`, `socket`, `device`, `folder`; null for a regular file. */
export function specialKindOf(stats: Stats): string | null {
  if (stats.isFile()) return null
  return specials.find(([is]) => stats[is]())?.[1] ?? 'special file'
}

/** @param kind what `specialKindOf` calls it */
export function specialFileError(kind: string, path: string): InputError {
  return new InputError('PL-PICTURE-SPECIAL-FILE', `is a ${kind}, not a regular file`, printable(path))
}

function refuseSpecial(stats: Stats, path: string): void {
  const kind = specialKindOf(stats)
  if (kind !== null) throw specialFileError(kind, path)
}

/**
 * Reads a regular file, and refuses others at once: a FIFO without a writer would block a thread for ever.
 * @param most bytes to read, from the beginning; the whole file unless given
 * @throws InputError if it is missing, not regular, not permitted or too large; the signal's reason
 */
export async function readRegular(path: string, signal: AbortSignal, most?: number): Promise<Buffer> {
  signal.throwIfAborted()
  try {
    // Opening a device may have effects, so its kind is checked before, and again once it is open.
    refuseSpecial(await stat(path), path)
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    try {
      return await readOpen(file, path, signal, most)
    } finally {
      await file.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    throw await fileRefusal(error, path)
  }
}

async function readOpen(file: FileHandle, path: string, signal: AbortSignal, most?: number): Promise<Buffer> {
  const stats = await file.stat()
  refuseSpecial(stats, path)
  if (most === undefined && stats.size > mostBytes) {
    const what = `has ${Math.ceil(stats.size / 2 ** 20)} MB; up to ${mostBytes / 2 ** 20} MB are read`
    throw new InputError('PL-PICTURE-TOO-LARGE', what, printable(path))
  }
  // Bytes added since the file was opened are ignored.
  const bytes = Buffer.alloc(Math.min(stats.size, most ?? stats.size))
  let filled = 0
  while (filled < bytes.length) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(bytes, filled, Math.min(chunkBytes, bytes.length - filled))
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}
