import { join } from 'node:path'
import sharp from 'sharp'
import type { Box } from '../../../src/core/types.js'
import type { Pixels } from '../../../src/lib/face/align.js'
import { overlap } from '../../../src/lib/face/boxes.js'
import { photoFaces, photoFolder } from '../../../tools/bench/face-pictures.js'

/** As wide as face-api's demo photographs are. */
const fullWidth = 1920
export const photoNames = Object.keys(photoFaces)

/** The faces' boxes in a photograph scaled to that width. */
export function facesOf(name: string, width = fullWidth): Box[] {
  const scale = width / fullWidth
  return photoFaces[name]!.map(([x, y, w, h]) => ({ x: x * scale, y: y * scale, width: w * scale, height: h * scale }))
}

/** @param width scaled to, when given */
export async function readPhoto(name: string, width?: number): Promise<Pixels & { data: Uint8Array<ArrayBuffer> }> {
  const picture = sharp(join(photoFolder, name)).removeAlpha()
  if (width) picture.resize({ width })
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data: new Uint8Array(data) }
}

export const isOn = (box: Box, face: Box): boolean => overlap(box, face) > 0.5
