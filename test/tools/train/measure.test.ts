import { describe, expect, it } from 'vitest'
import { duration, progressLine } from '../../../src/core/progress-line.js'
import { measure, painSeenFrom, type Scored } from '../../../tools/train/evaluate.js'

const base = { identity: 0, resting: null, faceSize: 100, tone: 0.1, intensity: 0.9 } as const
const scored = (expression: Scored['expression'], logits: number[], rest: Partial<Scored> = {}): Scored => ({
  ...base,
  expression,
  logits: Float32Array.from(logits),
  ...rest
})

describe('the metrics', () => {
  const samples = [
    scored('pain', [5, 0, 0]),
    scored('pain', [5, 0, 0], { faceSize: 60, tone: 0.9, intensity: 0.45 }),
    scored('pain', [0, 1, 0], { intensity: 0.6 }),
    scored('disgust', [0, 2, 0]),
    scored('happiness', [3, 0, 1], { intensity: 0.2 }),
    scored('happiness', [0, 0, 1]),
    scored('neutral', [0, 0, 0], { intensity: 0, resting: 'asleep' }),
    scored('neutral', [2, 0, 0], { intensity: 0, resting: 'talking' })
  ]
  const metrics = measure(samples, 1)

  it('accuracy counts expressions of intensity 0.4 and above', () => {
    expect(metrics.accuracy).toEqual({ share: 4 / 5, count: 5 })
    expect(metrics.confusion).toEqual([
      [2, 1, 0],
      [0, 1, 0],
      [0, 0, 1]
    ])
    expect(metrics.recall.map(({ share }) => share)).toEqual([2 / 3, 1, 1])
    expect(metrics.precision.map(({ share }) => share)).toEqual([1, 1 / 2, 1])
  })

  it('metrics are given by band, and an empty band is marked', () => {
    expect(Object.fromEntries(metrics.byIntensity)['0.2 to 0.4']).toEqual({ share: 0, count: 1 })
    expect(Object.fromEntries(metrics.byIntensity)['0.1 to 0.2']).toEqual({ share: null, count: 0 })
    expect(Object.fromEntries(metrics.byTone).dark).toEqual({ share: 1, count: 1 })
    expect(Object.fromEntries(metrics.byFaceSize)['50 to 80 px']).toEqual({ share: 1, count: 1 })
  })

  it('pain is counted by tenths of its intensity', () => {
    const counted = metrics.painByIntensity.filter(({ count }) => count > 0)
    expect(counted).toEqual([
      { from: 0.4, count: 1, called: 1, above07: 1 },
      { from: 0.6, count: 1, called: 0, above07: 0 },
      { from: 0.9, count: 1, called: 1, above07: 1 }
    ])
  })

  it('pain is seen from the intensity above which no tenth fails', () => {
    const tenths = [
      [10, 1, 0],
      [10, 9, 6],
      [10, 4, 2],
      [10, 8, 4],
      [0, 0, 0],
      [10, 10, 9]
    ].map(([count, called, above07], i) => ({ from: (i + 1) / 10, count: count!, called: called!, above07: above07! }))
    // 4 of 10 have a lower bound of 0.17, below a third.
    expect(painSeenFrom(tenths)).toEqual({ told: 0.4, above07: 0.6 })
    expect(painSeenFrom(tenths.slice(0, 1))).toEqual({ told: null, above07: null })
  })

  it('resting faces are measured by their pain score', () => {
    const [all, asleep, talking] = metrics.resting
    expect([all![0], asleep![0], talking![0]]).toEqual(['all', 'asleep', 'talking'])
    expect(all![1].above07.share).toBe(1 / 2)
    expect(asleep![1].mean).toBeCloseTo(1 / 3)
    expect(talking![1].above07).toEqual({ share: 1, count: 1 })
    expect(metrics.painFound).toEqual({ share: 1 / 2, count: 2 })
    expect(measure(samples, 3).resting[0]![1].above07.share).toBe(0)
  })
})

describe('a line of progress', () => {
  it('the remaining time is estimated', () => {
    const lines: string[] = []
    const progress = progressLine('Rendering', (line) => lines.push(line), 0)
    progress(1, 2)
    progress(2, 2, 'loss 0.5')
    expect(lines[0]).toMatch(/^Rendering: 1 of 2, \d+ s left\n$/)
    expect(lines[1]).toMatch(/^Rendering: 2 of 2, done in \d+ s, loss 0.5\n$/)
    expect(duration(200_000)).toBe('3 min 20 s')
  })
})
