/** Nights of drawn elders, whose faces at rest have furrows, drooped lids or a set mouth, and of the same people without these. */
import type { Size } from '#painlens/core/types.js'
import { alignFace } from '#painlens/lib/face/align.js'
import { centreOf } from '#painlens/lib/face/boxes.js'
import { look, mark, squareAround } from '#painlens/lib/face/look.js'
import { FaceNetworks } from '#painlens/lib/face/networks.js'
import { createRandom } from '#painlens/lib/random.js'
import { createElder, createIdentity, createScene, type Identity, type Rendered } from '#painlens/show/render/index.js'
import { type Day, daySeconds, poseAt, stretchAt, unitsAt } from '#painlens/show/simulate/day.js'
import type { RenderedCrop } from '../train/data-set.js'
import { planSample, splits } from '../train/recipe.js'
import { faceModels } from './models.js'

export const groups = ['elders', 'without the marks'] as const
export type Group = (typeof groups)[number]

const fps = 2
const size = { width: 300, height: 300 }
/** librsvg runs in libuv's threads while JavaScript draws the next face. */
const atOnce = 4
/** Of each stretch, in seconds: at rest, and of each expression between. */
const lengths = { rest: 25, shown: 10 }

function identityOf(group: Group, seed: number): Identity {
  const elder = createElder(seed)
  return group === 'elders' ? elder : createIdentity(seed, { age: elder.age })
}

/** At rest in between, so that there is rest before and after each expression. */
function dayOf(seed: number): Day {
  const random = createRandom(seed)
  const rest = { expression: 'neutral' as const, intensity: 0, seconds: lengths.rest }
  const stretches = (['pain', 'happiness', 'pain', 'disgust'] as const).flatMap((expression) => [
    rest,
    { expression, intensity: random.uniform(...splits.elders.intensity), seconds: lengths.shown }
  ])
  return { stretches, loop: false, seed }
}

/** The crops of the first people of the split, two a second, cut out as the daemon cuts a known face out. */
export async function* nightCrops(group: Group, people: number, crop: Size): AsyncGenerator<RenderedCrop> {
  const networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
  try {
    for (let first = 0; first < people; first += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, people - first) }, (_, i) => first + i)
      for (const night of await Promise.all(some.map((person) => nightOf(group, person, crop, networks)))) yield* night
    }
  } finally {
    await networks.close()
  }
}

async function nightOf(group: Group, person: number, crop: Size, networks: FaceNetworks): Promise<RenderedCrop[]> {
  const { light, noise, blur, seed } = planSample('elders', person, 0)
  const random = createRandom(seed)
  const subject = `e${String(person + 1).padStart(3, '0')}`
  const day = dayOf(seed)
  const scene = await createScene({
    ...size,
    identity: identityOf(group, splits.elders.firstIdentity + person),
    light,
    centre: { x: 150, y: 150 },
    faceSize: random.uniform(70, 110)
  })
  const crops: RenderedCrop[] = []
  for (let frame = 0; frame < daySeconds(day) * fps; frame++) {
    const time_s = frame / fps
    const { expression, intensity } = stretchAt(day, time_s).stretch
    const picture = await scene.render({
      units: unitsAt(day, time_s),
      pose: poseAt(seed, time_s),
      noise,
      blur,
      seed: seed + frame
    })
    const landmarks = await landmarksOf(picture, networks)
    if (landmarks === null) continue
    const { data } = alignFace(picture, landmarks, crop)
    const facts = { subject, label: expression, video: `${subject}.mp4`, time_s }
    crops.push({ ...facts, ...(expression !== 'neutral' && { intensity: Number(intensity.toFixed(3)) }), data })
  }
  return crops
}

/** What the daemon's networks mark where the face is known to be; null where they do not find it. */
async function landmarksOf({ box, ...picture }: Rendered, networks: FaceNetworks): Promise<Float32Array | null> {
  const place = { centre: centreOf(box), width: box.width, height: box.height, roll: 0 }
  const seen = await look(networks, picture, squareAround(place))
  return seen ? (await mark(networks, picture, seen.place)).landmarks : null
}
