import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { describeFrame, frameRoom, localTime } from '../../../src/commands/snapshot/describe.js'
import { drawSnapshot } from '../../../src/commands/snapshot/draw.js'
import type { FrameHead } from '../../../src/daemon/control/protocol.js'
import { faceWidth } from '../../../src/lib/face/similarity.js'

/** A portrait picture in a landscape frame: grey, with the right half masked. */
const size = { width: 64, height: 48 }
const picture = { x: 16, y: 0, width: 32, height: 48 }
const head: FrameHead = {
  ...size,
  camera: 'room-312',
  location: { ward: null, room: '312', bed: null },
  at: '2026-11-28T09:41:03.000Z',
  state: 'ok',
  picture,
  masks: [
    [
      [0.5, 0],
      [1, 0],
      [1, 1],
      [0.5, 1]
    ]
  ],
  zones: [],
  faces: [],
  settings: {}
}

function pixelsOf(): Uint8Array {
  const pixels = new Uint8Array(size.width * size.height * 3)
  for (let y = 0; y < size.height; y++)
    pixels.fill(128, (y * size.width + picture.x) * 3, (y * size.width + picture.x + picture.width / 2) * 3)
  return pixels
}

async function drawn(changes: Partial<FrameHead>) {
  const png = await drawSnapshot({ head: { ...head, ...changes }, pixels: pixelsOf() }, ['title', 'right'], ['line'])
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  const at = (x: number, y: number): number[] => [...data.subarray((y * info.width + x) * info.channels).subarray(0, 3)]
  const count = (colour: readonly number[], until = info.height): number => {
    let found = 0
    for (let i = 0; i < until * info.width; i++) if (colour.every((value, c) => data[3 * i + c] === value)) found++
    return found
  }
  return { ...info, at, count }
}

const face = { box: { x: 20, y: 10, width: 10, height: 13 }, score: 0.9, zone: null, roll_deg: 0, why_not: null }
const usable = [0x3d, 0xff, 0x6e] as const
const unusable = [0xff, 0xb0, 0x00] as const

describe('the picture of a snapshot', () => {
  it("is the camera's without bars, enlarged pixel by pixel, with masks in black", async () => {
    const { width, height, channels, at } = await drawn({})
    expect([width, channels]).toEqual([6 * picture.width, 3])
    expect(height).toBeGreaterThan(6 * picture.height + 30)
    for (const y of [9, 100, 280]) {
      expect(at(20, y)).toEqual([128, 128, 128])
      expect(at(80, y)).toEqual([128, 128, 128])
      expect(at(170, y)).toEqual([0, 0, 0])
    }
  })

  it('has a box around each face, of another colour where it is not usable', async () => {
    const [one, other] = [await drawn({ faces: [face] }), await drawn({ faces: [{ ...face, why_not: 'covered' }] })]
    expect(one.count(usable)).toBeGreaterThan(100)
    expect(one.count(unusable)).toBe(0)
    expect(other.count(unusable)).toBeGreaterThan(100)
    expect(other.count(usable)).toBe(0)
    // The left edge of the box.
    expect(one.at((20 - 16) * 6, 18 * 6)).toEqual(usable)
  })

  it('has a line to the forehead of each face, whatever its roll', async () => {
    for (const [roll_deg, dx, dy] of [
      [0, 0, -1],
      [90, 1, 0],
      [180, 0, 1],
      [-90, -1, 0]
    ] as const) {
      const box = { x: 20, y: 12, width: 24, height: 24 }
      const { at } = await drawn({ faces: [{ ...face, box, roll_deg }] })
      const [x, y] = [(32 - 16) * 6, 24 * 6]
      expect(at(x + 62 * dx, y + 62 * dy), `${roll_deg}°`).toEqual(usable)
      expect(at(x - 62 * dx, y - 62 * dy), `${roll_deg}°`).not.toEqual(usable)
    }
  })

  it('is drawn for any names and boxes, with no box reaching into the caption', async () => {
    const zones = ['<svg>&"\u001b[2J', '房间', 'x'.repeat(5000), ''].map((name) => ({ name, polygon: head.masks[0]! }))
    const boxes = [
      { x: -500, y: -500, width: 10, height: 10 },
      { x: 0, y: 0, width: 1e5, height: 1e5 },
      { x: 20, y: 40, width: 10, height: 500 },
      { x: 20, y: 20, width: 0, height: 0 }
    ]
    const faces = Array.from({ length: 40 }, (_, i) => ({ ...face, box: boxes[i % 4]!, zone: zones[i % 3]!.name }))
    const { count, height } = await drawn({ zones, faces })
    expect(count(usable)).toBe(count(usable, 6 * picture.height))
    expect(height).toBeLessThan(600)
  })

  it('is refused where its area is not within the frame', async () => {
    for (const wrong of [{ x: 40 }, { y: -1 }, { width: 0 }, { height: 48.5 }])
      await expect(drawn({ picture: { ...picture, ...wrong } })).rejects.toMatchObject({ code: 'PL-CONTROL-ANSWER' })
  })
})

