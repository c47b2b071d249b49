import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sharp } from 'sharp'
import { type Clock, type Moment, stamp } from '../../core/clock.js'
import { DiskError, messageOf } from '../../core/errors.js'
import type { Crop, Size } from '../../core/types.js'
import { loadSharp } from '../../lib/picture/sharp.js'

/** The part of an `Explanation` that is saved as pictures. */
interface Pictured {
  camera: string
  /** When the frame was captured, a moment of the clock. */
  at: Moment
  track: number
  /** PNG. */
  heatmap: Uint8Array
  relevance: Float32Array
  crop: Crop
}

type Colour = readonly [red: number, green: number, blue: number]

const colours: { for: Colour; against: Colour } = { for: [214, 16, 16], against: [16, 64, 214] }
/** Relevance above this quantile of its absolute values is fully opaque, so that outliers do not darken the rest. */
const fullAt = 0.995
/** Below 1, so that weak relevance is visible. */
const gamma = 0.6

export interface PictureOptions {
  /** Factor of enlargement of the crop, a whole number from 1 (the default). */
  scale?: number
  /** How pixels are enlarged: `nearest` shows each as a square (the default for heatmaps), `cubic` smooths. */
  kernel?: 'nearest' | 'cubic'
}

/**
 * The relevance at full colour: the 99.5 % quantile of |relevance|, or the largest where relevance is so sparse that the
 * quantile is 0. 0 for a map of zeros.
 */
export function robustMaximum(relevance: Float32Array): number {
  const sizes = relevance.map(Math.abs).sort()
  const quantile = sizes[Math.floor(fullAt * (sizes.length - 1))] ?? 0
  return quantile > 0 ? quantile : (sizes.at(-1) ?? 0)
}

/**
 * Relevance as colour: red speaks for the target, blue against it; opaque at the robust maximum, transparent at zero.
 * @param relevance signed, per pixel, row-major
 * @returns RGBA, 4 bytes per pixel
 */
export function heatmapPixels(relevance: Float32Array): Uint8Array {
  const full = robustMaximum(relevance)
  const pixels = new Uint8Array(4 * relevance.length)
  if (full === 0) return pixels
  relevance.forEach((value, i) => {
    if (value === 0) return
    pixels.set(value > 0 ? colours.for : colours.against, 4 * i)
    pixels[4 * i + 3] = Math.round(255 * Math.min(1, Math.abs(value) / full) ** gamma)
  })
  return pixels
}

/** The heatmap alone, as PNG with alpha; of the face it shows the outline at most. */
export async function heatmapPng(
  relevance: Float32Array,
  size: Size,
  options: PictureOptions = {}
): Promise<Uint8Array> {
  return enlarged(heatmapOf(relevance, size), size, { kernel: 'nearest', ...options })
    .png()
    .toBuffer()
}

/** The heatmap over the grey crop, as PNG, for viewing. It shows the face: it never leaves the device. */
export async function overlayPng(
  crop: Crop,
  relevance: Float32Array,
  options: PictureOptions = {}
): Promise<Uint8Array> {
  const smooth = { kernel: 'cubic', ...options } as const
  const heatmap = await enlarged(heatmapOf(relevance, crop), crop, smooth).png().toBuffer()
  return enlarged(greyOf(crop), crop, smooth)
    .composite([{ input: heatmap }])
    .png()
    .toBuffer()
}

function enlarged(picture: Sharp, size: Size, { scale = 1, kernel = 'nearest' }: PictureOptions): Sharp {
  if (scale === 1) return picture
  return picture.resize(size.width * scale, size.height * scale, { kernel })
}

function heatmapOf(relevance: Float32Array, { width, height }: Size): Sharp {
  return loadSharp()(heatmapPixels(relevance), { raw: { width, height, channels: 4 } })
}

/** Luma as in ITU-R BT.601, still in three channels, so that colour can be laid over it. */
function greyOf({ data, width, height }: Crop): Sharp {
  const grey = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i += 3)
    grey.fill(Math.round(0.299 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!), i, i + 3)
  return loadSharp()(grey, { raw: { width, height, channels: 3 } })
}

/** Minimum width of overlays, in pixels. */
const overlayWidth = 384

/**
 * Writes a file whole or not at all: readers of the folder never see a part of it. It is for its owner's eyes (mode 0600),
 * since it shows a face, or says what was seen in one.
 * @throws DiskError
 */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`
  try {
    await writeFile(temporary, content, { mode: 0o600, flag: 'wx' })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw new DiskError('PL-EXPLAIN-UNWRITABLE', `cannot be written (${messageOf(error)})`, path, { cause: error })
  }
}

/** The overlay for viewing, with small crops enlarged. */
export function overlayOf({ crop, relevance }: Pick<Pictured, 'crop' | 'relevance'>): Promise<Uint8Array> {
  return overlayPng(crop, relevance, { scale: Math.max(1, Math.ceil(overlayWidth / crop.width)) })
}

/**
 * Saves heatmap and overlay, named by time, camera and track. Pictures of residents: only if the user configured it, and
 * for painlens's own user alone (files 0600; the folder 0700 where it has to be made).
 * @returns the two files
 * @throws DiskError
 */
export async function saveHeatmaps(folder: string, explanation: Pictured, clock: Clock): Promise<string[]> {
  const { at, camera, track, heatmap } = explanation
  const name = `${stamp(clock, at).replaceAll(':', '-')}-${camera}-track-${track}`
  const files = [join(folder, `${name}-heatmap.png`), join(folder, `${name}-overlay.png`)] as const
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new DiskError('PL-EXPLAIN-FOLDER', `the folder cannot be made (${messageOf(error)})`, folder, {
      cause: error
    })
  })
  await writeAtomically(files[0], heatmap)
  await writeAtomically(files[1], await overlayOf(explanation))
  return [...files]
}
