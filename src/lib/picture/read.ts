import type { Metadata, Sharp } from 'sharp'
import { InputError, messageOf } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Size } from '../../core/types.js'
import { readRegular } from './regular-file.js'
import { loadSharp } from './sharp.js'

/** Larger photographs are scaled down to save memory; their faces stay large enough. */
const mostPixels = 4096
/** A picture of more is not decoded: what a file of a few bytes can claim would take gigabytes. */
const mostDecoded = 16_383 ** 2
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
  // What cannot be read is told when the pixels are asked for.
  const described = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined)
  if (described) refuseKind(described, path)
  const picture = sharp(bytes, { failOn: 'error', limitInputPixels: mostDecoded }).rotate()
  // GIF, WebP, TIFF and AVIF as libvips counts them.
  const frames = Math.max(1, described?.pages ?? 1, framesInPng(bytes))
  return { picture: picture.timeout({ seconds: mostSeconds }), frames }
}

/** @throws InputError for more pixels than are decoded, and for numbers of which libvips would make black or wrong colours */
function refuseKind({ width, height, depth }: Metadata, path: string): void {
  const millions = (pixels: number): number => Math.ceil(pixels / 1e6)
  if (width * height > mostDecoded) {
    const what = `has ${width} x ${height} pixels, ${millions(width * height)} million; up to ${millions(mostDecoded)} million are read`
    throw new InputError('PL-PICTURE-TOO-LARGE', what, printable(path), { fix: 'Save the picture smaller.' })
  }
  if (depth === 'uchar' || depth === 'ushort') return
  const what = `holds numbers of another kind (${depth}) than 8 or 16 bits for each colour, and does not say which of them is white`
  const fix = 'Save it as PNG or TIFF of 8 or 16 bits, with its darkest value as black and its brightest as white.'
  throw new InputError('PL-PICTURE-FORMAT', what, printable(path), { fix })
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
