/** Nights of drawn elders, whose faces at rest have furrows, drooped lids or a set mouth, and of the same people without these. */
import type { Size } from '#painlens/core/types.js'
import { alignFace } from '#painlens/lib/face/align.js'
import { createRandom } from '#painlens/lib/random.js'
import { createElder, createIdentity, createScene, type Identity } from '#painlens/show/render/index.js'
import { type Day, daySeconds, poseAt, stretchAt, unitsAt } from '#painlens/show/simulate/day.js'
import type { RenderedCrop } from '../train/data-set.js'
import { planSample, splits } from '../train/recipe.js'
import { jitterEyes } from '../train/render-crops.js'

export const groups = ['elders', 'without the marks'] as const
export type Group = (typeof groups)[number]

const fps = 2
const size = { width: 300, height: 300 }
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

/** The crops of the first people of the split, two a second, with the errors of a landmark network. */
export async function* nightCrops(group: Group, people: number, crop: Size): AsyncGenerator<RenderedCrop> {
  for (let person = 0; person < people; person++) yield* nightOf(group, person, crop)
}

async function* nightOf(group: Group, person: number, crop: Size): AsyncGenerator<RenderedCrop> {
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
    const { data } = alignFace(picture, jitterEyes(picture.landmarks, random), crop)
    const facts = { subject, label: expression, video: `${subject}.mp4`, time_s }
    yield { ...facts, ...(expression !== 'neutral' && { intensity: Number(intensity.toFixed(3)) }), data }
  }
}
