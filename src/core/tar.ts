/**
 * Reads (and writes the entries of) a gzipped tar archive (POSIX ustar) of plain files in one folder, and no other entries: without folders, links and
 * devices an archive cannot write outside its folder.
 */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { messageOf } from './errors.js'

const block = 512
/** Zeros that may follow the end mark: tar fills its last record, of 10 KB unless told otherwise. */
const mostPadding = 1 << 20

export interface TarEntry {
  name: string
  /** Bytes. */
  size: number
}

/** Receives an entry's content in chunks. */
export interface TarSink {
  write(piece: Buffer): void
  end(): void
}

/** A defect of an archive, as a clause: `it ends within manifest.json`. */
export class TarError extends Error {}

/**
 * Hands each entry's content to the sink that `open` gives for it, in the archive's order. Errors of `open` and sinks
 * end the reading and are rethrown.
 * @throws TarError if it is damaged, or contains entries other than plain files without folders
 */
export async function readTar(file: string, open: (entry: TarEntry) => TarSink, signal?: AbortSignal): Promise<void> {
  const reader = new TarReader(open)
  const source = createReadStream(file, { highWaterMark: 1 << 18, signal })
  const unzipped = createGunzip({ chunkSize: 1 << 18 })
  source.on('error', (error) => unzipped.destroy(error))
  source.pipe(unzipped)
  try {
    for await (const piece of unzipped) reader.take(piece as Buffer)
  } catch (error) {
    // zlib's errors have a code of its own (Z_DATA_ERROR, Z_BUF_ERROR).
    if (/^Z_/.test((error as NodeJS.ErrnoException).code ?? ''))
      throw new TarError(`it cannot be unpacked: ${messageOf(error)}`)
    throw error
  } finally {
    // Also what is read ahead is given back before the next archive.
    await Promise.all([source, unzipped].map(closed))
  }
  reader.end()
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve()
    else stream.once('close', resolve).destroy()
  })
}

class TarReader {
  readonly #open: (entry: TarEntry) => TarSink
  #header = Buffer.alloc(0)
  #entry: { name: string; left: number; padding: number; sink: TarSink } | null = null
  #begun = false
  #ended = false
  #padding = 0

  constructor(open: (entry: TarEntry) => TarSink) {
    this.#open = open
  }

  take(piece: Buffer): void {
    let rest = piece
    while (rest.length > 0 && !this.#ended) rest = this.#entry ? this.#takeContent(rest) : this.#takeHeader(rest)
    this.#takePadding(rest)
  }

  end(): void {
    if (this.#entry) throw new TarError(`it ends within ${this.#entry.name}`)
    if (!this.#ended) throw new TarError('its end is missing')
  }

  /** Reading stops at the first byte that cannot be padding. */
  #takePadding(piece: Buffer): void {
    this.#padding += piece.length
    if (this.#padding > mostPadding || piece.some((byte) => byte !== 0)) throw new TarError('it goes on after its end')
  }

  #takeHeader(piece: Buffer): Buffer {
    const taken = piece.subarray(0, block - this.#header.length)
    this.#header = Buffer.concat([this.#header, taken])
    if (this.#header.length === block) {
      const header = this.#header
      this.#header = Buffer.alloc(0)
      if (header.some((byte) => byte !== 0)) this.#begin(entryOf(header))
      else if (this.#begun) this.#ended = true
      else throw new TarError('it is empty')
    }
    return piece.subarray(taken.length)
  }

  #begin(entry: TarEntry): void {
    this.#begun = true
    const sink = this.#open(entry)
    this.#entry = { name: entry.name, left: entry.size, padding: (block - (entry.size % block)) % block, sink }
    if (entry.size === 0) sink.end()
    this.#endIfDone()
  }

  #takeContent(piece: Buffer): Buffer {
    const entry = this.#entry!
    const content = piece.subarray(0, entry.left)
    if (content.length > 0) {
      entry.sink.write(content)
      entry.left -= content.length
      if (entry.left === 0) entry.sink.end()
    }
    const padding = piece.subarray(content.length, content.length + (entry.left === 0 ? entry.padding : 0))
    entry.padding -= padding.length
    this.#endIfDone()
    return piece.subarray(content.length + padding.length)
  }

  #endIfDone(): void {
    if (this.#entry?.left === 0 && this.#entry.padding === 0) this.#entry = null
  }
}

/**
 * One entry of such an archive, its padding included; two blocks of zeros end the archive.
 * @param content in pieces; `entry.size` bytes in all
 */
export async function* tarEntry(
  entry: TarEntry,
  content: Iterable<Buffer> | AsyncIterable<Buffer>
): AsyncGenerator<Buffer> {
  yield headerOf(entry)
  yield* content
  yield Buffer.alloc((block - (entry.size % block)) % block)
}

export const tarEnd = (): Buffer => Buffer.alloc(2 * block)

/** As POSIX has it: for its owner alone (0600), of no user, from 1970. */
function headerOf({ name, size }: TarEntry): Buffer {
  const header = Buffer.alloc(block)
  const fields: [at: number, text: string][] = [
    [0, name],
    [100, '0000600\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [124, `${size.toString(8).padStart(11, '0')}\0`],
    [136, '00000000000\0'],
    [148, '        '],
    [156, '0'],
    [257, 'ustar\x0000']
  ]
  for (const [at, text] of fields) header.write(text, at, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** The fields of a ustar header: name 0, size 124 (octal), checksum 148 (octal), type 156, prefix 345. */
function entryOf(header: Buffer): TarEntry {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0)
  if (sum !== octal(header, 148, 8)) throw new TarError('a header of it is damaged')
  const name = text(header, 0, 100)
  const type = String.fromCharCode(header[156]!)
  if ((type !== '0' && type !== '\0') || text(header, 345, 155) !== '' || !/^[A-Za-z0-9][\w.+-]*$/.test(name))
    throw new TarError(`it holds ${JSON.stringify(name.slice(0, 80))}, and may hold plain files without folders only`)
  return { name, size: octal(header, 124, 12) }
}

function text(header: Buffer, from: number, length: number): string {
  const field = header.subarray(from, from + length)
  const end = field.indexOf(0)
  return field.toString('latin1', 0, end < 0 ? length : end)
}

function octal(header: Buffer, from: number, length: number): number {
  const digits = text(header, from, length).trim()
  if (!/^[0-7]+$/.test(digits)) throw new TarError('a header of it is damaged')
  return Number.parseInt(digits, 8)
}
