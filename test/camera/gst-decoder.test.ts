import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Ffmpeg } from '../../src/camera/ffmpeg-probe.js'
import { gstDecoder } from '../../src/camera/gst-decoder.js'
import { nvidiaElements, softwareElements } from '../../src/camera/gst-elements.js'
import { hasElements } from '../../src/camera/gst-probe.js'
import { checkCamera, type Decoder, decoderFor, probeFfmpeg } from '../../src/camera/index.js'
import { fitInto } from '../../src/camera/pixels.js'
import type { Size } from '../../src/core/types.js'
import { childrenOf, isRunning, type NumberedStream, numberOf, publishNumbered } from './gst-world.js'
import { colourAt, nameOf, nextFrames, Rig, takeFrames, untilReason, untilState } from './rig.js'

const hostile = { user: 'us"er', password: `p@ss:w/rd?#%&"'` }

let ffmpeg: Ffmpeg
let decoder: Decoder
beforeAll(async () => {
  ffmpeg = await probeFfmpeg()
  decoder = decoderFor('gstreamer', { ffmpeg, nvidia: false })
})

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
})
afterEach(() => rig.close())

/** FFmpeg that reads a camera, and GStreamer. */
const children = (parent = process.pid): ReturnType<typeof childrenOf> =>
  childrenOf(parent, /concat|gst-launch/).sort(
    (a, b) => Number(/gst-launch/.test(a.commandLine)) - Number(/gst-launch/.test(b.commandLine))
  )

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

