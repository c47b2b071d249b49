import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { InputError } from '../../core/errors.js'
import type { Box, Crop } from '../../core/types.js'
import { packageRoot } from '../../core/version.js'
import { alignFace } from '../../lib/face/align.js'
import { faceModelFiles } from '../../lib/face/model-files.js'
import { FaceNetworks, frameTensor, viewOfSquare } from '../../lib/face/networks.js'
import { defaultMinScore, searchFaces } from '../../lib/face/search.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { type Picture, readCrop, readPicture } from './pictures.js'

/** The face of a picture that is going to be explained. */
export interface PictureFace {
  crop: Crop
  /** In pixels of the picture; null where the picture is the crop. */
  box: Box | null
  /** How many faces the picture shows; the largest is taken. */
  faces: number
}

/** Takes the face to explain from a picture's file. */
export interface FaceTaker {
  /** @throws InputError when the file cannot be read or shows no face */
  take(path: string): Promise<PictureFace>
  close(): Promise<void>
}

/**
 * Opens the face models.
 * @param folder           where they lie; the installation's unless given
 * @param picturesAreCrops whether pictures show a face only, with the eyes where the manifest's alignment has them
 * @throws ModelError when they are missing
 */
export async function openFaceTaker(
  manifest: Manifest,
  picturesAreCrops: boolean,
  folder = join(packageRoot, 'models/face')
): Promise<FaceTaker> {
  const networks = await FaceNetworks.open(faceModelFiles(folder), {
    provider: 'cpu',
    threads: availableParallelism()
  })
  const take = picturesAreCrops ? takeCrop : takeLargest
  return { take: (path) => take(networks, manifest, path), close: () => networks.close() }
}

async function takeLargest(networks: FaceNetworks, manifest: Manifest, path: string): Promise<PictureFace> {
  const picture = await readPicture(path)
  const options = { minScore: defaultMinScore, around: [], everywhere: true }
  const faces = await searchFaces(networks, frameTensor(picture, picture.data), options)
  const [largest] = [...faces].sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)
  if (!largest) throw new InputError('PL-PICTURE-NO-FACE', 'no face is found in it', path)
  const crop = alignFace(picture, largest.landmarks, manifest.input, manifest.alignment)
  return { crop, box: largest.box, faces: faces.length }
}

async function takeCrop(networks: FaceNetworks, manifest: Manifest, path: string): Promise<PictureFace> {
  const picture = await readCrop(path, manifest.input)
  const landmarks = await landmarksOf(networks, picture, manifest)
  return { crop: { ...picture, landmarks }, box: null, faces: 1 }
}

/** What the landmark model wants to see of a face, in eye distances: a square, its middle below the eyes. */
const landmarkSquare = { side: 2.7, below: 0.45 }

/** Where the face in an aligned crop lies is known, so it need not be found. */
async function landmarksOf(networks: FaceNetworks, picture: Picture, { alignment }: Manifest): Promise<Float32Array> {
  const eyeDistance = alignment.eyeDistance * picture.width
  const side = landmarkSquare.side * eyeDistance
  const square = {
    x: (picture.width - side) / 2,
    y: alignment.eyeY * picture.height + landmarkSquare.below * eyeDistance - side / 2,
    width: side,
    height: side
  }
  // A square around the crop's middle always shows some of it.
  const view = viewOfSquare(picture, square, 112)!
  return networks.landmarks(frameTensor(picture, picture.data), view)
}
