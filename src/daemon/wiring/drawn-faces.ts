/** Drawn faces, by which a model is tried on this machine: no picture of a person is kept for that. */
import type { Crop } from '../../core/types.js'
import { alignFace } from '../../lib/face/align.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { createRandom } from '../../lib/random.js'
import {
  createIdentity,
  type Expression,
  expressionUnits,
  randomLight,
  randomPose,
  renderPortrait
} from '../../show/render/index.js'

type Cut = Pick<Manifest, 'input' | 'alignment'>

/** A face in pain, cut out as the manifest says. */
export function faceInPain(manifest: Cut): Promise<Crop> {
  return drawn(manifest, { seed: 1, expression: 'pain', intensity: 1 })
}

const shown = ['neutral', 'pain', 'disgust', 'happiness'] as const
const intensities = [0.35, 0.6, 0.9]
/** So many persons with each of the expressions. */
const persons = 6
/** Where no model of painlens was trained. */
const firstSeed = 900_000

/** 24 faces of different persons, expressions, poses and light, always the same: RGB24 of the manifest's size. */
export async function proofCrops(manifest: Cut): Promise<Uint8Array[]> {
  const crops: Uint8Array[] = []
  for (let i = 0; i < persons * shown.length; i++) {
    const seed = firstSeed + i
    const look = { seed, expression: shown[i % shown.length]!, intensity: intensities[i % intensities.length]! }
    crops.push((await drawn(manifest, { ...look, random: true })).data)
  }
  return crops
}

interface Look {
  seed: number
  expression: Expression
  intensity: number
  /** Its pose and light, too, go by the seed. */
  random?: boolean
}

/** Larger faces take longer to draw and say no more about a model. */
const mostPixels = 160

async function drawn({ input, alignment }: Cut, { seed, expression, intensity, random }: Look): Promise<Crop> {
  const draw = createRandom(seed)
  const portrait = await renderPortrait({
    identity: createIdentity(seed),
    units: expressionUnits(expression, intensity, draw),
    faceSize: Math.min(mostPixels, Math.max(input.width, input.height)),
    ...(random && { pose: randomPose(draw), light: randomLight(draw), noise: 2.5 })
  })
  return alignFace(portrait, portrait.landmarks, input, alignment)
}
