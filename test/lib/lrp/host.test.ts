import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { denseBackwardOnHost, nonZeroOnHost } from '../../../src/lib/lrp/engines/host.js'

const float = fc.float({ noNaN: true, min: -8, max: 8 })

describe('loops in JavaScript', () => {
  it('exact zeros are replaced in a denominator, and no other value', () => {
    const special = fc.constantFrom(
      0,
      -0,
      1e-45,
      -1e-45,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(float, special), { maxLength: 40 }), float, (values, value) => {
        const from = Float32Array.from(values)
        const to = new Float32Array(from.length).fill(7)
        nonZeroOnHost(to, from, value)
        // Object.is, so that 0 and -0 differ and NaN does not from itself.
        expect([...to]).toEqual([...from.map((given) => (given === 0 ? value : given))])
      })
    )
  })

  it('relevance through a dense layer equals the plain sums', () => {
    const sizes = fc.record({ rows: fc.integer({ min: 1, max: 3 }), outSize: fc.nat(11), inSize: fc.nat(9) })
    const layer = sizes.chain(({ rows, outSize, inSize }) => {
      const [out, inputs] = [outSize + 1, inSize + 1]
      const of = (length: number, zero: number): fc.Arbitrary<number[]> =>
        fc.array(fc.oneof({ weight: 1, arbitrary: float }, { weight: zero, arbitrary: fc.constant(0) }), {
          minLength: length,
          maxLength: length
        })
      return fc.record({
        rows: fc.constant(rows),
        outSize: fc.constant(out),
        inSize: fc.constant(inputs),
        s: of(rows * out, 1),
        weights: of(out * inputs, 0)
      })
    })
    fc.assert(
      fc.property(layer, ({ rows, outSize, inSize, s, weights }) => {
        const got = new Float32Array(rows * inSize).fill(Number.NaN)
        denseBackwardOnHost(got, Float32Array.from(s), Float32Array.from(weights), { outSize, inSize })
        got.forEach((value, at) => {
          const [row, i] = [Math.floor(at / inSize), at % inSize]
          let sum = 0
          for (let out = 0; out < outSize; out++) sum += s[row * outSize + out]! * weights[out * inSize + i]!
          expect(Math.abs(value - sum)).toBeLessThan(1e-3)
        })
      })
    )
  })
})
