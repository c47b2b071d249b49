import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mapToCrop, renderView, views } from '../../../src/stages/explain/views.js'

/** A crop whose colours are its pixels' places, and a map of one of them. */
function placesOf(width: number, height: number) {
  const data = new Uint8Array(3 * width * height)
  for (let i = 0; i < width * height; i++) data.set([i % width, Math.floor(i / width), 7], 3 * i)
  return { width, height, data }
}

describe('the views of a crop', () => {
  it('begin with the unchanged crop, all differ, and are balanced', () => {
    expect(views).toHaveLength(16)
    expect(views[0]).toEqual({ mirrored: false, right: 0, down: 0, gain: 1 })
    expect(new Set(views.map((view) => JSON.stringify(view))).size).toBe(16)
    expect(views.filter(({ mirrored }) => mirrored)).toHaveLength(8)
    for (const key of ['right', 'down'] as const) expect(views.reduce((sum, view) => sum + view[key], 0)).toBe(0)
    expect(views.reduce((sum, { gain }) => sum + gain, 0) / 16).toBeCloseTo(1, 9)
  })

  it('keep the crop unchanged in the first view', () => {
    const crop = placesOf(64, 48)
    const out = new Uint8Array(crop.data.length)
    renderView(crop, views[0]!, out)
    expect(out).toEqual(crop.data)
  })

  it('shift, mirror and brighten by their parameters', () => {
    const crop = placesOf(64, 64)
    const out = new Uint8Array(crop.data.length)
    const at = (x: number, y: number) => [...out.subarray(3 * (y * 64 + x), 3 * (y * 64 + x) + 3)]
    renderView(crop, { mirrored: false, right: 1, down: -1, gain: 1 }, out)
    expect([at(10, 20), at(0, 20), at(10, 63)]).toEqual([
      [9, 21, 7],
      [0, 21, 7],
      [9, 63, 7]
    ])
    renderView(crop, { mirrored: true, right: 1, down: 0, gain: 2 }, out)
    expect(at(63 - 10, 20)).toEqual([18, 40, 14])
    renderView({ ...crop, data: new Uint8Array(crop.data.length).fill(200) }, { ...views[0]!, gain: 1.5 }, out)
    expect(at(3, 3)).toEqual([255, 255, 255])
  })

  it('shift a larger crop by the same fraction, and a tiny one by one pixel', () => {
    for (const [side, pixels] of [
      [128, 2],
      [224, 4],
      [16, 1]
    ] as const) {
      const crop = placesOf(side, side)
      const out = new Uint8Array(crop.data.length)
      renderView(crop, { mirrored: false, right: -1, down: 0, gain: 1 }, out)
      expect(out[3 * 5]).toBe(5 + pixels)
    }
  })

  it('map the relevance of a view back to the coordinates of the crop', () => {
    const sizes = fc.integer({ min: 8, max: 70 })
    fc.assert(
      fc.property(sizes, sizes, fc.constantFrom(...views), (width, height, view) => {
        const crop = placesOf(width, height)
        const out = new Uint8Array(crop.data.length)
        renderView(crop, { ...view, gain: 1 }, out)
        const channel = (c: number) => mapToCrop(Float32Array.from(out.filter((_, i) => i % 3 === c)), view, crop)
        const [xs, ys] = [channel(0), channel(1)]
        const margin = Math.max(1, Math.round(width / 64))
        for (let y = margin; y < height - margin; y++) {
          for (let x = margin; x < width - margin; x++) {
            if (xs[y * width + x] !== x || ys[y * width + x] !== y) expect([xs, ys]).toEqual([x, y])
          }
        }
        expect(mapToCrop(new Float32Array(width * height).fill(3), view, crop)).toEqual(
          new Float32Array(width * height).fill(3)
        )
      })
    )
  })
})
