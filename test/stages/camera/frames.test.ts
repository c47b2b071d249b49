import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Frame, Polygon } from '../../../src/core/types.js'
import { FrameAssembler, RateMeter } from '../../../src/stages/camera/frames.js'
import { moment } from '../../support/moments.js'
import { ruled } from './ruled.js'

const size = { width: 4, height: 3 }
const bytes = size.width * size.height * 3
const picture = (value: number): Buffer => ruled(size, value)
/** The first pixel. */
const corner: Polygon = [
  [0, 0],
  [1 / 4, 0],
  [1 / 4, 1 / 3],
  [0, 1 / 3]
]

function assembler(slots: number): { assembler: FrameAssembler; frames: Frame[]; drops: () => number } {
  const frames: Frame[] = []
  let dropped = 0
  const made = new FrameAssembler({
    camera: 'bed',
    ...size,
    slots,
    masks: [corner],
    onFrame: (frame) => frames.push(frame),
    onDrop: () => dropped++
  })
  return { assembler: made, frames, drops: () => dropped }
}

describe('FrameAssembler', () => {
  it('finds the same frames however the bytes are cut, and counts what it has no slot for', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 30 })
    const released = fc.array(fc.boolean(), { minLength: 20, maxLength: 20 })
    fc.assert(
      fc.property(cuts, released, fc.integer({ min: 1, max: 4 }), (lengths, keeps, slots) => {
        const { assembler: made, frames, drops } = assembler(slots)
        const stream = Buffer.concat(Array.from({ length: 20 }, (_, index) => picture(index + 1)))
        const numbers: number[] = []
        let seen = 0
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const end = Math.min(stream.length, at + lengths[turn % lengths.length]!)
          made.push(stream.subarray(at, end), moment(1000 + end))
          at = end
          for (; seen < frames.length; seen++) {
            const frame = frames[seen]!
            expect([...frame.data.subarray(0, 3)]).toEqual([0, 0, 0])
            expect([...frame.data.subarray(3)]).toEqual(new Array(bytes - 3).fill(frame.data[3]))
            numbers.push(frame.data[3]!)
            expect(frame.at).toBe(1000 + end)
            if (!keeps[seen]) frame.release()
          }
        }
        expect(frames.length + drops()).toBe(20)
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
      })
    )
  })

  it('leaves frames that are out alone, and uses a slot again after its release, however often that is called', () => {
    const { assembler: made, frames, drops } = assembler(2)
    for (const value of [1, 2, 3]) made.push(picture(value), moment(0))
    expect(frames.map(({ data }) => data[5])).toEqual([1, 2])
    expect(drops()).toBe(1)
    frames[0]!.release()
    frames[0]!.release()
    made.push(picture(4), moment(0))
    expect(frames.at(-1)).toMatchObject({ camera: 'bed', ...size })
    expect(frames.map(({ data }) => data[5])).toEqual([4, 2, 4])
    frames[0]!.release()
    made.push(picture(5), moment(0))
    expect(frames).toHaveLength(3)
    expect(frames[2]!.data[5]).toBe(4)
  })

  it('hands out memory of one SharedArrayBuffer', () => {
    const { assembler: made, frames } = assembler(3)
    for (const value of [1, 2, 3]) made.push(picture(value), moment(0))
    expect(new Set(frames.map(({ data }) => data.buffer)).size).toBe(1)
    expect(frames[0]!.data.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  it('forgets a frame that came in half', () => {
    const { assembler: made, frames } = assembler(1)
    made.push(picture(9).subarray(0, 10), moment(0))
    made.reset()
    made.push(picture(1), moment(0))
    expect(frames.map(({ data }) => data[5])).toEqual([1])
  })

  it('finds the place of each picture by its ruler, and masks that', () => {
    const frame = fc.record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) })
    const length = fc.integer({ min: 1, max: 9 })
    const shapes = fc.array(fc.record({ length, lying: fc.boolean() }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(frame, shapes, fc.integer({ min: 1, max: 40 }), (whole, told, cut) => {
        const half: Polygon = [
          [0, 0],
          [0.5, 0],
          [0.5, 1],
          [0, 1]
        ]
        const frames: Frame[] = []
        const made = new FrameAssembler({
          ...{ camera: 'bed', ...whole, slots: 1, masks: [half], onDrop: () => undefined },
          onFrame: (each) => frames.push(each)
        })
        for (const { length, lying } of told) {
          const width = lying ? whole.width : Math.min(length, whole.width)
          const height = lying ? Math.min(length, whole.height) : whole.height
          const place = { x: (whole.width - width) >> 1, y: (whole.height - height) >> 1, width, height }
          const bytes = ruled(whole, 77, place)
          for (let at = 0; at < bytes.length; at += cut) made.push(bytes.subarray(at, at + cut), moment(0))
          const [each] = frames.splice(0)
          expect(each!.picture).toEqual(place)
          const expected = Array.from({ length: whole.width * whole.height }, (_, i) => {
            const [x, y] = [(i % whole.width) - place.x, Math.floor(i / whole.width) - place.y]
            return x >= width / 2 && x < width && y >= 0 && y < height ? 77 : 0
          })
          expect(Array.from(expected.keys(), (i) => each!.data[i * 3])).toEqual(expected)
          each!.release()
        }
      })
    )
  })
})

describe('the measured rate of pictures', () => {
  it.each([1, 5, 25])('is %i pictures per second soon after the start, and in the long run', (fps) => {
    const meter = new RateMeter()
    let now = 1e6
    for (let index = 0; index < fps * 20; index++, now += 1000 / fps) {
      meter.add(now)
      if (index >= 2 * fps) expect(meter.rate(now)).toBeCloseTo(fps, 0)
    }
  })

  it.each([4, 12, 60])('is that of a camera with a picture in %i s, until two more have failed to come', (seconds) => {
    const meter = new RateMeter()
    for (let picture = 0; picture < 5; picture++) meter.add(1000 * seconds * picture)
    const rateAfter = (periods: number) => meter.rate(1000 * seconds * (4 + periods))
    for (const periods of [0, 0.3, 0.9]) expect(rateAfter(periods)).toBeCloseTo(1 / seconds, 6)
    expect(rateAfter(1.8)).toBeCloseTo(1 / seconds / 1.8, 6)
    expect(rateAfter(2.1)).toBe(0)
  })

  it('falls to zero when no picture comes', () => {
    const meter = new RateMeter()
    for (let now = 0; now < 5000; now += 100) meter.add(now)
    expect(meter.rate(7400)).toBeGreaterThan(3)
    expect(meter.rate(7400)).toBeLessThan(7)
    expect(meter.rate(60_000)).toBe(0)
  })
})
