import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Frame, Polygon } from '../../../src/core/types.js'
import { FrameAssembler } from '../../../src/stages/camera/frames.js'
import { fitInto } from '../../../src/stages/camera/picture-shape.js'
import { ruledLayout } from '../../../src/stages/camera/picture-writer.js'
import { moment } from '../../support/moments.js'
import { ruled } from './ruled.js'

const frameSize = { width: 6, height: 5 }
const leftHalf: Polygon = [
  [0, 0],
  [0.5, 0],
  [0.5, 1],
  [0, 1]
]

function collector(slots = 1): { assembler: FrameAssembler; frames: Frame[] } {
  const frames: Frame[] = []
  const assembler = new FrameAssembler({
    ...{ camera: 'bed', ...frameSize, slots, masks: [leftHalf], onDrop: () => undefined },
    onFrame: (frame) => frames.push(frame)
  })
  return { assembler, frames }
}

/** Pixel by pixel, the plain way. */
function expected(picture: Buffer, size: { width: number; height: number }): number[] {
  const rgb = new Array<number>(frameSize.width * frameSize.height * 3).fill(0)
  const left = Math.floor((frameSize.width - size.width) / 2)
  const top = Math.floor((frameSize.height - size.height) / 2)
  for (let y = 0; y < size.height; y++)
    for (let x = Math.ceil(size.width / 2); x < size.width; x++)
      for (const channel of [0, 1, 2])
        rgb[((y + top) * frameSize.width + x + left) * 3 + channel] = picture[(y * size.width + x) * 4 + 2 - channel]!
  return rgb
}

const picture = (size: { width: number; height: number }, seed: number): Buffer =>
  Buffer.from(Array.from({ length: size.width * size.height * 4 }, (_, index) => 1 + ((index * 37 + seed * 11) % 255)))

describe('bgr0 pictures', () => {
  it('come out as RGB in the middle of the frame, their left half masked, however the bytes are cut', () => {
    const size = fc.record({ width: fc.integer({ min: 1, max: 6 }), height: fc.integer({ min: 1, max: 5 }) })
    const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(size, cuts, (layout, lengths) => {
        const { assembler, frames } = collector()
        assembler.reset({ format: 'bgr0', ...layout })
        const pictures = [1, 2, 3].map((seed) => picture(layout, seed))
        const stream = Buffer.concat(pictures)
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const start = at
          const end = Math.min(stream.length, at + lengths[turn % lengths.length]!)
          assembler.push(stream.subarray(at, end), moment(0))
          at = end
          for (const frame of frames.splice(1)) throw new Error(`one frame too many at byte ${end}: ${frame.data}`)
          const [frame] = frames.splice(0)
          if (!frame) continue
          // One that began while the slot was out is dropped, so of several that end here it may be a later one.
          const each = pictures[0]!.length
          const ended = pictures.slice(Math.floor(start / each), Math.floor(end / each))
          expect(ended.map((one) => expected(one, layout))).toContainEqual([...frame.data])
          frame.release()
        }
      })
    )
  })

  it('leave nothing of an earlier picture of another shape beside them', () => {
    const { assembler, frames } = collector()
    assembler.push(ruled(frameSize, 200), moment(0))
    expect(frames[0]!.data.at(-1)).toBe(200)
    frames[0]!.release()
    const layout = { width: 4, height: 2 }
    assembler.reset({ format: 'bgr0', ...layout })
    assembler.push(picture(layout, 7), moment(0))
    expect([...frames[1]!.data]).toEqual(expected(picture(layout, 7), layout))
    frames[1]!.release()
    expect(frames[1]!.picture).toEqual({ x: 1, y: 1, ...layout })
    assembler.reset(ruledLayout(frameSize))
    assembler.push(ruled(frameSize, 100), moment(0))
    expect([...frames[2]!.data.subarray(0, 18)]).toEqual([...new Array(9).fill(0), ...new Array(9).fill(100)])
  })
})

describe('fitInto', () => {
  it.each([
    [
      { width: 1920, height: 1080 },
      { width: 1280, height: 720 },
      { width: 1280, height: 720 }
    ],
    [
      { width: 640, height: 480 },
      { width: 1280, height: 720 },
      { width: 960, height: 720 }
    ],
    [
      { width: 2560, height: 1440 },
      { width: 640, height: 480 },
      { width: 640, height: 360 }
    ],
    [
      { width: 704, height: 576 },
      { width: 1280, height: 720 },
      { width: 880, height: 720 }
    ],
    [
      { width: 1080, height: 1920 },
      { width: 1280, height: 720 },
      { width: 405, height: 720 }
    ],
    [
      { width: 4000, height: 10 },
      { width: 100, height: 100 },
      { width: 100, height: 1 }
    ]
  ])('of %o in %o', (own, frame, fitted) => {
    expect(fitInto(own, frame)).toEqual(fitted)
  })
})
