/** Unpacks an archive, and checks its files against its manifest, this machine and this onnxruntime-node. */
import { createHash, type Hash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { basename, join } from 'node:path'
import { DiskError, InputError, messageOf } from '../core/errors.js'
import { syncFolder } from '../core/file-names.js'
import { readTar, type TarEntry, TarError, type TarSink } from '../core/tar.js'
import { elfMachine } from './elf.js'
import { type ArchiveManifest, isLibrary, type Marker, manifestName, parseArchiveManifest } from './manifest.js'
import type { Place } from './place.js'

/** The installed manifest, among its files; absent from onnxruntime-node's own build. */
export const markerName = 'painlens-provider.json'

const maximumManifestBytes = 1 << 18
/** Bytes to stay free beside the unpacked files. */
const marginBytes = 64e6
/**
 * Reads only as much of the archive as its manifest.
 * @throws InputError when it cannot be read, is damaged, or does not fit this machine or onnxruntime-node
 */
export async function readArchiveManifest(
  archive: string,
  place: Place,
  signal?: AbortSignal
): Promise<ArchiveManifest> {
  // Ends the reading; caught below.
  const enough = new TarError('the manifest is read')
  const found: ArchiveManifest[] = []
  await reading(archive, async () => {
    const open = manifestFirst(archive, (manifest) => {
      found.push(manifest)
      throw enough
    })
    await readTar(archive, open, signal).catch((error) => {
      if (error !== enough) throw error
    })
  })
  const [manifest] = found
  if (!manifest) throw unreadable(archive, 'its manifest is empty')
  checkFit(manifest, place, archive)
  return manifest
}

/**
 * Unpacks all files into a new folder, and checks each against the manifest.
 * @throws InputError as above, or if a file differs from the manifest; DiskError without room
 */
export async function unpack(
  archive: string,
  place: Place,
  manifest: ArchiveManifest,
  signal?: AbortSignal
): Promise<void> {
  const bytes = Object.values(manifest.files).reduce((total, { size }) => total + size, 0)
  checkRoom(place.folder, bytes)
  rmSync(place.staged, { recursive: true, force: true })
  mkdirSync(place.staged)
  await reading(archive, () => unpackFiles(archive, place.staged, manifest, signal))
  const marker: Marker = { installed: new Date().toISOString(), ...manifest }
  writeFileSync(join(place.staged, markerName), `${JSON.stringify(marker, null, 2)}\n`, { flush: true })
  // Independent of the umask of an administrator's shell: the service's user has to read them.
  chmodSync(place.staged, 0o755)
  for (const name of [...Object.keys(manifest.files), markerName]) chmodSync(join(place.staged, name), 0o644)
  syncFolder(place.staged)
}

async function unpackFiles(
  archive: string,
  folder: string,
  manifest: ArchiveManifest,
  signal?: AbortSignal
): Promise<void> {
  const left = new Map(Object.entries(manifest.files))
  const handles = new Set<number>()
  const first = manifestFirst(archive, () => undefined)
  let begun = false
  const open = (entry: TarEntry): TarSink => {
    if (!begun) {
      begun = true
      return first(entry)
    }
    if (entry.name === markerName) throw new TarError(`it holds ${markerName}, which painlens writes itself`)
    const expected = left.get(entry.name)
    if (!expected) throw new TarError(`${entry.name} is not in its manifest, or is there twice`)
    if (entry.size !== expected.size)
      throw new TarError(`${entry.name} has ${entry.size} bytes, its manifest says ${expected.size}`)
    left.delete(entry.name)
    return fileSink(join(folder, entry.name), { ...expected, arch: manifest.arch, archive }, handles)
  }
  try {
    await readTar(archive, open, signal)
  } finally {
    for (const handle of handles) closeSync(handle)
  }
  if (left.size > 0) throw new TarError(`it has no ${[...left.keys()].join(', no ')}, which its manifest names`)
}

/** Adds the archive's name to errors of reading it. */
async function reading(archive: string, read: () => Promise<void>): Promise<void> {
  try {
    if (!statSync(archive).isFile()) throw unreadable(archive, 'it is no file')
    await read()
  } catch (error) {
    if (error instanceof TarError)
      throw new InputError('PL-INSTALL-DAMAGED', `the archive is damaged: ${error.message}`, archive)
    if ((error as NodeJS.ErrnoException).path === archive) throw unreadable(archive, messageOf(error))
    throw error
  }
}

/** The sink of the first entry, which has to be the manifest. */
function manifestFirst(archive: string, done: (manifest: ArchiveManifest) => void) {
  return ({ name, size }: TarEntry): TarSink => {
    if (name !== manifestName || size > maximumManifestBytes)
      throw new TarError(`it does not begin with ${manifestName}`)
    const pieces: Buffer[] = []
    return {
      write: (piece) => void pieces.push(Buffer.from(piece)),
      end: () => done(parseArchiveManifest(Buffer.concat(pieces).toString('utf8'), archive))
    }
  }
}

function checkFit(manifest: ArchiveManifest, place: Place, archive: string): void {
  const { platform, arch } = process
  if (manifest.platform !== platform || manifest.arch !== arch)
    throw new InputError(
      'PL-INSTALL-MACHINE',
      `it is for ${manifest.platform} ${manifest.arch}, this is ${platform} ${arch}`,
      archive
    )
  if (manifest.onnxruntime !== place.version || manifest.napi !== place.napi)
    throw new InputError(
      'PL-INSTALL-VERSION',
      `it has ONNX Runtime ${manifest.onnxruntime} (napi ${manifest.napi}), onnxruntime-node here is ${place.version} (napi ${place.napi})`,
      archive
    )
}

function checkRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < bytes + marginBytes)
    throw new DiskError(
      'PL-INSTALL-SPACE',
      `${Math.ceil((bytes + marginBytes) / 1e6)} MB are needed, ${Math.floor((bavail * bsize) / 1e6)} MB are free`,
      folder
    )
}

