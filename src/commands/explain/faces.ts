import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { InputError, UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Box, Crop, UnusableReason } from '../../core/types.js'
import { packageRoot } from '../../core/version.js'
import { alignFace } from '../../lib/face/align.js'
import { defaultMinScore } from '../../lib/face/boxes.js'
import { landmarksInCrop } from '../../lib/face/crop-landmarks.js'
import { faceModelFiles } from '../../lib/face/model-files.js'
import { FaceNetworks } from '../../lib/face/networks.js'
import { searchFaces } from '../../lib/face/search.js'
import { allSweeps } from '../../lib/face/sweeps.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { readCrop, readPicture } from '../../lib/picture/read.js'

/** A face to be explained. */
export interface PictureFace {
  crop: Crop
  /** In pixels of the picture; null if the picture is the crop. */
  box: Box | null
  /** How many faces the picture shows. */
  faces: number
  /** How many of them can be judged. */
  usable: number
  /** 1 for the largest of them, 2 for the next. */
  number: number
  /** Of the file, of which the first is taken: 1 unless it is animated or has pages. */
  frames: number
  /** Why the largest face is left out and this one taken; null if this is the largest, or all are taken. */
  instead: UnusableReason | null
}

/** Which faces of a picture are explained. */
const faceChoices = ['largest', 'all'] as const
export type FaceChoice = (typeof faceChoices)[number]

/** @throws UsageError for another word */
export function faceChoiceOf(text: string): FaceChoice {
  const choice = faceChoices.find((known) => known === text)
  if (choice) return choice
  throw new UsageError('PL-OPTION-FACES', `there is no choice "${text}"`, '--faces')
}

/** Finds the faces to explain in a picture's file. */
export interface FaceTaker {
  /** @returns at least one, the largest first. @throws InputError when the file cannot be read or shows no usable face; the signal's reason */
  take(path: string, signal: AbortSignal): Promise<PictureFace[]>
  close(): Promise<void>
}

/** Whether pictures are aligned face crops already; if not, which of their faces to explain. */
export type Shown = 'crop' | FaceChoice

/**
 * Opens the face models.
 * @param folder where they lie; the installation's unless given
 * @throws ModelError when they are missing
 */
export async function openFaceTaker(
  manifest: Manifest,
  shown: Shown,
  folder = join(packageRoot, 'models/face')
): Promise<FaceTaker> {
  const networks = await FaceNetworks.open(faceModelFiles(folder), {
    provider: 'cpu',
    threads: availableParallelism()
  })
  return {
    take: (path, signal) =>
      shown === 'crop'
        ? takeCrop(networks, manifest, path, signal)
        : takeFaces(networks, manifest, path, shown, signal),
    close: () => networks.close()
  }
}

export const unusableTexts: Record<UnusableReason, string> = {
  roll: 'how its face is turned is uncertain',
  small: 'its face is too small to be judged',
  covered: 'too much of its face is covered',
  blurred: 'its face is blurred',
  profile: 'its face is seen from the side',
  dark: 'its face is too dark to be judged'
}

/** Faces that are not usable are left out. */
async function takeFaces(
  networks: FaceNetworks,
  manifest: Manifest,
  path: string,
  choice: FaceChoice,
  signal: AbortSignal
): Promise<PictureFace[]> {
  const picture = await readPicture(path, signal)
  signal.throwIfAborted()
  const options = { minScore: defaultMinScore, around: [], sweeps: allSweeps }
  const found = await searchFaces(networks, picture, options)
  if (found.length === 0) throw new InputError('PL-PICTURE-NO-FACE', 'no face is found in it', printable(path))
  const area = ({ width, height }: Box): number => width * height
  const largestFirst = [...found].sort((a, b) => area(b.box) - area(a.box))
  const usable = largestFirst.flatMap((face, i) => (face.whyNot === null ? [{ ...face, number: i + 1 }] : []))
  if (usable.length === 0)
    throw new InputError('PL-PICTURE-NOT-USABLE', unusableTexts[largestFirst[0]!.whyNot!], printable(path))
  const instead = choice === 'all' ? null : largestFirst[0]!.whyNot
  return usable.slice(0, choice === 'all' ? undefined : 1).map(({ box, landmarks, number }) => ({
    crop: alignFace(picture, landmarks, manifest.input, manifest.alignment),
    box,
    faces: found.length,
    usable: usable.length,
    number,
    frames: picture.frames,
    instead
  }))
}

async function takeCrop(
  networks: FaceNetworks,
  manifest: Manifest,
  path: string,
  signal: AbortSignal
): Promise<PictureFace[]> {
  const { frames, ...picture } = await readCrop(path, manifest.input, signal)
  const landmarks = await landmarksInCrop(networks, picture, manifest.alignment)
  return [{ crop: { ...picture, landmarks }, box: null, faces: 1, usable: 1, number: 1, frames, instead: null }]
}
