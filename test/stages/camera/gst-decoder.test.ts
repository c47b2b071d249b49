import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect as plainExpect } from 'vitest'
import type { Size } from '../../../src/core/types.js'
import { missingElement, nvidiaElements, softwareElements } from '../../../src/stages/camera/gstreamer.js'
import { type Decoder, decoderFor } from '../../../src/stages/camera/index.js'
import { fitInto } from '../../../src/stages/camera/picture-shape.js'
import { patience } from '../../support/slowness.js'
import { it, type NumberedStream, numberOf, publishNumbered, type World } from './gst-world.js'
import { colourAt, nameOf, nextFrames, untilState } from './rig.js'

const bt709 = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv']
const full601 = [
  '-colorspace',
  'smpte170m',
  '-color_primaries',
  'smpte170m',
  '-color_trc',
  'smpte170m',
  '-color_range',
  'pc'
]
const small = { width: 160, height: 120 }

/** Of two frames' values, in grey levels: on average, and what one in a thousand exceeds. */
function difference(a: Uint8Array, b: Uint8Array): { mean: number; p999: number } {
  const differences = a.map((value, at) => Math.abs(value - b[at]!)).sort()
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length
  return { mean, p999: differences[Math.floor(differences.length * 0.999)]! }
}

describe.concurrent('gstreamer, frame for frame with ffmpeg', () => {
  const same = { mean: 1.5, p999: 6 }
  const cases: [string, NumberedStream, Size, { mean: number; p999: number }][] = [
    [
      'h264 that does not name its colours',
      { codec: 'h264', ...small, colours: [], filter: 'format=yuv420p' },
      small,
      same
    ],
    [
      'hevc in BT.709',
      { codec: 'hevc', ...small, colours: bt709, filter: 'scale=out_color_matrix=bt709:out_range=tv,format=yuv420p' },
      small,
      same
    ],
    [
      'h264 in full-range BT.601',
      {
        codec: 'h264',
        ...small,
        colours: full601,
        filter: 'scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p'
      },
      small,
      same
    ],
    [
      'full range, nothing else named',
      { codec: 'h264', ...small, colours: ['-color_range', 'pc'], filter: 'scale=out_range=pc,format=yuvj420p' },
      small,
      same
    ],
    // In colour the two scalers treat the coarser grid of the colours differently.
    [
      'grey, made smaller, with bars',
      { codec: 'h264', width: 480, height: 360, colours: [], filter: 'hue=s=0,format=yuv420p' },
      { width: 320, height: 180 },
      { mean: 2, p999: 30 }
    ]
  ]

  it(`shows the same: ${cases.map(([what]) => what).join('; ')}`, async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server()
    const compare = async ([what, stream, size, bound]: (typeof cases)[number], index: number): Promise<void> => {
      const url = await publishNumbered(rig, server, `/bed-${index}`, stream)
      const shown = fitInto(stream, size)
      const watch = (by: Decoder): Map<number, Uint8Array> => {
        const seen = new Map<number, Uint8Array>()
        const camera = rig.camera(url, { id: `bed-${index}`, ...size, fps: 30, decoder: by })
        camera.frames.subscribe((frame) => {
          seen.set(numberOf(frame.data, size, shown), Uint8Array.from(frame.data))
          frame.release()
        })
        camera.start()
        return seen
      }
      const reference = watch(rig.decoder)
      const pictures = watch(world.decoder())
      const both = (): number[] => [...pictures.keys()].filter((number) => reference.has(number))
      await expect.poll(() => both().length, { timeout: patience(30_000), message: what }).toBeGreaterThan(20)
      const numbers = [...pictures.keys()]
      expect(numbers, what).toEqual([...numbers].sort((a, b) => a - b))
      for (const number of both()) {
        const { mean, p999 } = difference(reference.get(number)!, pictures.get(number)!)
        expect(mean, what).toBeLessThan(bound.mean)
        expect(p999, what).toBeLessThanOrEqual(bound.p999)
      }
    }
    await Promise.all(cases.map(compare))
  })

  it('thins out as asked, and takes MJPEG by FFmpeg alone', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server()
    const numbered = { codec: 'h264', ...small, colours: [], filter: 'format=yuv420p' } as const
    const [h264, mjpeg] = await Promise.all([
      publishNumbered(rig, server, '/h264', numbered),
      rig.feed(server, { path: '/mjpeg', codec: 'mjpeg' })
    ])
    const slow = rig.camera(h264, { fps: 2.5, decoder: world.decoder() })
    const other = rig.camera(mjpeg.url, { id: 'yard', fps: 5, decoder: world.decoder() })
    slow.start()
    other.start()
    const [frames, [yard]] = await Promise.all([nextFrames(slow, 10), nextFrames(other, 1)])
    // One in ten of 25 a second. By the numbers in the pictures, since a busy machine bunches them up.
    const [first, last] = [frames[0]!, frames.at(-1)!].map(({ pixels }) => numberOf(pixels, small, small)) as [
      number,
      number
    ]
    expect((last - first) / 9, '25 a second thinned out').toBeGreaterThan(4)
    expect(nameOf(colourAt(yard!.pixels, small, 0.25, 0.5))).toBe('red')
    expect(world.children()).toHaveLength(3)
    const decoder = world.decoder()
    expect(decoder.nameFor({ codec: 'hevc' })).toBe(decoder.name)
    expect(decoder.nameFor({ codec: 'mjpeg' })).toMatch(/^ffmpeg /)
  })
})

