/** What the readings of the landmark net (face-probes.ts) are fitted on: faces drawn and real, turned, and under all that may lie on them. */
import type { Box } from '#painlens/core/types.js'
import { centreOf } from '#painlens/lib/face/boxes.js'
import { landmarkSide, lookOnce, markOnce, squareAround } from '#painlens/lib/face/look.js'
import type { FaceNetworks } from '#painlens/lib/face/networks.js'
import { regionsOf } from '#painlens/lib/face/regions.js'
import type { Pixels } from '#painlens/lib/face/similarity.js'
import { inTurn, pointsToFrame, toFrame, turned } from '#painlens/lib/face/similarity.js'
import { createRandom, type Random } from '#painlens/lib/random.js'
import {
  createElder,
  createIdentity,
  expressions,
  expressionUnits,
  type Identity,
  type Rendered,
  randomLight,
  randomPose,
  renderPortrait
} from '#painlens/show/render/index.js'
import { type Cover, cover, covers, ornaments } from '../bench/covers/index.js'
import { facePhotos, photoEyes, photoFaces } from '../bench/face-pictures.js'
import { turnFace } from '../bench/rolls.js'
import { turnPortrait } from '../bench/rolls-rendered.js'
import { inTone, type Tone } from '../bench/tones.js'
import type { Sample } from './ridge.js'

/** Residents that no test and no bench draws. */
const firstSeed = 700_000
const firstElder = 750_000
/** Elders beside each resident. */
const eldersShare = 0.5
/** A face counts as upright within the first angle, as turned beyond the second, in degrees. */
const [uprightWithin, turnedBeyond] = [25, 40]
const rolls = Array.from({ length: 24 }, (_, i) => 15 * i)
/** How many of the faces that may be covered are seen without colour, and how many in another of `tones`. */
const greyShare = 0.2
const toneShare = 0.4
/** Many draws of each: what sets the limit is how few real faces there are. */
const photoKinds = Array.from({ length: 20 }, () => [...covers, ...ornaments, ...ornaments]).flat()
const anything = Array.from({ length: 6 }, () => 'anything' as const)
/** Clear masks and hands are most like the face below: the more of them are seen. */
const drawnKinds = [
  ...covers,
  ...Array.from({ length: 2 }, () => ['clear mask', 'hand'] as const).flat(),
  ...anything,
  ...Array.from({ length: 3 }, () => ornaments).flat()
]

/** Who is left out of a fit, and judged by it. */
interface Person {
  who: 'photo' | 'drawn'
  /** Each photograph is one, and so many parts of the residents. */
  fold: number
}

export interface CoverSample extends Sample, Person {
  kind: Cover
}

export interface FaceSamples {
  /** Of the landmark net's feature. */
  upright: Sample[]
  /** Of `regionsOf`. */
  covered: CoverSample[]
}

export const folds = Object.keys(photoFaces).length

const targetOf = (kind: Cover): number => ((ornaments as readonly string[]).includes(kind) ? -1 : 1)

/** @param progress is told how many people were drawn */
export async function collectSamples(
  networks: FaceNetworks,
  residents: number,
  progress: (people: number) => void
): Promise<FaceSamples> {
  const samples: FaceSamples = { upright: [], covered: [] }
  for (let i = 0; i < residents; i++) {
    await addPerson(networks, createIdentity(firstSeed + i), i, samples)
    progress(i + 1)
  }
  // What stands upright is learnt of the others; elders have furrows that are no cover.
  for (let i = 0; i < residents * eldersShare; i++) {
    const { covered } = samples
    await addPerson(networks, createElder(firstElder + i), i, { upright: null, covered })
    progress(residents + i + 1)
  }
  await addPhotos(networks, samples.covered)
  return samples
}

type Places = Pick<FaceSamples, 'covered'> & { upright: Sample[] | null }

async function addPerson(networks: FaceNetworks, identity: Identity, i: number, samples: Places): Promise<void> {
  const { seed } = identity
  const random = createRandom(seed)
  const units = expressionUnits(expressions[i % expressions.length]!, random.uniform(0.2, 1), random)
  const pose = randomPose(random)
  const resident = {
    identity,
    units,
    pose,
    light: randomLight(random),
    faceSize: random.uniform(80, 180),
    noise: random.uniform(0, 6),
    blur: random.uniform(0, 1),
    seed
  }
  const person = { who: 'drawn', fold: i % folds } as const
  const picture = await renderPortrait(resident)
  if (samples.upright) await addRolls(networks, { picture, roll: pose.roll }, random, samples.upright)
  await addCovered(networks, { picture, roll: pose.roll }, random, person, samples.covered)
  // The same person in another light, in a camera that is rolled: the whole picture is turned, for a drawn head turns only on its neck.
  const [portrait, roll] = [
    await renderPortrait({ ...resident, light: randomLight(random) }),
    random.uniform(-180, 180)
  ]
  await addCovered(networks, turnedScene(portrait, pose.roll, roll), random, person, samples.covered)
}

async function addRolls(networks: FaceNetworks, { picture, roll: own }: Scene, random: Random, samples: Sample[]) {
  for (const roll of rolls) {
    const seen = await see(networks, picture, picture.box, roll + random.uniform(-7, 7), random)
    if (!seen) continue
    const off = Math.abs(inTurn(own - seen.roll))
    const target = off < uprightWithin ? 1 : off > turnedBeyond ? -1 : 0
    if (target !== 0) samples.push({ features: seen.marks.feature, target })
  }
}

