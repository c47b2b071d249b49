import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultMinScore } from '../../../src/lib/face/boxes.js'
import { FaceNetworks } from '../../../src/lib/face/networks.js'
import { type FoundFace, searchFaces } from '../../../src/lib/face/search.js'
import { quarterTurned, shrink } from '../../../src/lib/face/shrink.js'
import { inTurn, type Pixels, toFrame } from '../../../src/lib/face/similarity.js'
import { allSweeps } from '../../../src/lib/face/sweeps.js'
import { CameraTracks } from '../../../src/lib/face/tracker.js'
import { createRandom } from '../../../src/lib/random.js'
import {
  createIdentity,
  expressionUnits,
  randomLight,
  randomPose,
  renderPortrait
} from '../../../src/show/render/index.js'
import { cover } from '../../../tools/bench/covers/index.js'
import { judge, turnFace } from '../../../tools/bench/rolls.js'
import { turnPortrait } from '../../../tools/bench/rolls-rendered.js'
import { faceModels } from '../../support/face-models.js'
import { readPhoto } from './photos.js'

let networks: FaceNetworks
beforeAll(async () => {
  networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
})
afterAll(() => networks.close())

const once = { minScore: defaultMinScore, around: [], sweeps: allSweeps }

/** What becomes of a face of a photograph, turned, in a picture that is alone. */
async function outcomeOf(name: string, which: number, roll: number) {
  const scene = turnFace(await readPhoto(name), which, name, { roll })
  return judge(scene, await searchFaces(networks, scene, once))
}

/** Frames of a camera, one after the other, until a face is found in one. */
async function firstSeen(picture: Pixels, frames: number): Promise<{ face: FoundFace | undefined; frame: number }> {
  const tracks = new CameraTracks()
  for (let frame = 0; frame < frames; frame++) {
    const plan = tracks.plan('bed', picture, 200 * frame)
    const faces = await searchFaces(networks, picture, { minScore: defaultMinScore, ...plan })
    tracks.update('bed', faces, 200 * frame)
    if (faces[0]) return { face: faces[0], frame }
  }
  return { face: undefined, frame: frames }
}

