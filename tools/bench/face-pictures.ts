/** Pictures for the face bench: rendered residents in bed, and face-api's photographs. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import type { Box, Size } from '#painlens/core/types.js'
import { createRandom } from '#painlens/lib/random.js'
import {
  createIdentity,
  createScene,
  expressions,
  expressionUnits,
  randomLight,
  randomPose
} from '#painlens/show/render/index.js'

type Picture = Size & { data: Uint8Array<ArrayBuffer> }

/** What the scenes of one column show. */
export interface Scenario {
  name: string
  /** The face's width in pixels, at 1280x720; null is an empty bed. */
  faceSize: number | null
  /** What is left of the light; 1 unless given. */
  exposure?: number
  /** Without colour, as cameras are at night. */
  grey?: boolean
}

export const scenarios: readonly Scenario[] = [
  { name: '60 px', faceSize: 60 },
  { name: '80 px', faceSize: 80 },
  { name: '140 px', faceSize: 140 },
  { name: '220 px', faceSize: 220 },
  { name: '400 px', faceSize: 400 },
  { name: '140 px, dark', faceSize: 140, exposure: 0.15 },
  { name: '140 px, grey', faceSize: 140, grey: true },
  { name: 'empty bed', faceSize: null },
  { name: 'empty bed, dark and grey', faceSize: null, exposure: 0.15, grey: true }
]

export interface FaceScene extends Picture {
  scenario: Scenario
  /** 0 the lightest skin, 1 the darkest. */
  tone: number
  box: Box | undefined
}

const frame = { width: 1280, height: 720 }
/** Identities that no training and no test uses. */
const firstSeed = 900_000

/** Residents of evenly spread skin tones, their faces somewhere in the frame, in light, pose and noise that vary. */
export async function* faceScenes(scenario: Scenario, count: number): AsyncGenerator<FaceScene> {
  const { faceSize: size } = scenario
  for (let i = 0; i < count; i++) {
    const seed = firstSeed + 1000 * (size ?? 0) + i
    const tone = (i + 0.5) / count
    const random = createRandom(seed)
    const faceSize = size ?? 160
    const margin = 0.7 * faceSize
    const y = size ? random.uniform(margin, frame.height - margin) : -2 * faceSize
    const scene = await createScene({
      ...frame,
      identity: createIdentity(seed, { tone }),
      centre: { x: random.uniform(margin, frame.width - margin), y },
      faceSize,
      light: randomLight(random)
    })
    const units = expressionUnits(expressions[i % expressions.length]!, random.uniform(0.2, 1), random)
    const look = { pose: randomPose(random), noise: random.uniform(0, 6), blur: random.uniform(0, 1), seed }
    const { data, box } = await scene.render({ units, ...look, into: new Uint8Array(3 * frame.width * frame.height) })
    expose(data, scenario)
    yield { ...frame, data: data as Uint8Array<ArrayBuffer>, scenario, tone, box: size ? box : undefined }
  }
}

/** Takes light and colour away. */
export function expose(data: Uint8Array, { exposure = 1, grey = false }: Pick<Scenario, 'exposure' | 'grey'>): void {
  for (let at = 0; at < data.length; at += 3) {
    const [red, green, blue] = [data[at]! * exposure, data[at + 1]! * exposure, data[at + 2]! * exposure]
    const luma = 0.299 * red + 0.587 * green + 0.114 * blue
    data[at] = grey ? luma : red
    data[at + 1] = grey ? luma : green
    data[at + 2] = grey ? luma : blue
  }
}

const faceApi = dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'))
export const photoFolder = join(faceApi, 'demo')

/** x, y, width, height of the 22 faces in the demo photographs. */
export const photoFaces: Record<string, readonly (readonly [number, number, number, number])[]> = {
  'sample1.jpg': [
    [414, 355, 177, 240],
    [838, 421, 186, 228],
    [1476, 199, 203, 241]
  ],
  'sample2.jpg': [
    [1447, 153, 194, 242],
    [902, 220, 151, 233],
    [361, 126, 153, 259]
  ],
  'sample3.jpg': [
    [585, 329, 199, 271],
    [1514, 292, 170, 280],
    [1075, 215, 220, 299]
  ],
  'sample4.jpg': [
    [664, 53, 187, 258],
    [257, 185, 162, 245],
    [989, 180, 169, 227],
    [1277, 144, 145, 244]
  ],
  'sample5.jpg': [
    [787, 109, 156, 212],
    [1113, 198, 158, 236],
    [1406, 390, 165, 271],
    [598, 415, 166, 249],
    [377, 859, 172, 301]
  ],
  'sample6.jpg': [
    [681, 321, 160, 307],
    [1180, 305, 188, 280],
    [1487, 263, 212, 296],
    [250, 468, 210, 291]
  ]
}

/**
 * The eyes of these faces, x and y of the right one and of the left one: the middle of what the landmark net says of twelve
 * views of each, looked over by eye. The last face of sample2.jpg is in profile and shows one, which says nothing of its roll.
 */
export const photoEyes: Record<string, readonly (readonly [number, number, number, number] | null)[]> = {
  'sample1.jpg': [
    [438, 454, 513, 458],
    [869, 551, 938, 514],
    [1554, 280, 1614, 339]
  ],
  'sample2.jpg': [[1482, 277, 1561, 253], [949, 339, 1033, 333], null],
  'sample3.jpg': [
    [626, 431, 719, 432],
    [1558, 409, 1648, 401],
    [1115, 319, 1210, 338]
  ],
  'sample4.jpg': [
    [712, 150, 777, 185],
    [323, 314, 389, 285],
    [1005, 274, 1076, 288],
    [1313, 233, 1376, 266]
  ],
  'sample5.jpg': [
    [845, 192, 918, 203],
    [1147, 294, 1223, 292],
    [1438, 509, 1517, 497],
    [681, 514, 748, 514],
    [426, 991, 521, 980]
  ],
  'sample6.jpg': [
    [703, 455, 790, 448],
    [1228, 427, 1325, 428],
    [1529, 371, 1627, 393],
    [324, 607, 422, 595]
  ]
}

export async function* facePhotos(): AsyncGenerator<Picture & { faces: Box[] }> {
  for (const [name, boxes] of Object.entries(photoFaces)) {
    const { data, info } = await sharp(join(photoFolder, name))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    const faces = boxes.map(([x, y, width, height]) => ({ x, y, width, height }))
    yield { width: info.width, height: info.height, data: new Uint8Array(data), faces }
  }
}
