import { describe, expect, it } from 'vitest'
import { gistOf, JudgedFaces } from '../../../src/stages/classify/change.js'

const size = 64
const cropOf = (value: (x: number, y: number) => number) => {
  const data = Uint8Array.from({ length: 3 * size * size }, (_, i) => {
    const pixel = Math.floor(i / 3)
    return value(pixel % size, Math.floor(pixel / size))
  })
  return { width: size, height: size, data, landmarks: new Float32Array(136) }
}
const seen = (track: number, value: (x: number, y: number) => number) => ({
  camera: 'bed-1',
  face: { track, crop: cropOf(value) }
})
const still = (x: number, y: number): number => (x + y) % 100
const mouthOpen = (x: number, y: number): number => (y > 44 && x > 20 && x < 44 ? 10 : still(x, y))

describe('how much a face has changed since it was judged', () => {
  it('is infinite before it was judged, and nothing right afterwards', () => {
    const judged = new JudgedFaces()
    expect(judged.changeOf(seen(1, still))).toBe(Number.POSITIVE_INFINITY)
    judged.judge([seen(1, still)])
    expect(judged.changeOf(seen(1, still))).toBe(0)
    expect(judged.changeOf(seen(2, still))).toBe(Number.POSITIVE_INFINITY)
  })

  it('is larger for a mouth that opens than for a lamp that is switched on', () => {
    const judged = new JudgedFaces()
    judged.judge([seen(1, still)])
    const lamp = judged.changeOf(seen(1, (x, y) => still(x, y) + 60))
    expect(lamp).toBeLessThan(0.01)
    expect(judged.changeOf(seen(1, mouthOpen))).toBeGreaterThan(1)
  })

  it('is forgotten with the track, of that camera alone', () => {
    const judged = new JudgedFaces()
    const other = { ...seen(1, still), camera: 'bed-2' }
    judged.judge([seen(1, still), seen(2, still), other])
    judged.keep('bed-1', [2])
    expect(judged.changeOf(seen(1, still))).toBe(Number.POSITIVE_INFINITY)
    expect(judged.changeOf(seen(2, still))).toBe(0)
    expect(judged.changeOf(other)).toBe(0)
  })

  it('is read of the whole crop, whatever its size', () => {
    const gist = gistOf({
      width: 224,
      height: 160,
      data: new Uint8Array(3 * 224 * 160).map((_, i) => (i > 3 * 224 * 150 ? 200 : 0))
    })
    expect(gist).toHaveLength(256)
    expect(Math.max(...gist.subarray(0, 224))).toBeLessThan(0)
    expect(Math.min(...gist.subarray(240))).toBeGreaterThan(0)
  })
})
