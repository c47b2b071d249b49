import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, stamp } from '../../core/clock.js'
import { DiskError, messageOf } from '../../core/errors.js'
import { overlayPng } from './heatmap.js'
import type { Explanation } from './types.js'

/** Overlays are made at least this wide, so that people can see something. */
const overlayWidth = 384

/**
 * Writes a file whole or not at all: readers of the folder never see a part of it.
 * @throws DiskError
 */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`
  try {
    await writeFile(temporary, content)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw new DiskError('PL-EXPLAIN-UNWRITABLE', `cannot be written (${messageOf(error)})`, path, { cause: error })
  }
}

/** The overlay as people get to see it: small crops enlarged to a comfortable size. */
export function overlayOf({ crop, relevance }: Pick<Explanation, 'crop' | 'relevance'>): Promise<Uint8Array> {
  return overlayPng(crop, relevance, { scale: Math.max(1, Math.ceil(overlayWidth / crop.width)) })
}

/**
 * Saves heatmap and overlay, named by time, camera and track. Pictures of residents: only on the user's explicit wish.
 * @returns the two files
 * @throws DiskError
 */
export async function saveHeatmaps(folder: string, explanation: Explanation, clock: Clock): Promise<string[]> {
  const { at, camera, track, heatmap } = explanation
  const name = `${stamp(clock, at).replaceAll(':', '-')}-${camera}-track-${track}`
  const files = [join(folder, `${name}-heatmap.png`), join(folder, `${name}-overlay.png`)] as const
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new DiskError('PL-EXPLAIN-FOLDER', `the folder cannot be made (${messageOf(error)})`, folder, {
      cause: error
    })
  })
  await writeAtomically(files[0], heatmap)
  await writeAtomically(files[1], await overlayOf(explanation))
  return [...files]
}
