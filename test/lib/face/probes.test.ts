import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Perceptron, type PerceptronWeights } from '../../../src/lib/face/probes.js'
import { regionsOf, textureFeatures } from '../../../src/lib/face/regions.js'
import { createRandom } from '../../../src/lib/random.js'

const floats = (length: number, min: number, max: number) =>
  fc.float32Array({ minLength: length, maxLength: length, min, max, noNaN: true })

const [size, count] = [5, 3]
const network = fc.record({
  mean: floats(size, -2, 2),
  spread: floats(size, 0.5, 2),
  rows: fc.int8Array({ minLength: count * size, maxLength: count * size }),
  scales: floats(count, 0.0009765625, 0.0078125),
  biases: floats(count, -1, 1),
  weights: floats(count + 1, -2, 2)
}) satisfies fc.Arbitrary<PerceptronWeights>

describe('the perceptron', () => {
  it('reads as float64 does, hidden numbers below 0 counting nothing', () => {
    fc.assert(
      fc.property(network, floats(size, -3, 3), ({ mean, spread, rows, scales, biases, weights }, features) => {
        const hidden = Array.from({ length: count }, (_, j) =>
          Array.from(features).reduce(
            (sum, x, i) => sum + ((x - mean[i]!) / spread[i]!) * rows[j * size + i]! * scales[j]!,
            biases[j]!
          )
        )
        const told = hidden.reduce((sum, value, j) => sum + weights[j]! * Math.max(0, value), weights[count]!)
        const net = new Perceptron({ mean, spread, rows, scales, biases, weights })
        expect(net.read(features)).toBeCloseTo(told, 3)
      })
    )
  })
})

describe('what the picture shows in the parts of a face', () => {
  const side = 200
  const random = createRandom(5)
  const data = Uint8Array.from({ length: 3 * side * side }, (_, i) =>
    Math.round(110 + 60 * Math.sin(i / 3 / 17) + random.uniform(-20, 20))
  )
  const landmarks = Float32Array.from({ length: 136 }, (_, i) => 60 + ((i * 37) % 80))
  // Eyes that lie level, so that the face's axes are the picture's.
  for (let i = 36; i < 48; i++) landmarks.set([i < 42 ? 80 : 120, 90], 2 * i)
  const marks = { points: new Float32Array(136), texture: new Float32Array(64 * 28 * 28) }
  const colours = (picture: Uint8Array, points: Float32Array): Float32Array =>
    regionsOf(marks, 112, { data: picture, width: side, height: side }, points).subarray(textureFeatures)

  it('is the same of a face that lies, in a picture that was turned with it', () => {
    const lying = new Uint8Array(data.length)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        lying.set(data.subarray(3 * (y * side + x), 3 * (y * side + x) + 3), 3 * (x * side + (side - 1 - y)))
    const points = landmarks.map((_, i) => (i % 2 === 0 ? side - 1 - landmarks[i + 1]! : landmarks[i - 1]!))
    const upright = colours(data, landmarks)
    for (const [i, value] of colours(lying, points).entries()) expect(value, String(i)).toBeCloseTo(upright[i]!, 5)
  })

  it('does not say how dark the room is: half of the light changes the contrasts little', () => {
    const half = colours(
      data.map((value) => value / 2),
      landmarks
    )
    const whole = colours(data, landmarks)
    const differences = whole.subarray(0, 88).map((value, i) => Math.abs(value - half[i]!))
    expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(0.06)
    expect(Math.abs(whole[88]! - half[88]!)).toBeGreaterThan(0.5)
  })

  it('is what a plain reading of the points around the right eye says, beside the median of all patches', () => {
    // Nine by nine points, 0.055 of the 40 pixels between the eyes apart.
    const points = Array.from({ length: 81 }, (_, i) => {
      const [x, y] = [80 + ((i % 9) - 4) * 2.2, 90 + (Math.floor(i / 9) - 4) * 2.2]
      const at = 3 * (Math.round(y) * side + Math.round(x))
      return [data[at]!, data[at + 1]!, data[at + 2]!] as const
    })
    const lights = points.map(([r, g, b]) => Math.log(8 + 0.3 * r + 0.59 * g + 0.11 * b))
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
    const light = mean(lights)
    const tint = (channel: 0 | 2): number =>
      Math.log(8 + mean(points.map((point) => point[channel]))) - Math.log(8 + mean(points.map(([, g]) => g)))
    const steps = (apart: number, ends: (i: number) => boolean): number =>
      Math.log(0.01 + mean(lights.flatMap((value, i) => (ends(i) ? [] : Math.abs(lights[i + apart]! - value)))))
    const sorted = lights.toSorted((a, b) => a - b)
    const plain = [
      Math.log(0.02 + Math.sqrt(mean(lights.map((value) => (value - light) ** 2)))),
      steps(1, (i) => i % 9 === 8),
      steps(9, (i) => i >= 72),
      sorted[4]! - light,
      sorted[76]! - light
    ]
    const all = colours(data, landmarks)
    for (const [i, value] of [light - all[88]!, tint(0) - all[89]!, tint(2) - all[90]!, ...plain].entries())
      expect(Math.abs(all[i]! - value), String(i)).toBeLessThan(0.01)
    const medians = [0, 1, 2].map(
      (key) => Array.from({ length: 11 }, (_, patch) => all[8 * patch + key]!).sort((a, b) => a - b)[5]
    )
    expect(medians).toEqual([0, 0, 0])
  })

  it('is a number wherever the face lies, beside the picture too', () => {
    fc.assert(
      fc.property(floats(136, -500, 500), (points) => {
        expect(colours(data, points).every(Number.isFinite)).toBe(true)
      }),
      { numRuns: 50 }
    )
  })
})
