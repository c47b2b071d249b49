import sharp, { type Sharp } from 'sharp'
import { InputError, messageOf } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Size } from '../../core/types.js'
import { readRegular } from './regular-file.js'

/** Larger photographs are scaled down to save memory; their faces stay large enough. */
const mostPixels = 4096
/** Limit of decoding, against pictures made to take long; libvips checks it between rows. */
const mostSeconds = 120

/** RGB24, row-major, over a buffer of its own. */
export interface Picture extends Size {
  data: Uint8Array<ArrayBuffer>
}

/**
 * Reads a picture upright, as its EXIF orientation says; transparent parts become black.
 * @throws InputError if it is missing, not a regular file or not a picture; the signal's reason
 */
export async function readPicture(path: string, signal: AbortSignal): Promise<Picture> {
  const picture = await opened(path, signal)
  return pixelsOf(picture.resize(mostPixels, mostPixels, { fit: 'inside', withoutEnlargement: true }), path)
}

/** Reads a picture that is a face crop already, scaled to the classifier's input. @throws as readPicture does */
export async function readCrop(path: string, { width, height }: Size, signal: AbortSignal): Promise<Picture> {
  return pixelsOf((await opened(path, signal)).resize(width, height, { fit: 'fill' }), path)
}

async function opened(path: string, signal: AbortSignal): Promise<Sharp> {
  return sharp(await readRegular(path, signal), { failOn: 'error' })
    .rotate()
    .timeout({ seconds: mostSeconds })
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
