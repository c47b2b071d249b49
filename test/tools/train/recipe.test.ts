import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import { renderPortrait } from '../../../src/show/render/index.js'
import { planSample, type Split, splits } from '../../../tools/train/recipe.js'
import { jitterEyes, renderCrops } from '../../../tools/train/render-crops.js'

describe('the recipe', () => {
  it('no identity is in two splits', () => {
    const ranges = Object.values(splits).map(({ firstIdentity }) => firstIdentity)
    const sorted = [...ranges].sort((a, b) => a - b)
    for (let i = 1; i < sorted.length; i++) expect(sorted[i]! - sorted[i - 1]!).toBeGreaterThanOrEqual(100_000)
    const people = (Object.keys(splits) as Split[]).map((split) => planSample(split, 0, 0).identity.seed)
    expect(new Set(people).size).toBe(people.length)
  })

  it("a sample's plan repeats, and each person has all expressions", () => {
    expect(planSample('train', 5, 3)).toEqual(planSample('train', 5, 3))
    const shown = [0, 1, 2, 3].map((sample) => planSample('test', 7, sample).expression)
    expect(shown.sort()).toEqual(['disgust', 'happiness', 'neutral', 'pain'])
  })

  it('nothing but the face depends on the label', () => {
    const surroundings = (expression: string) => {
      const plans = Array.from({ length: 1200 }, (_, i) => planSample('train', Math.floor(i / 8), i % 8))
      const own = plans.filter((plan) => plan.expression === expression)
      const mean = (of: (plan: (typeof own)[number]) => number) =>
        own.reduce((sum, plan) => sum + of(plan), 0) / own.length
      return [
        mean(({ faceSize }) => faceSize / 100),
        mean(({ noise }) => noise / 7),
        mean(({ blur }) => blur),
        mean(({ pose }) => pose.roll / 10),
        mean(({ pose }) => pose.yaw * 5),
        mean(({ light }) => light.level),
        mean(({ compression }) => (compression === null ? 0 : 1))
      ]
    }
    const neutral = surroundings('neutral')
    for (const expression of ['pain', 'disgust', 'happiness'])
      for (const [i, value] of surroundings(expression).entries())
        expect(Math.abs(value - neutral[i]!)).toBeLessThan(0.2)
  })
})

describe('rendered crops', () => {
  it('rendered crops repeat, and their variants differ in the landmarks only', async () => {
    const size = { width: 64, height: 64 }
    const plan = planSample('fresh', 3, 1)
    const crops = await renderCrops(plan, size, 2)
    expect(await renderCrops(plan, size, 2)).toEqual(crops)
    const bytes = 64 * 64 * 3
    const difference = (offset: number) => {
      let sum = 0
      for (let i = 0; i < bytes; i++) sum += Math.abs(crops[i]! - crops[bytes + i]! - offset)
      return sum / bytes
    }
    expect(crops).toHaveLength(2 * bytes)
    expect(difference(0)).toBeGreaterThan(1)
    expect(difference(0)).toBeLessThan(60)
  })

  it('the eyes of rendered crops err by a few hundredths of their distance', async () => {
    const { landmarks } = await renderPortrait({ ...planSample('fresh', 1, 0), faceSize: 60 })
    const random = createRandom(1)
    const distance = Math.hypot(landmarks[72]! - landmarks[90]!, landmarks[73]! - landmarks[91]!)
    const errors = Array.from({ length: 400 }, () => (jitterEyes(landmarks, random)[72]! - landmarks[72]!) / distance)
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length)
    expect(deviation).toBeGreaterThan(0.02)
    expect(deviation).toBeLessThan(0.08)
    const nose = jitterEyes(landmarks, random).slice(54, 72)
    expect(nose).toEqual(landmarks.slice(54, 72))
  })
})
