/** Rendered faces of held-out people, found and cut out as the daemon does it, with what is true about each. */
import type { Crop } from '#painlens/core/types.js'
import { alignFace, pointsInCrop } from '#painlens/lib/face/align.js'
import { defaultMinScore } from '#painlens/lib/face/boxes.js'
import { FaceNetworks } from '#painlens/lib/face/networks.js'
import { searchFaces } from '#painlens/lib/face/search.js'
import { allSweeps } from '#painlens/lib/face/sweeps.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { createRandom } from '#painlens/lib/random.js'
import { fillPolygon } from '#painlens/stages/explain/regions.js'
import { labels, planSample, type SamplePlan, type Split, splits } from '../../train/recipe.js'
import { jitterEyes, renderPicture } from '../../train/render-crops.js'
import { faceModels } from '../models.js'

export interface KnownFace {
  /** The person, as a number of the split. */
  identity: number
  plan: SamplePlan
  crop: Crop
  /** The same face in the same picture, cut out of it by landmarks with errors of their own. */
  again: Crop[]
  /** Per pixel of the crop: 1 where an active unit moved the face, else 0. */
  moved: Uint8Array
  /** The landmark network's 68 points, and those of the drawing, both in pixels of the picture. */
  found: Float32Array
  drawn: Float32Array
}

/** The index of the label of what a face shows; -1 at rest. */
export const truthOf = ({ expression }: SamplePlan): number => (labels as readonly string[]).indexOf(expression)

/** Errors of landmarks are drawn from another source than those that the training draws for the same picture. */
const againSeed = 0x10000000

export interface FacesOptions {
  split: Split
  identities: number
  manifest: Manifest
  /** How many other cuts of each face, for what needs an independent look. */
  again: number
}

/** All samples of a split's first people in which the detector finds the face. */
export async function* knownFaces({ split, identities, manifest, again }: FacesOptions): AsyncGenerator<KnownFace> {
  const networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
  try {
    for (let identity = 0; identity < identities; identity++) {
      for (let sample = 0; sample < splits[split].samples; sample++) {
        const face = await knownFace(networks, planSample(split, identity, sample), manifest, again)
        if (face) yield { identity, ...face }
      }
    }
  } finally {
    await networks.close()
  }
}

async function knownFace(
  networks: FaceNetworks,
  plan: SamplePlan,
  { input, alignment }: Manifest,
  again: number
): Promise<Omit<KnownFace, 'identity'> | undefined> {
  const { width, height, landmarks: drawn, moved, ...picture } = await renderPicture(plan)
  const frame = { width, height, data: Uint8Array.from(picture.data) }
  const options = { minScore: defaultMinScore, around: [], sweeps: allSweeps }
  const [face] = await searchFaces(networks, frame, options)
  if (!face) return undefined
  const { landmarks: found } = face
  const random = createRandom(plan.seed + againSeed)
  const mask = new Uint8Array(input.width * input.height)
  for (const { polygon } of moved) fillPolygon(mask, input, pointsInCrop(polygon, found, input, alignment), 1)
  return {
    plan,
    crop: alignFace(frame, found, input, alignment),
    again: Array.from({ length: again }, () => alignFace(frame, jitterEyes(found, random), input, alignment)),
    moved: mask,
    found,
    drawn
  }
}
