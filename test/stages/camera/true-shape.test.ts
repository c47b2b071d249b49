import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, type ExpectStatic } from 'vitest'
import type { Box, Polygon, Size } from '../../../src/core/types.js'
import type { FeedOptions } from '../../../src/show/simulate/feed.js'
import type { RtspServer } from '../../../src/show/simulate/rtsp-server.js'
import type { Decoder } from '../../../src/stages/camera/index.js'
import type { ShapeOptions } from '../../../src/stages/camera/picture-shape.js'
import { sharedFile } from '../../support/shared-file.js'
import { patience } from '../../support/slowness.js'
import { it, type World } from './gst-world.js'
import { nextFrames, type Rig } from './rig.js'

const run = promisify(execFile)

interface Case extends Size, ShapeOptions {
  what: string
  codec?: FeedOptions['codec']
  sampleAspect?: string
  turnedBy?: FeedOptions['turnedBy']
  /** A white rectangle in the stream's own pixels: 100x100 in the camera's picture. */
  white: [x: number, y: number, width: number, height: number]
  /** Of the camera's picture, in square pixels. */
  picture: Size
  /** The white square's upper left corner in that. */
  at: [x: number, y: number]
}

const cases: Case[] = [
  {
    what: '16:9',
    width: 640,
    height: 360,
    white: [80, 60, 100, 100],
    picture: { width: 640, height: 360 },
    at: [80, 60]
  },
  {
    what: '4:3',
    width: 480,
    height: 360,
    white: [80, 60, 100, 100],
    picture: { width: 480, height: 360 },
    at: [80, 60]
  },
  {
    what: 'in portrait format',
    width: 202,
    height: 360,
    white: [60, 40, 100, 100],
    picture: { width: 202, height: 360 },
    at: [60, 40]
  },
  {
    what: 'PAL, 16:11,',
    width: 440,
    height: 360,
    sampleAspect: '16/11',
    white: [55, 60, 68.75, 100],
    picture: { width: 640, height: 360 },
    at: [80, 60]
  },
  {
    what: 'of pixels 2:1',
    codec: 'hevc',
    width: 320,
    height: 360,
    sampleAspect: '2/1',
    white: [40, 60, 50, 100],
    picture: { width: 640, height: 360 },
    at: [80, 60]
  },
  {
    what: 'of half the columns, as the config says,',
    width: 320,
    height: 360,
    aspect: 16 / 9,
    white: [40, 60, 50, 100],
    picture: { width: 640, height: 360 },
    at: [80, 60]
  },
  {
    what: 'turned by 90°',
    width: 640,
    height: 360,
    rotation: 90,
    white: [80, 60, 100, 100],
    picture: { width: 360, height: 640 },
    at: [200, 80]
  },
  {
    what: 'turned by 180°',
    width: 480,
    height: 360,
    rotation: 180,
    white: [80, 60, 100, 100],
    picture: { width: 480, height: 360 },
    at: [300, 200]
  },
  {
    what: 'of pixels 2:1 and turned by 270°',
    width: 320,
    height: 360,
    sampleAspect: '2/1',
    rotation: 270,
    white: [40, 60, 50, 100],
    picture: { width: 360, height: 640 },
    at: [60, 460]
  },
  {
    what: 'turned by the stream',
    width: 640,
    height: 360,
    turnedBy: 90,
    white: [80, 60, 100, 100],
    picture: { width: 360, height: 640 },
    at: [200, 80]
  },
  {
    what: 'turned by an H.265 stream',
    codec: 'hevc',
    width: 640,
    height: 360,
    turnedBy: 270,
    white: [80, 60, 100, 100],
    picture: { width: 360, height: 640 },
    at: [60, 460]
  },
  {
    what: 'turned upside down by a stream of half the columns',
    width: 320,
    height: 360,
    turnedBy: 180,
    aspect: 16 / 9,
    white: [40, 60, 50, 100],
    picture: { width: 640, height: 360 },
    at: [460, 200]
  },
  {
    what: 'turned by the stream, which the config overrules,',
    width: 640,
    height: 360,
    turnedBy: 90,
    rotation: 0,
    white: [80, 60, 100, 100],
    picture: { width: 640, height: 360 },
    at: [80, 60]
  }
]

const frame = { width: 640, height: 360 }
/** The left 15 %. */
const mask: Polygon = [
  [0, 0],
  [0.15, 0],
  [0.15, 1],
  [0, 1]
]