describe('gstreamer, frame for frame with ffmpeg', () => {
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

  it(`shows the same: ${cases.map(([what]) => what).join('; ')}`, async () => {
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
      const pictures = watch(decoder)
      const both = (): number[] => [...pictures.keys()].filter((number) => reference.has(number))
      await expect.poll(() => both().length, { timeout: 30_000, message: what }).toBeGreaterThan(20)
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

  it('thins out as asked, and takes MJPEG by FFmpeg alone', async () => {
    const server = await rig.server()
    const [h264, mjpeg] = await Promise.all([
      rig.feed(server, { path: '/h264' }),
      rig.feed(server, { path: '/mjpeg', codec: 'mjpeg' })
    ])
    const slow = rig.camera(h264.url, { fps: 2.5, decoder })
    const other = rig.camera(mjpeg.url, { id: 'yard', fps: 5, decoder })
    slow.start()
    other.start()
    const [frames, [yard]] = await Promise.all([nextFrames(slow, 5), nextFrames(other, 1)])
    const first = frames[0]!.frame.at
    expect((frames.at(-1)!.frame.at - first) / 4, '15 a second thinned out').toBeGreaterThan(250)
    expect(nameOf(colourAt(yard!.pixels, small, 0.25, 0.5))).toBe('red')
    expect(children()).toHaveLength(3)
  })
})

describe('a camera that comes back as another', () => {
  it('is asked and decoded anew', async () => {
    const server = await rig.server()
    const before = await rig.feed(server)
    const camera = rig.camera(before.url, { decoder })
    camera.start()
    await nextFrames(camera, 2)
    await before.stop()
    await untilState(camera, 'connecting')
    await rig.feed(server, { codec: 'hevc', height: 60 })
    const [after] = await nextFrames(camera, 1, 20_000)
    const shown = [0.1, 0.3, 0.7, 0.9].map((y) => nameOf(colourAt(after!.pixels, small, 0.25, y)))
    expect(shown).toEqual(['black', 'red', 'red', 'black'])
    expect(children()[1]!.commandLine).toContain('avdec_h265')
  })
})

describe('the two processes', () => {
  it('keep a hostile password to themselves, and leave nothing behind when stopped', async () => {
    process.env.PAINLENS_TEST_PASSWORD = hostile.password
    const server = await rig.server({ ...hostile, scheme: 'digest' })
    await rig.feed(server, { codec: 'hevc' })
    const camera = rig.camera(`rtsp://${hostile.user}:${hostile.password}@127.0.0.1:${server.port}/bed`, { decoder })
    takeFrames(camera)
    const seen: string[] = []
    const watch = setInterval(() => seen.push(...children().map((child) => JSON.stringify(child))), 20)
    camera.start()
    await untilState(camera, 'ok')
    clearInterval(watch)
    delete process.env.PAINLENS_TEST_PASSWORD
    const both = children()
    expect(both.map(({ commandLine }) => commandLine.split('\0')[0])).toEqual(['ffmpeg', 'gst-launch-1.0'])
    const basic = Buffer.from(`${hostile.user}:${hostile.password}`).toString('base64')
    for (const secret of [hostile.password, 'p@ss', 'p%40ss', 'w%2Frd', basic, '127.0.0.1'])
      expect(`${seen.join('\n')}${JSON.stringify(both)}`).not.toContain(secret)
    expect(rig.lines.join('')).not.toContain('p%40ss')
    await camera.stop()
    expect(children()).toEqual([])
    for (const { pid } of both) expect(isRunning(pid)).toBe(false)
  })

  it('are both started anew when either dies or hangs, and stopped even when one hangs', async () => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const cases = (['SIGKILL', 'SIGSTOP'] as const).flatMap((signal) => [0, 1].map((index) => ({ signal, index })))
    const known = new Set<number>()
    const startNext = async (id: string) => {
      // The feed is a still.
      const camera = rig.camera(url, { id, decoder, picture: { frozenAfterMs: Number.POSITIVE_INFINITY } })
      takeFrames(camera)
      camera.start()
      await untilState(camera, 'ok')
      const own = children().filter(({ pid }) => !known.has(pid))
      for (const { pid } of own) known.add(pid)
      expect(own.map(({ commandLine }) => commandLine.split('\0')[0])).toEqual(['ffmpeg', 'gst-launch-1.0'])
      return { camera, own }
    }
    const running = []
    for (const { signal, index } of cases) running.push({ signal, index, ...(await startNext(`${signal}-${index}`)) })
    for (const { signal, index, own } of running) process.kill(own[index]!.pid, signal)
    await Promise.all(
      running.map(async ({ signal, camera, own }) => {
        await untilReason(camera, signal === 'SIGKILL' ? /SIGKILL/ : /no picture for 1\.5 s/)
        await untilState(camera, 'ok')
        for (const { pid } of own) expect(isRunning(pid)).toBe(false)
      })
    )
    expect(children()).toHaveLength(8)
    for (const { pid } of children().slice(2, 6)) process.kill(pid, 'SIGSTOP')
    await Promise.all(running.map(({ camera }) => camera.stop()))
    expect(children()).toEqual([])
  })

  it('end by themselves when painlens is killed', async () => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const script = `
      import { openCamera, decoderFor, probeFfmpeg } from ${JSON.stringify(resolve('dist/camera/index.js'))}
      import { silentLog as log } from ${JSON.stringify(resolve('dist/core/log.js'))}
      import { Secrets } from ${JSON.stringify(resolve('dist/core/secrets.js'))}
      import { systemClock as clock } from ${JSON.stringify(resolve('dist/core/clock.js'))}
      const decoder = decoderFor('gstreamer', { ffmpeg: await probeFfmpeg(), nvidia: false })
      const options = { id: 'bed', url: process.argv[1], fps: 15, width: 160, height: 120, masks: [] }
      const camera = openCamera({ ...options, decoder, log, clock, secrets: new Secrets() })
      camera.frames.subscribe((frame) => { frame.release(); process.stdout.write('.') })
      camera.start()`
    const daemon = spawn(process.execPath, ['--input-type=module', '-e', script, url], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const ended = once(daemon, 'close')
    rig.own(async () => {
      daemon.kill('SIGKILL')
      await ended
    })
    await once(daemon.stdout, 'data')
    const both = children(daemon.pid)
    expect(both).toHaveLength(2)
    daemon.kill('SIGKILL')
    await expect.poll(() => both.filter(({ pid }) => isRunning(pid)), { timeout: 15_000 }).toEqual([])
  })
})

describe('what goes wrong', () => {
  it('with the elements is told as such', async () => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const cases = [
      ['nvv4l2decoder', /lacks an element/],
      ['avdec_h264 low=1', /lacks an element/],
      ['avdec_h265', /lacks an element|finds no picture/]
    ] as const
    const check = async ([h264, message]: (typeof cases)[number]): Promise<void> => {
      const elements = { ...softwareElements, decode: { ...softwareElements.decode, h264 } }
      const broken = gstDecoder({ name: 'gstreamer', ffmpeg, elements })
      const checking = checkCamera({ id: 'bed', url, decoder: broken, secrets: rig.secrets, timeoutMs: 15_000 })
      await expect(checking, h264).rejects.toThrow(message)
      await expect(checking, h264).rejects.toThrow(/decoder: (auto|ffmpeg)/)
    }
    await Promise.all(cases.map(check))
    expect(children()).toEqual([])
  })

  it('no GStreamer at all, no camera, a wrong password: told as what it is', async () => {
    const server = await rig.server({ ...hostile, scheme: 'basic' })
    const { url } = await rig.feed(server)
    const check = (address: string, by: Decoder): Promise<unknown> =>
      checkCamera({ id: 'bed', url: address, decoder: by, secrets: rig.secrets, timeoutMs: 8000 })
    const missing = gstDecoder({ name: 'gstreamer', ffmpeg, elements: softwareElements, gstLaunch: 'gst-launch-0.1' })
    await Promise.all([
      expect(check(url, missing)).rejects.toThrow(/cannot be started.*Install GStreamer/),
      expect(check('rtsp://127.0.0.1:1/bed', decoder)).rejects.toThrow(/nobody listens/),
      expect(check(`rtsp://a:b@127.0.0.1:${server.port}/bed`, decoder)).rejects.toThrow(/refuses user name or password/)
    ])
    expect(await check(url, decoder)).toMatchObject({ codec: 'h264', width: 160, height: 120 })
    expect(children()).toEqual([])
  })
})

