import type { Size } from '../../core/types.js'
import type { Alignment } from './align.js'
import { type FaceNetworks, frameTensor, viewOfSquare } from './networks.js'

/** The landmark model's view of a face, in eye distances: a square, its middle below the eyes. */
const landmarkSquare = { side: 2.7, below: 0.45 }

/**
 * The landmarks of a face in an aligned crop: its place there is known, so no search is needed.
 * @param alignment how the crop was cut
 * @returns x0 y0 … of the 68 points, in pixels of the crop
 */
export async function landmarksInCrop(
  networks: FaceNetworks,
  crop: Size & { data: Uint8Array<ArrayBuffer> },
  alignment: Alignment
): Promise<Float32Array> {
  const eyeDistance = alignment.eyeDistance * crop.width
  const side = landmarkSquare.side * eyeDistance
  const square = {
    x: (crop.width - side) / 2,
    y: alignment.eyeY * crop.height + landmarkSquare.below * eyeDistance - side / 2,
    width: side,
    height: side
  }
  // A square around the crop's middle always shows some of it.
  const view = viewOfSquare(crop, square, 112)!
  return (await networks.landmarks(frameTensor(crop, crop.data), view)).points
}
