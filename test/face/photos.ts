import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import type { Box } from '../../src/core/types.js'
import type { Pixels } from '../../src/face/align.js'

export const faceApi = dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'))

/** The middles of the 22 faces in face-api's demo photographs, by hand to some ten pixels, and their widths. */
export const facesInPhotos: Record<string, readonly (readonly [x: number, y: number, width: number])[]> = {
  'sample1.jpg': [
    [502, 475, 177],
    [931, 535, 186],
    [1577, 319, 203]
  ],
  'sample2.jpg': [
    [1544, 274, 194],
    [977, 336, 151],
    [437, 255, 153]
  ],
  'sample3.jpg': [
    [684, 464, 199],
    [1599, 432, 170],
    [1185, 364, 220]
  ],
  'sample4.jpg': [
    [757, 182, 187],
    [338, 307, 162],
    [1073, 293, 169],
    [1349, 266, 145]
  ],
  'sample5.jpg': [
    [865, 215, 156],
    [1192, 316, 158],
    [1488, 525, 165],
    [681, 539, 166],
    [463, 1009, 172]
  ],
  'sample6.jpg': [
    [761, 474, 160],
    [1274, 445, 188],
    [1593, 411, 212],
    [355, 613, 210]
  ]
}

/** @param width scaled to, when given */
export async function readPhoto(name: string, width?: number): Promise<Pixels & { data: Uint8Array<ArrayBuffer> }> {
  const picture = sharp(join(faceApi, 'demo', name)).removeAlpha()
  if (width) picture.resize({ width })
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data: new Uint8Array(data) }
}

export const isAt = (box: Box, [x, y, width]: readonly [number, number, number]): boolean =>
  Math.abs(box.x + box.width / 2 - x) < width / 4 &&
  Math.abs(box.y + box.height / 2 - y) < width / 3 &&
  box.width > width / 2 &&
  box.width < width * 1.6