describe.concurrent('a stream with two video tracks', () => {
  it('is decoded from the track that is chosen, at its size', async ({ world, expect }) => {
    const { rig } = world
    const url = await rig.twoTracks(await rig.server())
    const watched = ([1, 2] as const).map((videoTrack) =>
      rig.camera(url, { id: `track-${videoTrack}`, videoTrack, decoder: world.decoder() })
    )
    for (const camera of watched) camera.start()
    const shown = await Promise.all(
      watched.map(async (camera) => {
        const [frame] = await nextFrames(camera, 1)
        return [0.25, 0.75].map((x) => nameOf(colourAt(frame!.pixels, small, x, 0.5)))
      })
    )
    expect(shown).toEqual([
      ['red', 'blue'],
      ['blue', 'red']
    ])
    const sizes = world.children().flatMap(({ commandLine }) => /width=(160|320)[^0]/.exec(commandLine)?.[1] ?? [])
    expect(sizes).toContain('320')
  })
})

describe.concurrent('a camera that comes back as another', () => {
  it('is asked and decoded anew', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server()
    const before = await rig.feed(server)
    const camera = rig.camera(before.url, { decoder: world.decoder() })
    camera.start()
    await nextFrames(camera, 2)
    await before.stop()
    await untilState(camera, 'connecting')
    await rig.feed(server, { codec: 'hevc', height: 60 })
    const [after] = await nextFrames(camera, 1, 20_000)
    const shown = [0.1, 0.3, 0.7, 0.9].map((y) => nameOf(colourAt(after!.pixels, small, 0.25, y)))
    expect(shown).toEqual(['black', 'red', 'red', 'black'])
    expect(world.children()[1]!.commandLine).toContain('avdec_h265')
  })
})

