import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Box } from '../../../src/core/types.js'
import { Motion } from '../../../src/lib/face/motion.js'

type Matrix = number[][]
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)))
const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((value, j) => value + b[i]![j]!))
const minus = (a: Matrix, b: Matrix): Matrix =>
  plus(
    a,
    b.map((row) => row.map((value) => -value))
  )
const transposed = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!))

/** A Kalman filter of one place, as the textbook has it, with matrices: constant speed, white noise in the acceleration. */
class Textbook {
  #state: Matrix
  #covariance: Matrix

  constructor(place: number, measured: number, speed: number) {
    this.#state = [[place], [0]]
    this.#covariance = [
      [measured, 0],
      [0, speed]
    ]
  }

  /** @returns the place and its variance */
  predict(dt: number, restless: number): [place: number, variance: number] {
    const step: Matrix = [
      [1, dt],
      [0, 1]
    ]
    const noise: Matrix = [
      [(restless * dt ** 3) / 3, (restless * dt ** 2) / 2],
      [(restless * dt ** 2) / 2, restless * dt]
    ]
    this.#state = times(step, this.#state)
    this.#covariance = plus(times(times(step, this.#covariance), transposed(step)), noise)
    return [this.#state[0]![0]!, this.#covariance[0]![0]!]
  }

  correct(seen: number, measured: number): void {
    const sees: Matrix = [[1, 0]]
    const variance = times(times(sees, this.#covariance), transposed(sees))[0]![0]! + measured
    const gain = times(this.#covariance, transposed(sees)).map((row) => row.map((value) => value / variance))
    const off = seen - this.#state[0]![0]!
    this.#state = plus(
      this.#state,
      gain.map((row) => row.map((value) => value * off))
    )
    const identity: Matrix = [
      [1, 0],
      [0, 1]
    ]
    this.#covariance = times(minus(identity, times(gain, sees)), this.#covariance)
  }
}

const at = (x: number, y: number, width = 100): Box => ({
  x: x - width / 2,
  y: y - width * 0.6,
  width,
  height: width * 1.2
})
const middle = (box: Box) => [box.x + box.width / 2, box.y + box.height / 2] as const
// As src/lib/face/motion.ts has them, for a face that stays 100 px wide.
const [measured, restless, speed] = [5 ** 2, 200 ** 2, 300 ** 2]

describe("a face's motion", () => {
  const step = fc.record({ ms: fc.integer({ min: 0, max: 3000 }), x: fc.nat(1280), y: fc.nat(720) })

  it('foresees its places as a textbook filter with matrices does', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const motion = new Motion(at(640, 360), 0)
        const [x, y] = [new Textbook(640, measured, speed), new Textbook(360, measured, speed)]
        let now = 0
        for (const { ms, ...seen } of steps) {
          now += ms
          const [[px, vx], [py, vy]] = [x.predict(ms / 1000, restless), y.predict(ms / 1000, restless)]
          const [mx, my] = middle(motion.boxAt(now))
          expect(mx).toBeCloseTo(px, 6)
          expect(my).toBeCloseTo(py, 6)
          // Of the same size, two boxes' likelihoods differ by their places only.
          const likely = (a: number, p: number, v: number) => (a - p) ** 2 / (2 * (v + measured))
          const [here, there] = [motion.unlikeliness(at(seen.x, seen.y), now), motion.unlikeliness(at(mx, my), now)]
          expect(here - there).toBeCloseTo(likely(seen.x, px, vx) + likely(seen.y, py, vy), 4)
          motion.take(at(seen.x, seen.y), now)
          x.correct(seen.x, measured)
          y.correct(seen.y, measured)
        }
      })
    )
  })

  it('is the less sure the longer the face was not seen, so that of two tracks the one seen last fits better', () => {
    const [lately, before] = [new Motion(at(640, 360), 0), new Motion(at(640, 360), 0)]
    lately.take(at(640, 360), 800)
    expect(lately.unlikeliness(at(640, 360), 1000)).toBeLessThan(before.unlikeliness(at(640, 360), 1000))
  })

  it('finds a face that walks on more likely than one of another size at its place', () => {
    const motion = new Motion(at(100, 360), 0)
    for (let frame = 1; frame <= 5; frame++) motion.take(at(100 + 60 * frame, 360), 200 * frame)
    const [walked, larger] = [at(460, 360), at(460, 360, 140)]
    expect(motion.unlikeliness(walked, 1200)).toBeLessThan(motion.unlikeliness(larger, 1200))
    expect(motion.unlikeliness(walked, 1200)).toBeLessThan(motion.unlikeliness(at(400, 360), 1200))
  })

  it('stands still where the clock steps back', () => {
    const motion = new Motion(at(100, 360), 1000)
    motion.take(at(160, 360), 1200)
    const [x] = middle(motion.boxAt(1200))
    expect(middle(motion.boxAt(0))[0]).toBe(x)
    motion.take(at(160, 360), 0)
    expect(Number.isFinite(motion.unlikeliness(at(160, 360), 0))).toBe(true)
  })
})
