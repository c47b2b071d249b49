import { describe, expect, it } from 'vitest'
import { createElder, createIdentity, type Identity, renderPortrait } from '../../../src/show/render/index.js'
import { grey, middle, point } from './pictures.js'

const portrait = (identity: Identity, units = {}) => renderPortrait({ identity, units, faceSize: 100, seed: 1 })
const elders = Array.from({ length: 200 }, (_, seed) => createElder(seed))
/** The same person with these marks of a long life alone. */
const marked = (marks: Partial<NonNullable<Identity['elder']>>): Identity => {
  const none = { frown: 0, forehead: 0, eyeLines: 0, cheekFolds: 0, lidDroop: 0, hood: 0, browDroop: 0, setMouth: 0 }
  return createIdentity(12, {
    ...{ age: 0.9, tone: 0.3, glasses: 'none', beard: 'none', cannula: false },
    elder: { seed: 12, ...none, mouthLines: 0, skew: 0, ...marks }
  })
}
/** How far the picture's right eye is open, in pixels. */
const opening = ({ landmarks }: { landmarks: Float32Array }): number =>
  middle(landmarks, 46, 47).y - middle(landmarks, 43, 44).y

describe('createElder', () => {
  it('a seed gives the same elder again; furrows, lids and mouths are strong in some and faint in others, each for itself', () => {
    expect(createElder(7)).toEqual(createElder(7))
    for (const mark of ['frown', 'lidDroop', 'setMouth'] as const) {
      const values = elders.map(({ elder }) => elder![mark])
      expect(values.filter((value) => value > 0.5).length, mark).toBeGreaterThan(60)
      expect(values.filter((value) => value < 0.4).length, mark).toBeGreaterThan(40)
    }
    expect(elders.some(({ elder }) => elder!.frown > 0.6 && elder!.lidDroop < 0.3)).toBe(true)
    expect(Math.min(...elders.map(({ age }) => age))).toBeGreaterThanOrEqual(0.75)
  })

  it('gives the person of the seed, aged: all else is drawn as it is for others', () => {
    const { elder, ...aged } = createElder(31)
    expect(elder).toBeDefined()
    expect(aged).toEqual(createIdentity(31, { age: aged.age }))
  })
})

describe('the portrait of an elder', () => {
  it('without any mark has the bytes of the same person who is none', async () => {
    const { elder: _, ...plain } = marked({})
    const [bare, without] = [await portrait(marked({})), await portrait(plain)]
    expect(Buffer.compare(bare.data, without.data)).toBe(0)
    expect(bare.landmarks).toEqual(without.landmarks)
  })

  it('has lids that hang, brows that have sunk and corners of the mouth that droop, by the drawn geometry', async () => {
    const plain = await portrait(marked({}))
    const drooped = await portrait(marked({ lidDroop: 1, browDroop: 1 }))
    expect(opening(drooped)).toBeLessThan(0.8 * opening(plain))
    expect(middle(drooped.landmarks, 22, 26).y).toBeGreaterThan(middle(plain.landmarks, 22, 26).y + 2)
    const set = await portrait(marked({ setMouth: 1 }))
    expect(point(set.landmarks, 48).y).toBeGreaterThan(point(plain.landmarks, 48).y + 2)
    expect(point(set.landmarks, 51).y).toBeCloseTo(point(plain.landmarks, 51).y, -1)
  })

  it('has furrows between the brows and hoods over the lids that no unit has moved', async () => {
    const [plain, furrowed] = [await portrait(marked({})), await portrait(marked({ frown: 1, hood: 1 }))]
    expect(furrowed.moved).toEqual([])
    const { x, y } = middle(furrowed.landmarks, 21, 22)
    const across = (picture: typeof plain): number[] =>
      Array.from({ length: 17 }, (_, i) => grey(picture.data, picture, x - 8 + i, y))
    const spread = (values: number[]): number => Math.max(...values) - Math.min(...values)
    expect(spread(across(furrowed))).toBeGreaterThan(spread(across(plain)) + 10)
  })

  it('still moves by action units, from where it is at rest', async () => {
    const elder = createElder(3)
    const [rest, pain] = [await portrait(elder), await portrait(elder, { AU43: 1, AU4: 1, AU25: 0.6 })]
    expect(opening(pain)).toBeLessThan(opening(rest))
    expect(pain.moved.map(({ unit }) => unit)).toContain('AU4')
  })
})