interface ExpectedFile {
  sha256: string
  arch: string
  /** For the error. */
  archive: string
}

/**
 * Writes a file, synced, and checks its hash and, for a library, its architecture.
 * @param handles receives the open file, to be closed by the caller if the reading fails
 */
function fileSink(path: string, expected: ExpectedFile, handles: Set<number>): TarSink {
  const handle = openSync(path, 'wx')
  handles.add(handle)
  const hash: Hash = createHash('sha256')
  const name = basename(path)
  let start = Buffer.alloc(0)
  return {
    write(piece) {
      if (start.length < 64) start = Buffer.concat([start, piece.subarray(0, 64)])
      hash.update(piece)
      writeAll(handle, piece, path)
    },
    end() {
      fsyncSync(handle)
      handles.delete(handle)
      closeSync(handle)
      if (hash.digest('hex') !== expected.sha256)
        throw new TarError(`${name} has another SHA-256 than its manifest says`)
      if (isLibrary(name)) checkMachine(name, start, expected)
    }
  }
}

function checkMachine(name: string, start: Uint8Array, { arch, archive }: ExpectedFile): void {
  const machine = elfMachine(start)
  if (machine !== arch)
    throw new InputError(
      'PL-INSTALL-MIXED',
      `${name} in it is ${machine ? `a library for ${machine}` : 'no library for Linux'}, its manifest says ${arch}`,
      archive
    )
}

function writeAll(handle: number, piece: Buffer, path: string): void {
  try {
    for (let at = 0; at < piece.length; ) at += writeSync(handle, piece, at)
  } catch (error) {
    throw new DiskError('PL-INSTALL-UNPACK', `the archive cannot be unpacked (${messageOf(error)})`, path)
  }
}

const unreadable = (archive: string, why: string): InputError =>
  new InputError('PL-INSTALL-UNREADABLE', `the archive cannot be read (${why})`, archive)
