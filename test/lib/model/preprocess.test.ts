import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ModelInput } from '../../../src/lib/model/manifest.js'
import { batchDims, preprocess, softmax } from '../../../src/lib/model/preprocess.js'

const vggFace: ModelInput = {
  layout: 'nchw',
  width: 2,
  height: 1,
  colour: 'bgr',
  mean: [93.594, 104.7624, 129.1863],
  scale: 1
}
// Two pixels: red 200, green 100, blue 50, and red 0, green 255, blue 10.
const crop = { width: 2, height: 1, data: Uint8Array.of(200, 100, 50, 0, 255, 10) }

function expectClose(found: Float32Array, expected: number[]): void {
  expect(found).toHaveLength(expected.length)
  expected.forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, 4)
  })
}

describe('preprocess', () => {
  it('preprocessing for VGG-Face gives planes of blue, green, red, each minus its mean (computed by hand)', () => {
    expectClose(preprocess(crop, vggFace), [-43.594, -83.594, -4.7624, 150.2376, 70.8137, -129.1863])
  })

  it('preprocessing for an NHWC model interleaves the channels and scales', () => {
    const nhwc: ModelInput = { ...vggFace, layout: 'nhwc', scale: 0.5 }
    expectClose(preprocess(crop, nhwc), [-21.797, -2.3812, 35.40685, -41.797, 75.1188, -64.59315])
  })

  it('preprocessing for an RGB model puts red first', () => {
    const rgb: ModelInput = { ...vggFace, colour: 'rgb', mean: [1, 2, 3] }
    expectClose(preprocess(crop, rgb), [199, -1, 98, 253, 47, 7])
  })

  it('preprocessing writes into the given part of a batch', () => {
    const batch = new Float32Array(12).fill(7)
    const out = preprocess(crop, vggFace, batch.subarray(6))
    expect(out.buffer).toBe(batch.buffer)
    expect([...batch.subarray(0, 6)]).toEqual([7, 7, 7, 7, 7, 7])
    expect(batch[6]).toBeCloseTo(-43.594, 4)
  })

  it('a crop of another size is refused', () => {
    expect(() => preprocess({ ...crop, width: 1 }, vggFace)).toThrow('a crop of 1x1 for an input of 2x1')
  })

  it('the dims of a batch follow the layout', () => {
    expect(batchDims(vggFace, 4)).toEqual([4, 3, 1, 2])
    expect(batchDims({ ...vggFace, layout: 'nhwc' }, 4)).toEqual([4, 1, 2, 3])
  })
})

describe('softmax', () => {
  it('softmax gives the textbook values', () => {
    expectClose(softmax([1, 2, 3]), [0.0900306, 0.2447285, 0.6652409])
  })

  it('softmax sums up to 1 for logits of any size, and a temperature keeps their order', () => {
    const logits = fc.array(fc.float({ min: -1e4, max: 1e4, noNaN: true }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(logits, fc.float({ min: Math.fround(0.1), max: 20, noNaN: true }), (values, temperature) => {
        const p = softmax(values, temperature)
        expect(p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 4)
        expect(p[values.indexOf(Math.max(...values))]).toBe(Math.max(...p))
      })
    )
  })

  it('softmax is flatter at a higher temperature', () => {
    expect(softmax([1, 3], 4)[1]).toBeLessThan(softmax([1, 3], 1)[1]!)
  })
})
