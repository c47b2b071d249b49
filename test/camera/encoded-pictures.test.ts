import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { beforeAll, describe, expect, it } from 'vitest'
import { PictureWatch } from '../../src/camera/picture-watch.js'
import type { Size } from '../../src/core/types.js'
import { createIdentity, createRandom, createScene } from '../../src/render/index.js'

const fps = 5
const small = { width: 640, height: 360 }
const full = { width: 1280, height: 720 }

const x264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-threads', '1']
const x265 = ['-c:v', 'libx265', '-preset', 'ultrafast']
/** As the simulated camera has it: no look-ahead, a key frame each second. */
const camera = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-bf', '0', '-g', '5']

/** A sleeping resident who does not move, and each frame's sensor noise. */
async function bedroom(level: number, noise: number, size: Size): Promise<(index: number) => Uint8Array> {
  const scene = await createScene({
    identity: createIdentity(24),
    ...{ ...size, centre: { x: size.width / 2, y: size.height * 0.44 }, faceSize: size.height * 0.25 },
    light: { direction: -0.3, contrast: 1, level, warmth: 0 }
  })
  const { data } = await scene.render({ units: { AU43: 1 }, blur: 0.5 })
  const random = createRandom(9)
  const normals = Int16Array.from({ length: 1 << 16 }, () => Math.round(random.normal(0, noise)))
  const frame = new Uint8ClampedArray(data.length)
  return (index) => {
    const offsets = createRandom(index)
    let from = 0
    for (let i = 0; i < frame.length; i++, from++) {
      if (i % (size.width * 3) === 0) from = Math.floor(offsets() * normals.length)
      frame[i] = data[i]! + normals[from & 0xffff]!
    }
    return new Uint8Array(frame.buffer)
  }
}

function start(args: string[]): ChildProcess {
  const child = spawn('ffmpeg', ['-v', 'error', ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin?.on('error', () => undefined)
  return child
}

/** Each second's state of a camera that shows `frames`, encoded and decoded by a real ffmpeg as fast as it can. */
async function watched(
  { width, height }: Size,
  encoder: string[],
  seconds: number,
  frame: (index: number) => Uint8Array
): Promise<{ states: string[]; frozenAt: number; pictures: number }> {
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`]
  const encode = start([...raw, '-r', String(fps), '-i', '-', ...encoder, '-pix_fmt', 'yuv420p', '-f', 'nut', '-'])
  const decode = start(['-threads', '1', '-f', 'nut', '-i', '-', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'])
  encode.stdout!.pipe(decode.stdin!)
  const watch = new PictureWatch({ width, height }, [])
  const picture = new Uint8Array(width * height * 3)
  const states: string[] = []
  let filled = 0
  decode.stdout!.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + picture.length - filled)
      picture.set(part, filled)
      filled = (filled + part.length) % picture.length
      at += part.length
      if (filled === 0) states.push(watch.look(picture, (states.length * 1000) / fps).state)
    }
  })
  for (let index = 0; index < seconds * fps; index++)
    await new Promise((resolve) => encode.stdin!.write(frame(index), resolve))
  encode.stdin!.end()
  await once(decode, 'close')
  return { states: [...new Set(states)], frozenAt: states.indexOf('frozen') / fps, pictures: states.length }
}

describe('a sleeping scene with sensor noise, after a real encoder', () => {
  for (const [size, rate, seconds] of [
    [full, '256k', 60],
    [small, '64k', 180]
  ] as const)
    it(`at ${size.width}x${size.height} and ${rate}bit/s, at night, with x264's default settings, is live for ${seconds} s`, {
      timeout: 300_000
    }, async () => {
      const seen = await watched(size, [...x264, '-b:v', rate, '-g', '40'], seconds, await bedroom(0.1, 2.5, size))
      expect(seen).toMatchObject({ states: ['ok'], pictures: seconds * fps })
    })

  /** The least that an encoder leaves of the noise: whole groups of pictures whose blocks are all skipped. */
  const hard: Record<string, { encoder: string[]; level: number; noise: number }> = {
    'H.264, quality 30 up to 64 kbit/s, a key frame in 8 s': {
      encoder: [...x264, '-crf', '30', '-maxrate', '64k', '-bufsize', '128k', '-g', '40'],
      level: 0.1,
      noise: 1
    },
    'H.264 at the coarse quantiser 40': { encoder: [...x264, '-qp', '40', '-g', '40'], level: 1, noise: 1 },
    'H.264 at the coarse quantiser 40, at night': { encoder: [...x264, '-qp', '40', '-g', '40'], level: 0.1, noise: 1 },
    'H.265 at quality 32': {
      encoder: [...x265, '-x265-params', 'log-level=error:keyint=40', '-crf', '32'],
      level: 0.25,
      noise: 1
    },
    'coarse MJPEG': { encoder: ['-c:v', 'mjpeg', '-q:v', '20'], level: 0.1, noise: 1 }
  }
  for (const [name, { encoder, level, noise }] of Object.entries(hard))
    it(`by ${name} is live`, { timeout: 180_000 }, async () => {
      const seen = await watched(small, encoder, 60, await bedroom(level, noise, small))
      expect(seen).toMatchObject({ states: ['ok'], pictures: 300 })
    })
})

describe('a still that is encoded again and again', () => {
  let live: (index: number) => Uint8Array
  let still: Uint8Array
  beforeAll(async () => {
    live = await bedroom(0.25, 2.5, small)
    still = Uint8Array.from(live(4711))
  })

  /**
   * How long each encoder goes on changing its mind about a picture that stands still, on top of the 10 s: till the next
   * key frame, and as long as its rate control takes, which for x264 are some 80 pictures.
   */
  const encoders: Record<string, { encoder: string[]; settles: number }> = {
    'the simulated camera': { encoder: camera, settles: 18 },
    'H.264 at a constant quantiser': { encoder: [...x264, '-qp', '30', '-g', '20'], settles: 4 },
    'H.264 at a constant rate down to its best quantiser': {
      encoder: [
        ...x264,
        '-tune',
        'zerolatency',
        '-b:v',
        '1M',
        '-maxrate',
        '1M',
        '-bufsize',
        '1M',
        '-qmin',
        '24',
        '-g',
        '20'
      ],
      settles: 4
    },
    'H.265': { encoder: [...x265, '-x265-params', 'log-level=error:keyint=20', '-crf', '28'], settles: 4 },
    MJPEG: { encoder: ['-c:v', 'mjpeg', '-q:v', '5'], settles: 0 }
  }
  for (const [name, { encoder, settles }] of Object.entries(encoders))
    it(`by ${name} is found 10 s after the last change, for as long as it lasts`, { timeout: 180_000 }, async () => {
      const { states, frozenAt } = await watched(small, encoder, 60, (i) => (i < 20 * fps ? live(i) : still))
      expect(states).toEqual(['ok', 'frozen'])
      expect(frozenAt).toBeGreaterThanOrEqual(30)
      expect(frozenAt).toBeLessThanOrEqual(30.4 + settles)
    })
})
