import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Frame } from '../../../src/core/types.js'
import { FrameAssembler } from '../../../src/stages/camera/frames.js'
import { moment } from '../../support/moments.js'

const size = { width: 4, height: 3 }
const bytes = size.width * size.height * 3
const picture = (value: number): Buffer => Buffer.alloc(bytes, value)

function assembler(slots: number): { assembler: FrameAssembler; frames: Frame[]; drops: () => number } {
  const frames: Frame[] = []
  let dropped = 0
  const made = new FrameAssembler({
    camera: 'bed',
    ...size,
    slots,
    masks: [[0, 3]],
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
})