/** Blue with a white rectangle: one picture, drawn four times as large for edges between two columns, and repeated. */
function source({ width, height, white: [x, y, w, h] }: Case): string {
  const drawn = `color=c=blue:s=${width * 4}x${height * 4}:r=15,trim=end_frame=1`
  const box = `drawbox=x=${x * 4}:y=${y * 4}:w=${w * 4}:h=${h * 4}:c=white:t=fill`
  return `${drawn},${box},scale=${width}:${height},loop=loop=-1:size=1`
}

/** First column and row, width and height of what is so bright in red (white) or blue (all that is picture). */
function extent(pixels: Uint8Array, channel: 0 | 2): [number, number, number, number] {
  let [left, top, right, bottom] = [frame.width, frame.height, -1, -1]
  for (let y = 0; y < frame.height; y++)
    for (let x = 0; x < frame.width; x++) {
      if (pixels[(y * frame.width + x) * 3 + channel]! < 128) continue
      ;[left, top] = [Math.min(left, x), Math.min(top, y)]
      ;[right, bottom] = [Math.max(right, x), Math.max(bottom, y)]
    }
  return [left, top, right - left + 1, bottom - top + 1]
}

async function measure(world: World, by: Decoder, one: Case) {
  const { rig } = world
  const { codec = 'h264', width, height, sampleAspect, turnedBy } = one
  const server = await rig.server()
  const fed = async () => {
    const feed = await rig.feed(server, {
      ...{ codec, width, height, sampleAspect, turnedBy, frames: { lavfi: source(one) } },
      // FFmpeg's bit stream filter tells one picture late, and the decoder that asks first takes the first pictures' word.
      ...(turnedBy && by !== rig.decoder && { keyFrameEvery: 1 })
    })
    return feed.url
  }
  const url = turnedBy && codec === 'hevc' ? await publishTurned(rig, server, one, turnedBy) : await fed()
  const { rotation, aspect } = one
  const look = async (id: string, masks: Polygon[]) => {
    const camera = rig.camera(url, { ...frame, id, masks, rotation, aspect, decoder: by })
    camera.start()
    // Beyond the first key frame, with which alone a camera may tell how it lies.
    const frames = await nextFrames(camera, 5, 30_000)
    await camera.stop()
    return frames[4]!
  }
  const [open, masked] = await Promise.all([look('open', []), look('masked', [mask])])
  return { open, masked }
}

async function expectTrueShape(world: World, by: Decoder, one: Case, expect: ExpectStatic): Promise<void> {
  const scale = Math.min(frame.width / one.picture.width, frame.height / one.picture.height)
  const { open, masked } = await measure(world, by, one)
  const place = open.frame.picture
  expect(Math.abs(place.width - one.picture.width * scale), one.what).toBeLessThanOrEqual(1)
  expect(Math.abs(place.height - one.picture.height * scale), one.what).toBeLessThanOrEqual(1)
  expect(extent(open.pixels, 2), `${one.what}: bars`).toEqual([place.x, place.y, place.width, place.height])
  const [x, y, width, height] = extent(open.pixels, 0)
  const expected = [place.x + one.at[0] * scale, place.y + one.at[1] * scale, 100 * scale, 100 * scale]
  for (const [k, value] of [x, y, width, height].entries())
    expect(Math.abs(value - expected[k]!), `${one.what}: ${[x, y, width, height]} for ${expected}`).toBeLessThanOrEqual(
      1.5
    )
  const covered = Math.ceil(place.x + 0.15 * place.width) - place.x
  const [left, , shown] = extent(masked.pixels, 2)
  expect([left, shown], `${one.what}: columns beside the mask`).toEqual([place.x + covered, place.width - covered])
  expect(brightIn(open.pixels) - brightIn(masked.pixels), `${one.what}: masked pixels`).toBe(covered * place.height)
}

/** How many pixels are so bright in blue, which all of the picture is. */
function brightIn(pixels: Uint8Array): number {
  let count = 0
  for (let i = 2; i < pixels.length; i += 3) if (pixels[i]! >= 128) count++
  return count
}

const programs = ['ffmpeg', 'gstreamer'] as const
const decoderOf = (world: World, by: (typeof programs)[number]) =>
  by === 'ffmpeg' ? world.rig.decoder : world.decoder()

