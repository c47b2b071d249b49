import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UnusableReason } from '../../../src/core/types.js'
import { defaultMinScore } from '../../../src/lib/face/boxes.js'
import { relight } from '../../../src/lib/face/light.js'
import { FaceNetworks } from '../../../src/lib/face/networks.js'
import { searchFaces } from '../../../src/lib/face/search.js'
import { sweeps } from '../../../src/lib/face/sweeps.js'
import { whyUnusable } from '../../../src/lib/face/usable.js'
import { createRandom } from '../../../src/lib/random.js'
import { type Cover, cover } from '../../../tools/bench/covers/index.js'
import { turnFace } from '../../../tools/bench/rolls.js'
import { faceModels } from '../../support/face-models.js'
import { readPhoto } from './photos.js'

let networks: FaceNetworks
beforeAll(async () => {
  networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
})
afterAll(() => networks.close())

const size = { width: 640, height: 480 }
const options = { minScore: defaultMinScore, around: [], sweeps: [sweeps.upright, sweeps.lying] }

/** A face of sample3.jpg in the middle of a frame, by that width. */
const scene = async (width = 140) =>
  turnFace(await readPhoto('sample3.jpg'), 0, 'sample3.jpg', { roll: 0, width, size })

async function middleFace(data: Uint8Array) {
  const faces = await searchFaces(networks, { ...size, data }, options)
  return faces.find(({ place: { centre } }) => Math.hypot(centre.x - 320, centre.y - 240) < 70)
}

describe('a face is usable', () => {
  it('plain, bearded and wrinkled, and not where something covers it', async () => {
    const { data } = await scene()
    const plain = (await middleFace(data))!
    const draw = async (kind: Cover) =>
      middleFace(await cover({ ...size, data }, plain.landmarks, kind, createRandom(3)))
    expect(plain.whyNot).toBeNull()
    for (const kind of ['beard', 'wrinkles'] as const) expect((await draw(kind))?.whyNot, kind).toBeNull()
    const reasons: (UnusableReason | undefined)[] = []
    for (const kind of ['oxygen mask', 'surgical mask', 'blanket', 'dark glasses', 'hand'] as const) {
      const face = await draw(kind)
      if (face) expect(face.whyNot, kind).not.toBeNull()
      reasons.push(face?.whyNot ?? undefined)
    }
    expect(reasons.filter((reason) => reason === 'covered').length).toBeGreaterThanOrEqual(3)
  })

  it('60 pixels wide, and not at 34', async () => {
    expect((await middleFace((await scene(60)).data))?.whyNot).toBeNull()
    const small = await middleFace((await scene(34)).data)
    if (small) expect(small.whyNot).toBe('small')
  })

  it('in focus, and not where it is smeared', async () => {
    const { data } = await scene()
    const raw = { ...size, channels: 3 as const }
    const smeared = await sharp(data, { raw }).blur(7).raw().toBuffer()
    const face = await middleFace(new Uint8Array(smeared))
    if (face) expect(face.whyNot).toBe('blurred')
  })

  it("with little light and a sensor's noise, and in a flat grey picture", async () => {
    const { data } = await scene()
    const random = createRandom(5)
    const clip = (value: number): number => Math.min(255, Math.max(0, value))
    const dim = data.map((value) => clip(value * 0.15 + random.normal(0, 8)))
    expect(await middleFace(dim)).toBeDefined()
    const infrared = new Uint8Array(data.length)
    for (let i = 0; i < data.length; i += 3) {
      const level = 0.5 * data[i]! + 0.35 * data[i + 1]! + 0.15 * data[i + 2]!
      infrared.fill(clip(60 + 0.4 * level + random.normal(0, 4)), i, i + 3)
    }
    expect((await middleFace(infrared))?.whyNot).toBeNull()
  })

  it('at each limit, and no further', () => {
    const place = { centre: { x: 0, y: 0 }, width: 100, height: 130, roll: 0 }
    const good = { place, upright: 0.5, covered: -0.5, sharpness: 0.8, turn: 0.2 }
    const limits: [UnusableReason, at: Partial<typeof good>, beyond: Partial<typeof good>][] = [
      ['small', { place: { ...place, width: 44 } }, { place: { ...place, width: 43.9 } }],
      ['dark', { sharpness: 1.84 }, { sharpness: 1.85 }],
      ['blurred', { sharpness: 0.35 }, { sharpness: 0.34 }],
      ['profile', { turn: 0.78 }, { turn: 0.79 }],
      ['roll', { upright: -0.2 }, { upright: -0.21 }]
    ]
    for (const [reason, at, beyond] of limits)
      expect([at, beyond].map((change) => whyUnusable({ ...good, ...change }))).toEqual([null, reason])
  })

  it('by each limit alone, the weightiest reason first', () => {
    const place = { centre: { x: 0, y: 0 }, width: 100, height: 130, roll: 0 }
    const good = { place, upright: 0.5, covered: -0.5, sharpness: 0.8, turn: 0.2 }
    expect(whyUnusable(good)).toBeNull()
    const worse: [UnusableReason, Partial<typeof good>][] = [
      ['small', { place: { ...place, width: 40 } }],
      ['dark', { sharpness: 2 }],
      ['blurred', { sharpness: 0.2 }],
      ['profile', { turn: 0.9 }],
      ['covered', { covered: 9 }],
      ['roll', { upright: -0.5 }]
    ]
    for (const [reason, change] of worse) {
      expect(whyUnusable({ ...good, ...change })).toBe(reason)
      // A value that is no number meets no limit.
      const key = Object.keys(change)[0]!
      const nan = key === 'place' ? { ...place, width: Number.NaN } : Number.NaN
      expect(whyUnusable({ ...good, [key]: nan })).toBe(key === 'sharpness' ? 'dark' : reason)
    }
    const all = Object.assign({}, good, ...worse.map(([, change]) => change).reverse())
    expect(whyUnusable(all)).toBe('small')
  })
})

describe('a picture for the nets', () => {
  it('is left as it is in ordinary light; a flat one gets contrast, a dark one less noise, black stays black', () => {
    const random = createRandom(7)
    const picture = (mean: number, deviation: number): Uint8Array =>
      Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) =>
        i < 96 ? 0 : Math.min(255, Math.max(1, Math.round(random.normal(mean, deviation))))
      )
    const spread = (data: Uint8Array): number => {
      const lit = data.slice(192)
      const mean = lit.reduce((sum, value) => sum + value, 0) / lit.length
      return Math.sqrt(lit.reduce((sum, value) => sum + (value - mean) ** 2, 0) / lit.length)
    }
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 180 }), fc.integer({ min: 45, max: 70 }), (mean, deviation) => {
        const before = picture(mean, deviation)
        const after = before.slice()
        relight(after, { width: 32, height: 32 })
        if (spread(before) > 42) expect(after).toEqual(before)
      }),
      { seed: 3, numRuns: 30 }
    )
    const flat = picture(100, 12)
    const flatBefore = spread(flat)
    relight(flat, { width: 32, height: 32 })
    expect(spread(flat) / flatBefore).toBeGreaterThan(3)
    expect([...flat.subarray(0, 96)].every((value) => value === 0)).toBe(true)
    const dark = picture(20, 6)
    const darkBefore = spread(dark)
    relight(dark, { width: 32, height: 32 })
    expect(spread(dark) / darkBefore).toBeLessThan(0.6)
  })
})
