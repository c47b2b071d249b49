import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, extname, join, relative, resolve, sep } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { InputError, messageOf } from '../../core/errors.js'
import type { Size } from '../../core/types.js'

/** What sharp's prebuilt libvips reads. */
const extensions = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif', '.svg'])
/** Photographs larger than this are scaled down: faces in them are large enough, and memory is not. */
const mostPixels = 4096

/** A picture to be read. */
export interface PictureFile {
  path: string
  /** What its results' names begin with; different for each picture. */
  stem: string
}

/** RGB24, row-major, over a buffer of its own. */
export interface Picture extends Size {
  data: Uint8Array<ArrayBuffer>
}

/**
 * The pictures that were named, and those in the folders that were named, however deep, by name.
 * @param exclude a folder that is not walked: what was written there is not to be explained in its turn
 * @returns files that are not there are among them, since reading them says so by name
 */
export async function listPictures(paths: readonly string[], exclude: string): Promise<PictureFile[]> {
  const files: { path: string; within: string }[] = []
  for (const path of paths) {
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false
    )
    if (!isFolder) files.push({ path, within: basename(path) })
    else for (const file of await walk(path, resolve(exclude))) files.push({ path: file, within: relative(path, file) })
  }
  return withStems(files)
}

async function walk(folder: string, exclude: string): Promise<string[]> {
  if (resolve(folder) === exclude) return []
  const files: string[] = []
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) files.push(...(await walk(path, exclude)))
    else if (entry.isFile() && extensions.has(extname(entry.name).toLowerCase())) files.push(path)
  }
  return files
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    throw new InputError('PL-PICTURE-FOLDER', `the folder cannot be read (${messageOf(error)})`, folder)
  }
}

function withStems(files: readonly { path: string; within: string }[]): PictureFile[] {
  const taken = new Set<string>()
  return files.map(({ path, within }) => {
    const plain = within.slice(0, within.length - extname(within).length).replaceAll(sep, '-')
    let stem = plain
    for (let n = 2; taken.has(stem); n++) stem = `${plain}-${n}`
    taken.add(stem)
    return { path, stem }
  })
}

/**
 * Reads a picture upright, as its EXIF orientation says; transparent parts become black.
 * @throws InputError when it is not there or no picture
 */
export async function readPicture(path: string): Promise<Picture> {
  const picture = sharp(path, { failOn: 'error' })
    .rotate()
    .resize(mostPixels, mostPixels, { fit: 'inside', withoutEnlargement: true })
  return pixelsOf(picture, path)
}

/** Reads a picture that is a face crop already, scaled to the classifier's input. @throws InputError */
export async function readCrop(path: string, { width, height }: Size): Promise<Picture> {
  return pixelsOf(sharp(path, { failOn: 'error' }).rotate().resize(width, height, { fit: 'fill' }), path)
}

async function pixelsOf(picture: Sharp, path: string): Promise<Picture> {
  try {
    // A read that waits in a pipe would keep the process from ending, even after SIGTERM.
    if (!(await stat(path)).isFile()) throw new Error('it is no regular file')
    const flat = picture.flatten({ background: 'black' }).toColourspace('srgb').removeAlpha()
    const { data, info } = await flat.raw().toBuffer({ resolveWithObject: true })
    return { width: info.width, height: info.height, data: Uint8Array.from(data) }
  } catch (error) {
    throw new InputError(
      'PL-PICTURE-UNREADABLE',
      `cannot be read as a picture (${messageOf(error).split('\n')[0]})`,
      path,
      { cause: error }
    )
  }
}