describe('nvidia', () => {
  const description = { codec: 'hevc', width: 1920, height: 1080 }

  /** A gst-launch-1.0 that notes what it is asked, and does it with elements that every machine has. */
  function standIn(): { command: string; noted: () => string } {
    const folder = mkdtempSync(join(tmpdir(), 'painlens-'))
    rig.own(async () => rmSync(folder, { recursive: true }))
    const command = join(folder, 'gst-launch-1.0')
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

  it('is asked for its own elements, with pictures in its own memory until they are small', () => {
    const url = { scheme: 'rtsp', shown: '', full: '' } as const
    const request = { url, fps: 5, width: 640, height: 480, readMs: 5000, stream: description }
    const { next, pictures } = decoderFor('nvidia', { ffmpeg, nvidia: false }).command(request)
    expect(pictures).toEqual({ format: 'bgr0', width: 640, height: 360 })
    expect([next!.command, ...next!.args].join(' ')).toBe(
      'gst-launch-1.0 -q fdsrc fd=0 do-timestamp=true blocksize=65536' +
        ' ! video/x-h265,stream-format=byte-stream,width=1920,height=1080,framerate=60/1 ! h265parse' +
        ' ! nvv4l2decoder disable-dpb=true' +
        ' ! videorate drop-only=true skip-to-first=true ! video/x-raw(memory:NVMM),framerate=5/1' +
        ' ! nvvidconv interpolation-method=Bilinear ! video/x-raw,format=BGRx,width=640,height=360' +
        ' ! fdsink fd=3 sync=false async=false'
    )
  })

  it('gives pictures where other elements stand in for its own', async () => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const { command, noted } = standIn()
    const camera = rig.camera(url, {
      decoder: gstDecoder({ name: 'nvidia', ffmpeg, elements: nvidiaElements, gstLaunch: command })
    })
    camera.start()
    const [frame] = await nextFrames(camera, 1)
    expect(nameOf(colourAt(frame!.pixels, small, 0.25, 0.5))).toBe('red')
    expect(nameOf(colourAt(frame!.pixels, small, 0.75, 0.5))).toBe('blue')
    expect(noted()).toContain('h264parse ! nvv4l2decoder disable-dpb=true ! videorate')
  })

  it('is what auto means where all its elements are, and only there', async () => {
    expect(await hasElements(softwareElements)).toBe(true)
    expect(await hasElements(nvidiaElements, '/nowhere/gst-inspect-1.0')).toBe(false)
    const folder = mkdtempSync(join(tmpdir(), 'painlens-'))
    rig.own(async () => rmSync(folder, { recursive: true }))
    const inspect = join(folder, 'gst-inspect-1.0')
    writeFileSync(inspect, `#!/bin/sh\necho "$*" >> ${folder}/noted\n[ "$2" != missing ]\n`)
    chmodSync(inspect, 0o755)
    expect(await hasElements(nvidiaElements, inspect)).toBe(true)
    const asked = readFileSync(join(folder, 'noted'), 'utf8').trim().split('\n')
    expect(asked.sort()).toEqual(
      ['h264parse', 'h265parse', 'nvv4l2decoder', 'nvvidconv', 'videorate'].map((name) => `--exists ${name}`)
    )
    expect(await hasElements({ ...nvidiaElements, convert: ['missing'] }, inspect)).toBe(false)
    expect(decoderFor('auto', { ffmpeg, nvidia: true }).name).toBe('nvidia')
    expect(decoderFor('auto', { ffmpeg, nvidia: false }).name).toMatch(/^ffmpeg/)
  })
})