describe.concurrent.each(programs)('through %s', (by) => {
  it.for(cases)(
    'a picture that is $what has its true shape, and its mask its place',
    { timeout: patience(90_000) },
    (one, { world, expect }) => expectTrueShape(world, decoderOf(world, by), one, expect)
  )

  it('a stream that changes its size and the shape of its pixels moves the mask along', {
    timeout: patience(90_000)
  }, async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server()
    const url = await publishChanging(rig, server)
    const camera = rig.camera(url, {
      ...frame,
      masks: [mask],
      decoder: decoderOf(world, by)
    })
    const seen: { place: Box; shown: number[] }[] = []
    camera.frames.subscribe((each) => {
      seen.push({ place: each.picture, shown: extent(each.data, 2) })
      each.release()
    })
    camera.start()
    const shapes = (): number => new Set(seen.map(({ place }) => place.width)).size
    await expect.poll(shapes, { timeout: patience(60_000) }).toBe(3)
    for (const { place, shown } of seen) {
      const covered = Math.ceil(place.x + 0.15 * place.width) - place.x
      expect([shown[0], shown[2]]).toEqual([place.x + covered, place.width - covered])
    }
    expect(camera.stats().restarts).toBe(0)
  })
})

/** H.265 that tells its turn with each key frame. FFmpeg has no filter for that. */
async function publishTurned(rig: Rig, server: RtspServer, one: Case, turnedBy: number): Promise<string> {
  const film = await sharedFile('turned.h265', async (own) => {
    const input = ['-v', 'fatal', '-y', '-f', 'lavfi', '-i', source(one)]
    const x265 = 'keyint=15:bframes=0:repeat-headers=1:log-level=error'
    const encoder = ['-t', '4', '-pix_fmt', 'yuv420p', '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', x265]
    await run('ffmpeg', [...input, ...encoder, '-f', 'hevc', own])
    await writeFile(own, repeated(withOrientation(await readFile(own), turnedBy)))
  })
  return rig.publish(server, '/turned', ['-re', '-r', '15', '-f', 'hevc', '-i', film, '-c', 'copy'])
}

/** For some minutes: FFmpeg's `-stream_loop` cannot go back to the start of a stream without a container. */
const repeated = (stream: Buffer): Buffer => Buffer.concat(Array.from({ length: 40 }, () => stream))

/** With an SEI message "display orientation" (H.265, D.2.17) before each key frame, which counts counterclockwise. */
function withOrientation(stream: Buffer, clockwise: number): Buffer {
  const turn = ((360 - clockwise) / 360) * 0x10000
  // No cancelling, no mirroring, 16 bits of the turn, persistent, and the end of the payload.
  const payload = (turn << 5) | 0b11000
  const sei = Buffer.of(0, 0, 0, 1, 39 << 1, 1, 47, 3, payload >> 16, (payload >> 8) & 255, payload & 255, 0x80)
  const parts: Buffer[] = []
  let from = 0
  for (let at = stream.indexOf('000001', 0, 'hex'); at >= 0; at = stream.indexOf('000001', at + 3, 'hex')) {
    const type = (stream[at + 3]! >> 1) & 0x3f
    if (type < 16 || type > 21) continue
    const start = stream[at - 1] === 0 ? at - 1 : at
    parts.push(stream.subarray(from, start), sei)
    from = start
  }
  return Buffer.concat([...parts, stream.subarray(from)])
}

/** Blue, 640x360, then 480x360, then 480x360 of pixels that are half as wide as high, in one H.264 stream, again and again. */
async function publishChanging(rig: Rig, server: RtspServer): Promise<string> {
  const film = await sharedFile('changing.h264', async (own) => {
    const parts: Buffer[] = []
    for (const [size, pixels] of changes) {
      const input = ['-v', 'fatal', '-y', '-f', 'lavfi', '-i', `color=blue:s=${size}:r=15:d=2,setsar=${pixels}`]
      const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '10']
      await run('ffmpeg', [...input, ...encoder, '-pix_fmt', 'yuv420p', '-f', 'h264', own])
      parts.push(await readFile(own))
    }
    await writeFile(own, repeated(Buffer.concat(parts)))
  })
  return rig.publish(server, '/changing', ['-re', '-r', '15', '-f', 'h264', '-i', film, '-c', 'copy'])
}

const changes = [
  ['640x360', '1'],
  ['480x360', '1'],
  ['480x360', '1/2']
] as const
