import { describe, expect, it } from 'vitest'
import { duration, progressLine } from '../../../src/core/progress-line.js'
import { createRandom } from '../../../src/lib/random.js'
import { parseTrainArguments } from '../../../tools/train/arguments.js'
import { measure, type Scored } from '../../../tools/train/evaluate.js'
import { crossEntropy, fitTemperature } from '../../../tools/train/temperature.js'

const base = { resting: null, faceSize: 100, tone: 0.1, intensity: 0.9 } as const
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

describe('the temperature', () => {
  it('the temperature of logits that were scaled by a known factor is found', () => {
    const random = createRandom(3)
    const honest = Array.from({ length: 1000 }, () => {
      const logits = [0, 1, 2].map(() => random.normal(0, 1.5))
      const powers = logits.map(Math.exp)
      let left = random() * powers.reduce((a, b) => a + b, 0)
      const drawn = powers.findIndex((power) => {
        left -= power
        return left < 0
      })
      const expression = (['pain', 'disgust', 'happiness'] as const)[drawn]!
      return scored(
        expression,
        logits.map((logit) => logit * 2.5)
      )
    })
    const temperature = fitTemperature(honest)
    expect(temperature).toBeGreaterThan(2.1)
    expect(temperature).toBeLessThan(2.9)
    expect(crossEntropy(honest, temperature)).toBeLessThan(crossEntropy(honest, 1))
  })
})

describe('the command', () => {
  it('npm run train has defaults, takes options and refuses wrong ones', () => {
    expect(parseTrainArguments([])).toMatchObject({ seed: 1, out: 'models', help: false })
    expect(parseTrainArguments(['--epochs', '2', '--out', '/x'])).toMatchObject({ epochs: 2, out: '/x' })
    expect(() => parseTrainArguments(['--epochs', 'two'])).toThrow('"two" is not a whole number')
    expect(() => parseTrainArguments(['--identities', '3'])).toThrow('from 8')
    expect(() => parseTrainArguments(['--epoch', '3'])).toThrow('--epoch')
  })

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
