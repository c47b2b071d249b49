import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import {
  createIdentity,
  expressions,
  expressionUnits,
  frontal,
  renderPortrait
} from '../../../src/show/render/index.js'
import { grey, middle, plain, point } from './pictures.js'

describe('renderPortrait', () => {
  it('a portrait with the same options has the same bytes', async () => {
    const options = { identity: createIdentity(3), units: { AU12: 0.7 }, faceSize: 60, noise: 4, blur: 0.6, seed: 8 }
    const [a, b] = [await renderPortrait(options), await renderPortrait(options)]
    expect(a.width).toBe(120)
    expect(a.data).toHaveLength(120 * 120 * 3)
    expect(Buffer.compare(a.data, b.data)).toBe(0)
  })

  it('at intensity 0 the portraits of all expressions are identical', async () => {
    const pictures = await Promise.all(
      expressions.map((shown) =>
        renderPortrait({
          identity: createIdentity(4),
          units: expressionUnits(shown, 0, createRandom(4)),
          faceSize: 60,
          noise: 4,
          seed: 1
        })
      )
    )
    for (const { data } of pictures) expect(Buffer.compare(data, pictures[0]!.data)).toBe(0)
  })

  it('the seed of a portrait changes pillow and noise, never the face', async () => {
    const options = { identity: plain(), units: {}, faceSize: 60 }
    const [a, b] = [await renderPortrait({ ...options, seed: 1 }), await renderPortrait({ ...options, seed: 2 })]
    expect(a.landmarks).toEqual(b.landmarks)
    expect(Buffer.compare(a.data, b.data)).not.toBe(0)
    const cheek = point(a.landmarks, 30)
    expect(grey(a.data, a, cheek.x, cheek.y)).toBe(grey(b.data, b, cheek.x, cheek.y))
  })

  it("a portrait's noise has the requested deviation", async () => {
    const options = { identity: plain(), units: {}, faceSize: 80, seed: 1 }
    const [clean, noisy] = [await renderPortrait(options), await renderPortrait({ ...options, noise: 6 })]
    const differences = Array.from(noisy.data, (value, i) => value - clean.data[i]!)
    const deviation = Math.sqrt(differences.reduce((sum, d) => sum + d * d, 0) / differences.length)
    expect(deviation).toBeGreaterThan(5.5)
    expect(deviation).toBeLessThan(6.5)
  })

  it('light dims, warms and shades a portrait from the side', async () => {
    const at = async (light: Partial<{ direction: number; level: number; warmth: number }>) =>
      renderPortrait({
        identity: plain(),
        units: {},
        faceSize: 80,
        light: { direction: 0, contrast: 1, level: 1, warmth: 0, ...light }
      })
    const mean = (data: Uint8Array, channel: number): number => {
      let sum = 0
      for (let i = channel; i < data.length; i += 3) sum += data[i]!
      return (3 * sum) / data.length
    }
    const [plainLight, dim, warm, left] = [
      await at({}),
      await at({ level: 0.6 }),
      await at({ warmth: 1 }),
      await at({ direction: -0.9 })
    ]
    expect(mean(dim.data, 1) / mean(plainLight.data, 1)).toBeCloseTo(0.6, 1)
    expect(mean(warm.data, 0) - mean(warm.data, 2)).toBeGreaterThan(
      mean(plainLight.data, 0) - mean(plainLight.data, 2) + 10
    )
    const [l, r] = [point(left.landmarks, 2), point(left.landmarks, 14)]
    expect(grey(left.data, left, l.x + 8, l.y)).toBeGreaterThan(grey(left.data, left, r.x - 8, r.y) + 20)
  })

  it('eyes and mouth stand out from the skin, also on the darkest face', async () => {
    for (const tone of [0, 0.5, 1]) {
      const picture = await renderPortrait({
        identity: plain({ tone }),
        units: {},
        pose: frontal,
        faceSize: 140
      })
      const eye = middle(picture.landmarks, 36, 41)
      const values = Array.from({ length: 25 }, (_, i) => grey(picture.data, picture, eye.x - 12 + i, eye.y))
      expect(Math.max(...values) - Math.min(...values), `tone ${tone}`).toBeGreaterThan(90)
    }
  })
})