describe('the text of a snapshot', () => {
  const lineOf = (changes: object): string => describeFrame({ ...head, faces: [{ ...face, ...changes }] }, 'x')[1]!

  it('has the size and turn of each face, and whether it is usable', () => {
    expect(lineOf({})).toBe("1: usable; 10 px wide (31.3 % of the picture's width), upright, score 0.90, in no zone")
    expect(lineOf({ why_not: 'covered', roll_deg: -90, zone: 'bed' })).toBe(
      "1: not usable: covered; 13 px wide (40.6 % of the picture's width), turned 90° anticlockwise, score 0.90, in zone bed"
    )
    expect(lineOf({ roll_deg: 178 })).toContain(', upside down,')
    expect(lineOf({ why_not: 'a reason of another version' })).toContain('not usable: a reason of another version;')
    expect(describeFrame(head, 'x')).toEqual(['picture 32x48, ok; 1 mask, no zones; x', 'no face found'])
    const unsearched = (state: string) => describeFrame({ ...head, state, faces: null }, 'x')[1]
    expect(unsearched('frozen')).toBe('not searched for faces: the picture is frozen')
    // Of a stream that loses a packet now and then, too.
    for (const state of ['damaged', 'ok'])
      expect(unsearched(state)).toBe('not searched for faces: the picture is damaged')
    const corners: [number, number][] = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1]
    ]
    const hidden = { ...head, masks: [corners] }
    expect(describeFrame(hidden, 'x')[1]).toBe('no face found: the masks hide the whole picture')
  })

  it('shows escape sequences in the name of a place as text', () => {
    const location = { ward: 'Ä 房\u001b[31m', room: 'x'.repeat(500), bed: '' }
    const text = frameRoom({ ...head, location })
    expect(text).toContain('Ä 房\\x1b[31m')
    expect(text.length).toBeLessThan(200)
  })

  it('has the local time with its offset from UTC', () => {
    const [, day, time, sign, hours, minutes] =
      /^(\S+) (\S+) ([+-])(\d\d):(\d\d)$/.exec(localTime('2026-11-28T09:41:03.250Z')) ?? []
    expect(Date.parse(`${day}T${time}${sign}${hours}:${minutes}`)).toBe(Date.UTC(2026, 10, 28, 9, 41, 3))
  })

  it('has the width of a turned face from ear to ear, not that of its upright box', () => {
    const side = fc.double({ min: 20, max: 500, noNaN: true })
    const roll = fc.double({ min: -180, max: 180, noNaN: true })
    fc.assert(
      fc.property(side, fc.double({ min: 1.1, max: 1.5, noNaN: true }), roll, (width, ratio, roll_deg) => {
        const turn = (roll_deg * Math.PI) / 180
        const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
        const height = ratio * width
        const box = {
          ...{ x: 0, y: 0, width: Math.hypot(width * cos, height * sin) },
          height: Math.hypot(width * sin, height * cos)
        }
        const isClear = Math.abs(Math.cos(2 * turn)) >= 0.2
        expect(Math.abs(faceWidth(box, roll_deg) / width - 1)).toBeLessThan(isClear ? 1e-6 : 0.15)
      })
    )
  })
})