describe('a face at any roll', () => {
  it('is found, cut out upright, with both eyes in their places, and is usable', async () => {
    const photo = await readPhoto('sample6.jpg')
    for (const roll of [30, 90, 135, 180, 255, 345]) {
      const scene = turnFace(photo, 1, 'sample6.jpg', { roll })
      const outcome = judge(scene, await searchFaces(networks, scene, once))
      expect(outcome, `${roll}°`).toMatchObject({ found: true, upright: true, eyes: true, usable: true })
    }
  })

  it.each([
    ['sample2.jpg', 1, 45],
    ['sample2.jpg', 1, 270]
  ] as const)(
    'is found in a picture that no other follows where the finder hardly proposes it: %s, face %i, %i°',
    async (name, which, roll) => {
      expect(await outcomeOf(name, which, roll)).toMatchObject({ found: true, upright: true, eyes: true, others: 0 })
    }
  )

  it.each([
    ['sample5.jpg', 2, 60],
    ['sample4.jpg', 1, 240]
  ] as const)(
    'has both eyes in their places where one view of it misses them: %s, face %i, %i°',
    async (name, which, roll) => {
      expect(await outcomeOf(name, which, roll)).toMatchObject({ found: true, eyes: true })
    }
  )

  it('is found upright where it has a beard and hangs upside down, so that the beard looks like hair', async () => {
    const seed = 960_012
    const random = createRandom(seed)
    const pose = randomPose(random)
    const units = expressionUnits('neutral', random.uniform(0.2, 1), random)
    const about = { units, pose, light: randomLight(random), faceSize: 140, noise: 3, seed }
    const portrait = await renderPortrait({ identity: createIdentity(seed), ...about })
    const data = await cover(portrait, portrait.landmarks, 'beard', createRandom(seed))
    const picture = turnPortrait({ ...portrait, data }, 180, { width: 400, height: 400 })
    const [face] = await searchFaces(networks, picture, once)
    expect(Math.abs(inTurn(face!.roll - 180 - pose.roll))).toBeLessThan(15)
    expect(face!.whyNot).toBeNull()
  })

  it('turns with the picture: quarter turns give the same faces', async () => {
    const photo = await readPhoto('sample3.jpg', 960)
    const upright = await searchFaces(networks, photo, once)
    expect(upright).toHaveLength(3)
    let turned = shrink(photo, 1)
    for (const turn of [90, 180, 270]) {
      turned = quarterTurned({ ...turned, toFrame: { a: 1, b: 0, tx: 0, ty: 0 } })
      const faces = await searchFaces(networks, turned, once)
      expect(faces).toHaveLength(3)
      for (const face of upright) {
        let place = face.place.centre
        for (let i = 0; i < turn / 90; i++) place = turnedPlace(place, i, photo)
        const same = faces.find(
          ({ place: { centre } }) => Math.hypot(centre.x - place.x, centre.y - place.y) < 0.35 * face.place.width
        )
        expect(same, `${turn}°`).toBeDefined()
        expect(Math.abs(inTurn(same!.roll - face.roll + turn))).toBeLessThan(6)
        expect(same!.whyNot).toBe(face.whyNot)
      }
    }
  })

  it('is seen by a camera within a second, though each frame takes a part of the turns', async () => {
    const photo = await readPhoto('sample5.jpg')
    for (const roll of [0, 90, 180, 270]) {
      const { face, frame } = await firstSeen(turnFace(photo, 2, 'sample5.jpg', { roll }), 6)
      expect(face, `${roll}°`).toBeDefined()
      expect(frame).toBeLessThan(6)
      expect(face!.whyNot).toBeNull()
    }
  })

  it('is found upright within two seconds where it was followed as if it were turned otherwise', async () => {
    const photo = await readPhoto('sample4.jpg')
    for (const wrong of [90, 180, -90]) {
      const scene = turnFace(photo, 0, 'sample4.jpg', { roll: 0 })
      const isMiddle = ({ place: { centre } }: FoundFace): boolean =>
        Math.hypot(centre.x - scene.centre.x, centre.y - scene.centre.y) < 50
      const known = (await searchFaces(networks, scene, once)).find(isMiddle)!
      const tracks = new CameraTracks()
      tracks.plan('bed', scene, 0)
      tracks.update('bed', [{ ...known, place: { ...known.place, roll: inTurn(known.roll + wrong) } }], 0)
      let face: FoundFace | undefined
      for (let at = 200; at <= 2000 && face?.whyNot !== null; at += 200) {
        const plan = tracks.plan('bed', scene, at)
        const faces = await searchFaces(networks, scene, { minScore: defaultMinScore, ...plan })
        tracks.update('bed', faces, at)
        face = faces.find(isMiddle)
      }
      expect(face?.whyNot, `${wrong}°`).toBeNull()
      expect(Math.abs(inTurn(face!.roll - known.roll))).toBeLessThan(10)
    }
  })

  it('is looked for as it was turned once it is known, with a single look', async () => {
    const photo = await readPhoto('sample5.jpg')
    const scene = turnFace(photo, 2, 'sample5.jpg', { roll: 180 })
    const isMiddle = ({ place: { centre } }: FoundFace): boolean =>
      Math.hypot(centre.x - scene.centre.x, centre.y - scene.centre.y) < 50
    const known = (await searchFaces(networks, scene, once)).find(isMiddle)
    let looks = 0
    const counting = Object.create(networks, {
      detect: {
        value: (...all: Parameters<FaceNetworks['detect']>) => {
          looks++
          return networks.detect(...all)
        }
      }
    }) as FaceNetworks
    const around = [known!.place]
    const faces = await searchFaces(counting, scene, { minScore: defaultMinScore, around, sweeps: [] })
    expect(faces).toHaveLength(1)
    expect(Math.abs(inTurn(faces[0]!.roll - scene.roll))).toBeLessThan(10)
    expect(looks).toBe(1)
  })
})

/** Where a point of a picture lies in the one that `quarterTurned` makes of it. */
function turnedPlace({ x, y }: { x: number; y: number }, turns: number, { width, height }: Pixels) {
  const across = turns % 2 === 0 ? width : height
  const back = toFrame({ a: 0, b: 1, tx: across, ty: 0 }, { x: y, y: across - x })
  expect(back.x).toBeCloseTo(x)
  return { x: y, y: across - x }
}
