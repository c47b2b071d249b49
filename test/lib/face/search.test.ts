import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultMinScore, overlap } from '../../../src/lib/face/boxes.js'
import { FaceNetworks } from '../../../src/lib/face/networks.js'
import { type SearchOptions, searchFaces } from '../../../src/lib/face/search.js'
import { uprightIn } from '../../../src/lib/face/similarity.js'
import { allSweeps } from '../../../src/lib/face/sweeps.js'
import { createRandom } from '../../../src/lib/random.js'
import {
  createIdentity,
  createScene,
  expressions,
  expressionUnits,
  type Rendered,
  randomLight,
  randomPose
} from '../../../src/show/render/index.js'
import { expose } from '../../../tools/bench/face-pictures.js'
import { faceModels } from '../../support/face-models.js'
import { facesOf, isOn, photoNames, readPhoto } from './photos.js'

const everywhere: SearchOptions = { minScore: defaultMinScore, around: [], sweeps: allSweeps }

let networks: FaceNetworks
beforeAll(async () => {
  networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
})
afterAll(() => networks.close())

const search = (picture: { width: number; height: number; data: Uint8Array }, options = everywhere) =>
  searchFaces(networks, picture, options)

/** A resident in bed, somewhere in 1280x720; a face of 0 px leaves the bed empty. */
async function inBed(faceSize: number, seed: number, tone?: number): Promise<Rendered> {
  const random = createRandom(seed)
  const identity = createIdentity(seed, tone === undefined ? undefined : { tone })
  const empty = faceSize === 0
  const centre = { x: 300 + ((seed * 97) % 680), y: empty ? -300 : 220 + ((seed * 53) % 260) }
  const size = { width: 1280, height: 720 }
  const scene = await createScene({ ...size, identity, centre, faceSize: faceSize || 140, light: randomLight(random) })
  const units = expressionUnits(expressions[seed % expressions.length]!, 0.8, random)
  return scene.render({ units, pose: randomPose(random), noise: 4, blur: 0.4, seed })
}

describe('the face search', () => {
  it.each([
    [1, 4096],
    [4096, 1],
    [3, 700],
    [1, 1]
  ])('a picture of %i x %i pixels shows no face, and fails no model', async (width, height) => {
    expect(await search({ width, height, data: new Uint8Array(width * height * 3).fill(90) })).toEqual([])
  })

  it('all 22 faces of six photographs are found and nothing else, at full and at half size', async () => {
    let found = 0
    for (const name of photoNames)
      for (const width of [1920, 960]) {
        const faces = await search(await readPhoto(name, width))
        for (const place of facesOf(name, width)) {
          expect(
            faces.filter(({ box }) => isOn(box, place)),
            `${name} at ${width}: ${place.x}`
          ).toHaveLength(1)
          found++
        }
        expect(faces, `${name} at ${width}`).toHaveLength(facesOf(name).length)
      }
    expect(found).toBe(44)
  })

  it('rendered residents of every skin tone are found at 80, 140 and 220 px', async () => {
    const missed: string[] = []
    for (const size of [80, 140, 220])
      for (const [i, tone] of [0, 0.25, 0.5, 0.75, 0.9, 1].entries()) {
        const rendered = await inBed(size, 100 * size + i, tone)
        const faces = await search(rendered)
        if (!faces.some(({ box }) => overlap(box, rendered.box) > 0.4)) missed.push(`${size} px, tone ${tone}`)
        expect(faces.length).toBeLessThanOrEqual(1)
      }
    expect(missed).toEqual([])
  })

  it('residents of every skin tone are found with a seventh of the light and in grey', async () => {
    for (const [i, tone] of [0, 0.5, 1].entries())
      for (const change of [{ exposure: 1 / 7 }, { grey: true }]) {
        const rendered = await inBed(140, 320 + i, tone)
        expose(rendered.data, change)
        const faces = await search(rendered)
        const right = faces.filter(({ box }) => overlap(box, rendered.box) > 0.4)
        expect(right, `tone ${tone}, ${JSON.stringify(change)}`).toHaveLength(1)
      }
  })

  it('no face is found in an empty bed, by day or by night', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const empty = await inBed(0, seed)
      expect(await search(empty)).toEqual([])
      expose(empty.data, { exposure: 1 / 7, grey: true })
      expect(await search(empty)).toEqual([])
    }
  })

  it('a face is found in a rotated frame and in a mostly masked one', async () => {
    const rendered = await inBed(140, 12, 0.8)
    const { box } = rendered
    const tall = { width: 400, height: 720, data: new Uint8Array(400 * 720 * 3) }
    const left = Math.round(Math.min(Math.max(box.x - 150, 0), 880))
    for (let row = 0; row < 720; row++)
      tall.data.set(rendered.data.subarray((row * 1280 + left) * 3, (row * 1280 + left + 400) * 3), row * 1200)
    const cut = { ...box, x: box.x - left }
    expect((await search(tall)).map((face) => overlap(face.box, cut) > 0.4)).toEqual([true])
    const masked = { ...rendered, data: new Uint8Array(rendered.data.length) }
    for (let row = Math.max(0, Math.round(box.y - 60)); row < Math.min(720, box.y + 220); row++)
      masked.data.set(tall.data.subarray(row * 1200, row * 1200 + 1200), (row * 1280 + left) * 3)
    expect((await search(masked)).map((face) => overlap(face.box, box) > 0.4)).toEqual([true])
  })

  it('the landmarks of eyes, nose and mouth are where these were drawn', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const rendered = await inBed(180, seed)
      const [face] = await search(rendered)
      const { landmarks: truth } = rendered
      const eyes = Math.hypot(truth[90]! - truth[72]!, truth[91]! - truth[73]!)
      const errors = [30, 36, 39, 42, 45, 48, 54].map((point) =>
        Math.hypot(
          face!.landmarks[2 * point]! - truth[2 * point]!,
          face!.landmarks[2 * point + 1]! - truth[2 * point + 1]!
        )
      )
      for (const error of errors) expect(error / eyes).toBeLessThan(0.25)
    }
  })

  it('a known face that moved is found near its place, and in the whole frame if it is not there', async () => {
    const rendered = await inBed(140, 9)
    const { box } = rendered
    const near = (dx: number): SearchOptions => ({
      minScore: defaultMinScore,
      around: [uprightIn({ ...box, x: box.x + dx })],
      sweeps: [],
      ifLost: allSweeps
    })
    for (const options of [near(0), near(box.width / 2), near(box.width * 6)]) {
      const faces = await search(rendered, options)
      expect(faces).toHaveLength(1)
      expect(overlap(faces[0]!.box, box)).toBeGreaterThan(0.5)
    }
    const twice = {
      minScore: defaultMinScore,
      around: [uprightIn(box), uprightIn({ ...box, x: box.x + 5 })],
      sweeps: allSweeps
    }
    expect(await search(rendered, twice)).toHaveLength(1)
  })
})