describe.concurrent('nvidia', () => {
  const description = { codec: 'hevc', width: 1920, height: 1080 }

  /** A gst-launch-1.0 that notes what it is asked, and does it with elements that every machine has. */
  function standIn({ folder }: World): { command: string; noted: () => string } {
    const command = join(folder, 'stand-in')
    const names = [
      's/nvv4l2decoder disable-dpb=true/avdec_h264/',
      's/(memory:NVMM)//',
      's/nvvidconv interpolation-method=Bilinear/videoscale ! videoconvert/'
    ]
    writeFileSync(
      command,
      `#!/bin/sh\necho "$*" > ${folder}/noted\nset -f\nexec gst-launch-1.0 $(echo "$*" | sed ${names.map((name) => `-e '${name}'`).join(' ')})\n`
    )
    chmodSync(command, 0o755)
    return { command, noted: () => readFileSync(join(folder, 'noted'), 'utf8').trim() }
  }

  it('is asked for its own elements, with pictures in its own memory until they are small', ({
    world: { ffmpeg },
    expect
  }) => {
    const source = { scheme: 'rtsp', full: '', secret: '' } as const
    const request = {
      source,
      fps: 5,
      width: 640,
      height: 480,
      silenceMs: 5000,
      firstPictureMs: 25_000,
      stream: description
    }
    const { next, pictures } = decoderFor('nvidia', { ffmpeg, nvidia: false }).command(request)
    expect(pictures).toEqual({ format: 'bgr0', width: 640, height: 360 })
    expect([next!.command, ...next!.args].join(' ')).toBe(
      'gst-launch-1.0 -v fdsrc fd=0 do-timestamp=true blocksize=65536' +
        ' ! video/x-h265,stream-format=byte-stream,width=1920,height=1080,framerate=60/1 ! h265parse' +
        ' ! nvv4l2decoder disable-dpb=true' +
        ' ! videorate drop-only=true skip-to-first=true ! video/x-raw(memory:NVMM),framerate=5/1' +
        ' ! nvvidconv interpolation-method=Bilinear ! video/x-raw,format=BGRx,width=640,height=360' +
        ' ! fdsink fd=3 sync=false async=false'
    )
  })

  it.each([
    [{ ...description, width: 704, height: 576, sampleAspect: 16 / 11 }, {}, 'Bilinear', { width: 640, height: 360 }],
    [{ ...description, width: 960 }, { aspect: 16 / 9 }, 'Bilinear', { width: 640, height: 360 }],
    [description, { rotation: 90 as const }, 'Bilinear flip-method=3', { width: 270, height: 480 }],
    [description, { rotation: 180 as const }, 'Bilinear flip-method=2', { width: 640, height: 360 }],
    [{ ...description, rotation: 270 as const }, {}, 'Bilinear flip-method=1', { width: 270, height: 480 }],
    [{ ...description, rotation: 270 as const }, { rotation: 0 as const }, 'Bilinear', { width: 640, height: 360 }]
  ])('of %o with %o is asked for %s and %o', (stream, shape, convert, size) => {
    const source = { scheme: 'rtsp', full: '', secret: '' } as const
    const ffmpeg = { command: 'ffmpeg', version: '6', timeoutOption: 'timeout', passthrough: [] } as const
    const request = {
      source,
      fps: 5,
      width: 640,
      height: 480,
      silenceMs: 5000,
      firstPictureMs: 25_000,
      stream,
      ...shape
    }
    const { next, pictures } = decoderFor('nvidia', { ffmpeg, nvidia: false }).command(request)
    plainExpect(pictures).toEqual({ format: 'bgr0', ...size })
    plainExpect(next!.args.join(' ')).toContain(
      `! nvvidconv interpolation-method=${convert} ! video/x-raw,format=BGRx,width=${size.width},height=${size.height} !`
    )
  })

  it('gives pictures where other elements stand in for its own', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const { command, noted } = standIn(world)
    const camera = rig.camera(url, {
      decoder: world.decoder(nvidiaElements, command)
    })
    camera.start()
    const [frame] = await nextFrames(camera, 1)
    expect(nameOf(colourAt(frame!.pixels, small, 0.25, 0.5))).toBe('red')
    expect(nameOf(colourAt(frame!.pixels, small, 0.75, 0.5))).toBe('blue')
    expect(noted()).toContain('h264parse ! nvv4l2decoder disable-dpb=true ! videorate')
  })

  it('is what auto means where all its elements are, and only there', async ({ world: { ffmpeg, folder }, expect }) => {
    expect(await missingElement(softwareElements)).toBeUndefined()
    expect(await missingElement(nvidiaElements, '/nowhere/gst-inspect-1.0')).toBe('nvv4l2decoder')
    const inspect = join(folder, 'gst-inspect-1.0')
    writeFileSync(inspect, `#!/bin/sh\necho "$*" >> ${folder}/noted\n[ "$2" != missing ]\n`)
    chmodSync(inspect, 0o755)
    expect(await missingElement(nvidiaElements, inspect)).toBeUndefined()
    const asked = readFileSync(join(folder, 'noted'), 'utf8').trim().split('\n')
    expect(asked.sort()).toEqual(
      ['h264parse', 'h265parse', 'nvv4l2decoder', 'nvvidconv', 'videorate'].map((name) => `--exists ${name}`)
    )
    expect(await missingElement({ ...nvidiaElements, convert: ['missing'] }, inspect)).toBe('missing')
    expect(decoderFor('auto', { ffmpeg, nvidia: true }).name).toBe('nvidia')
    expect(decoderFor('auto', { ffmpeg, nvidia: false }).name).toMatch(/^ffmpeg/)
  })
})
