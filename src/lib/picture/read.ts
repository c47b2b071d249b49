import type { Sharp } from 'sharp'
import { InputError, messageOf } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Size } from '../../core/types.js'
import { readRegular } from './regular-file.js'
import { loadSharp } from './sharp.js'

/** Larger photographs are scaled down to save memory; their faces stay large enough. */
const mostPixels = 4096
/** Limit of decoding, against pictures made to take long; libvips checks it between rows. */
const mostSeconds = 120

/** RGB24, row-major, over a buffer of its own. */
export interface Picture extends Size {
  data: Uint8Array<ArrayBuffer>
}

/** Of a file with several frames or pages, the first. */
export interface FilePicture extends Picture {
  /** How many the file has; 1 unless it is animated or has pages. */
  frames: number
}

/**
 * Reads a picture upright, as its EXIF orientation says; transparent parts become black.
 * @throws InputError if it is missing, not a regular file or not a picture; the signal's reason
 */
export async function readPicture(path: string, signal: AbortSignal): Promise<FilePicture> {
  const { picture, frames } = await opened(path, signal)
  const fitted = picture.resize(mostPixels, mostPixels, { fit: 'inside', withoutEnlargement: true })
  return { ...(await pixelsOf(fitted, path)), frames }
}

/** Reads a picture that is a face crop already, scaled to the classifier's input. @throws as readPicture does */
export async function readCrop(path: string, { width, height }: Size, signal: AbortSignal): Promise<FilePicture> {
  const { picture, frames } = await opened(path, signal)
  return { ...(await pixelsOf(picture.resize(width, height, { fit: 'fill' }), path)), frames }
}

async function opened(path: string, signal: AbortSignal): Promise<{ picture: Sharp; frames: number }> {
  const bytes = await readRegular(path, signal)
  const sharp = loadSharp()
  const picture = sharp(bytes, { failOn: 'error' }).rotate().timeout({ seconds: mostSeconds })
  return { picture, frames: await framesIn(bytes) }
}

/** GIF, WebP, TIFF and AVIF as libvips counts them. @returns 1 for what cannot be read: that is told when the pixels are asked for */
async function framesIn(bytes: Buffer): Promise<number> {
  const sharp = loadSharp()
  const { pages = 1 } = await sharp(bytes)
    .metadata()
    .catch(() => ({}) as { pages?: number })
  return Math.max(1, pages, framesInPng(bytes))
}

const pngHeader = 8
/** Length and type before a chunk's data, CRC behind it. */
const aroundChunk = 12

/** `num_frames` of APNG's chunk `acTL`, which stands before the pixels (PNG, third edition, 11.3.5.1); libvips reads the first picture only. */
function framesInPng(bytes: Buffer): number {
  if (bytes.length < pngHeader || bytes.readUInt32BE(0) !== 0x89504e47) return 1
  for (let at = pngHeader; at + aroundChunk <= bytes.length; at += aroundChunk + bytes.readUInt32BE(at)) {
    const type = bytes.toString('latin1', at + 4, at + 8)
    if (type === 'acTL') return bytes.readUInt32BE(at + 8)
    if (type === 'IDAT') return 1
  }
  return 1
}

async function pixelsOf(picture: Sharp, path: string): Promise<Picture> {
  try {
    const flat = picture.flatten({ background: 'black' }).toColourspace('srgb').removeAlpha()
    const { data, info } = await flat.raw().toBuffer({ resolveWithObject: true })
    return { width: info.width, height: info.height, data: Uint8Array.from(data) }
  } catch (error) {
    const why = printable(messageOf(error).split('\n')[0]!)
    throw new InputError('PL-PICTURE-UNREADABLE', `cannot be read as a picture (${why})`, printable(path), {
      cause: error
    })
  }
}