interface Scene {
  picture: Pick<Rendered, 'width' | 'height' | 'data' | 'box' | 'landmarks'>
  /** The face's own. */
  roll: number
}

/** A portrait, turned about its middle within a picture in which its corners fit. */
function turnedScene(portrait: Rendered, own: number, by: number): Scene {
  const side = Math.ceil(portrait.width * Math.SQRT2)
  const size = { width: side, height: side }
  const [from, to] = [portrait.width / 2, side / 2]
  const [cos, sin] = turned(1, 0, by)
  const way = { a: cos, b: sin, tx: to - (cos * from - sin * from), ty: to - (sin * from + cos * from) }
  const centre = toFrame(way, centreOf(portrait.box))
  const { width, height } = portrait.box
  const box = { x: centre.x - width / 2, y: centre.y - height / 2, width, height }
  const landmarks = pointsToFrame(way, portrait.landmarks)
  return { picture: { ...turnPortrait(portrait, by, size), box, landmarks }, roll: own + by }
}

async function addCovered(
  networks: FaceNetworks,
  { picture, roll }: Scene,
  random: Random,
  person: Person,
  samples: CoverSample[]
): Promise<void> {
  for (const kind of drawnKinds) {
    const data = await cover(picture, picture.landmarks, kind, random)
    const seenAt = roll + random.uniform(-8, 8)
    const features = await seeParts(networks, { ...picture, data }, picture.box, seenAt, random)
    if (features) samples.push({ ...person, kind, features, target: targetOf(kind) })
  }
}

/** What the landmark net makes of a face, found about where it is by a detector that looks at it turned. */
async function see(networks: FaceNetworks, picture: Pixels, box: Box, roll: number, random: Random) {
  const off = (): number => random.uniform(-0.08, 0.08) * box.width
  const centre = { x: box.x + box.width / 2 + off(), y: box.y + box.height / 2 + off() }
  const place = { centre, width: box.width * random.uniform(0.95, 1.2), height: box.height, roll }
  const look = await lookOnce(networks, picture, squareAround(place))
  return look && { ...(await markOnce(networks, picture, look.place)), roll }
}

/** The same of a face that something may cover, in one of the lights and by one of the cameras that there are. */
async function seeParts(networks: FaceNetworks, picture: Pixels, box: Box, roll: number, random: Random) {
  const toned = random.chance(toneShare)
    ? { ...picture, data: inTone(picture.data, random.pick(tones)(random)) }
    : picture
  const shown = random.chance(greyShare) ? { ...toned, data: greyed(toned.data, random) } : toned
  const seen = await see(networks, shown, box, roll, random)
  return seen && regionsOf(seen.marks, landmarkSide, shown, seen.landmarks)
}

/** Without them a shadow that is black is taken for a cover. */
const tones: readonly ((random: Random) => Tone)[] = [
  (random) => {
    const crushed = random.uniform(0.05, 0.28)
    return (level) => level - crushed
  },
  (random) => {
    const light = random.uniform(0.2, 0.8)
    return (level) => light * level
  },
  (random) => {
    const bleached = random.uniform(0.05, 0.25)
    return (level) => level + bleached
  },
  (random) => {
    const [contrast, grey] = [random.uniform(0.4, 0.8), random.uniform(0.2, 0.6)]
    return (level) => grey + contrast * (level - 0.5)
  },
  (random) => {
    const steep = random.uniform(1.1, 1.6)
    return (level) => 0.5 + steep * (level - 0.5)
  },
  (random) => {
    const gamma = random.uniform(0.5, 2.2)
    return (level) => level ** gamma
  }
]

/** Grey, with as much of its contrast, or down to 0.4 of it. */
function greyed(data: Uint8Array, random: Random): Uint8Array {
  const contrast = random.uniform(0.4, 1)
  const out = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i += 3) {
    const level = 0.5 * data[i]! + 0.35 * data[i + 1]! + 0.15 * data[i + 2]!
    out.fill(60 * (1 - contrast) * (5 / 3) + contrast * level, i, i + 3)
  }
  return out
}

/** Real faces, each upright and under every cover and ornament. */
async function addPhotos(networks: FaceNetworks, samples: CoverSample[]): Promise<void> {
  const random = createRandom(firstSeed)
  const names = Object.keys(photoFaces)
  let fold = -1
  for await (const photo of facePhotos()) {
    const name = names[++fold]!
    for (const [face, eyes] of photoEyes[name]!.entries()) {
      // In profile half a face is hidden by the other.
      if (!eyes) continue
      const scene = turnFace(photo, face, name, { roll: 0, size: { width: 480, height: 480 } })
      const box = { x: 240 - 70, y: 240 - 95, width: 140, height: 190 }
      const plain = await see(networks, scene, box, scene.roll, random)
      if (!plain) continue
      for (const kind of photoKinds) {
        const data = await cover(scene, plain.landmarks, kind, random)
        const roll = scene.roll + random.uniform(-8, 8)
        const features = await seeParts(networks, { ...scene, data }, box, roll, random)
        if (features) samples.push({ who: 'photo', fold, kind, features, target: targetOf(kind) })
      }
    }
  }
}
