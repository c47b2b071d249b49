import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alignFace, pointsInCrop } from '../../../src/lib/face/align.js'
import { createIdentity, renderPortrait } from '../../../src/show/render/index.js'
import { placed } from '../../../tools/bench/explanations/localisation.js'
import { eyeAspectRatio, mouthAspectRatio } from '../../../tools/bench/explanations/openings.js'
import { auroc, bootstrap, mean, quantile, spearman } from '../../../tools/bench/explanations/statistics.js'

const values = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 30 })

/** The definition itself: how often a case beats a control, over all pairs of them. */
function pairsWon(cases: readonly number[], controls: readonly number[]): number {
  const won = cases.flatMap((a) => controls.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)))
  return mean(won)
}

describe('rank statistics', () => {
  it('rank correlation is 1 for a rising and -1 for a falling function, and as computed by hand in between', () => {
    const a = [1, 2, 3, 4, 5]
    expect(spearman(a, [1, 8, 27, 64, 125])).toBeCloseTo(1, 12)
    expect(spearman(a, [5, 4, 3, 2, 1])).toBeCloseTo(-1, 12)
    // 1 − 6 Σd² / n(n² − 1), d² = 1, 1, 1, 1, 0
    expect(spearman(a, [2, 1, 4, 3, 5])).toBeCloseTo(0.8, 12)
    expect(spearman(a, [1, 1, 1, 1, 1])).toBe(0)
  })

  it('AUROC equals counting all pairs', () => {
    fc.assert(
      fc.property(values, fc.infiniteStream(fc.boolean()), (scores, flags) => {
        const isCase = scores.map(() => flags.next().value as boolean)
        const of = (which: boolean) => scores.filter((_, i) => isCase[i] === which)
        const wanted = pairsWon(of(true), of(false))
        if (Number.isNaN(wanted)) expect(auroc(scores, isCase)).toBeNaN()
        else expect(auroc(scores, isCase)).toBeCloseTo(wanted, 9)
      })
    )
  })

  it('the bootstrap resamples people, so copies of a face do not narrow the interval', () => {
    const rows = Array.from({ length: 20 }, (_, person) => ({ person, value: person % 5 }))
    const about = (some: typeof rows) =>
      bootstrap(
        some,
        ({ person }) => person,
        (drawn) => mean(drawn.map(({ value }) => value))
      )
    const once = about(rows)
    expect(once.value).toBe(2)
    expect(once.low).toBeLessThan(1.6)
    expect(once.high).toBeGreaterThan(2.4)
    const { low, high } = about([...rows, ...rows, ...rows])
    expect([low, high]).toEqual([once.low, once.high])
    expect(quantile([3, 1, 2], 0.5)).toBe(2)
  })
})

describe('where relevance lies', () => {
  const moved = Uint8Array.of(1, 0, 1, 0)
  const face = Uint8Array.of(1, 1, 0, 0)

  it('relevance is scored by its largest value and by the share of positive relevance', () => {
    expect(placed(Float32Array.of(3, 2, 4, 1), moved, face)).toEqual({ hit: 1, mass: 0.7, massOnFace: 0.6, some: 1 })
    expect(placed(Float32Array.of(-3, 2, -4, 0), moved, face)).toEqual({ hit: 0, mass: 0, massOnFace: 0, some: 1 })
  })

  it('a map without positive relevance counts as missed', () => {
    expect(placed(Float32Array.of(-1, 0, 0, -2), moved, face)).toEqual({ hit: 0, mass: 0, massOnFace: 0, some: 0 })
  })

  it('points of a picture are mapped into the crop', async () => {
    const portrait = await renderPortrait({ identity: createIdentity(3), units: {}, faceSize: 80 })
    const size = { width: 64, height: 64 }
    const { landmarks } = alignFace(portrait, portrait.landmarks, size)
    const points = Array.from({ length: 68 }, (_, i) => ({
      x: portrait.landmarks[2 * i]!,
      y: portrait.landmarks[2 * i + 1]!
    }))
    expect(pointsInCrop(points, portrait.landmarks, size).flatMap(({ x, y }) => [x, y])).toEqual([...landmarks])
  })
})

describe('what landmarks are measured for', () => {
  it('openness is height over width, of the more open eye and of the mouth', async () => {
    const ratios = async (units: object) => {
      const { landmarks } = await renderPortrait({ identity: createIdentity(3), units, faceSize: 80 })
      return { eyes: eyeAspectRatio(landmarks), mouth: mouthAspectRatio(landmarks) }
    }
    const [rest, closed, open] = [await ratios({}), await ratios({ AU43: 1 }), await ratios({ AU25: 0.8, AU27: 0.8 })]
    expect(closed.eyes).toBeLessThan(rest.eyes / 3)
    expect(rest.mouth).toBeLessThan(0.02)
    expect(open.mouth).toBeGreaterThan(0.2)
    const points = new Float32Array(136)
    const eye = [0, 0, 1, -1, 2, -1, 3, 0, 2, 1, 1, 1]
    points.set(eye, 72)
    points.set(
      eye.map((value, i) => (i % 2 ? value / 2 : value)),
      84
    )
    expect(eyeAspectRatio(points)).toBeCloseTo(2 / 3, 6)
  })
})
