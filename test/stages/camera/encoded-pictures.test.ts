import { beforeAll, describe, expect, it } from 'vitest'
import type { Size } from '../../../src/core/types.js'
import { watchEncoded } from '../../../tools/bench/encoded.js'
import { type Film, noisy, sleepingRoom } from '../../../tools/bench/sleeping-room.js'
import { patience } from '../../support/slowness.js'

const fps = 5
const small = { width: 640, height: 360 }
const full = { width: 1280, height: 720 }

const x264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-threads', '1']
const x265 = ['-c:v', 'libx265', '-preset', 'ultrafast']
/** As the simulated camera has it: no look-ahead, a key frame each second. */
const camera = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-bf', '0', '-g', '5']

async function bedroom(level: number, noise: number, size: Size): Promise<Film> {
  return noisy(await sleepingRoom(size, level), size.width, noise)
}

/** The states of a camera that shows the film, in the order in which they come. */
async function watched(size: Size, encoder: string[], seconds: number, film: Film) {
  const seen = await watchEncoded({ ...size, fps, encoder, seconds, film })
  return { states: [...new Set(seen)], frozenAt: seen.indexOf('frozen') / fps, pictures: seen.length }
}

describe('a sleeping scene with sensor noise, after a real encoder', () => {
  for (const [size, rate, seconds] of [
    [full, '256k', 20],
    [small, '64k', 60]
  ] as const)
    it(`at ${size.width}x${size.height} and ${rate}bit/s, at night, with x264's default settings, is live for ${seconds} s`, {
      timeout: patience(300_000)
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
    it(`by ${name} is live`, { timeout: patience(180_000) }, async () => {
      // Three key frames at least, and more than 10 s behind those 80 pictures in which x264's rate control settles.
      const seen = await watched(small, encoder, 30, await bedroom(level, noise, small))
      expect(seen).toMatchObject({ states: ['ok'], pictures: 150 })
    })
})

describe('a still that is encoded again and again', () => {
  let live: Film
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
  /** For so many s it is watched then, beyond the next key frame. */
  const lasts = 6
  for (const [name, { encoder, settles }] of Object.entries(encoders))
    it(`by ${name} is found 10 s after the last change, for as long as it lasts`, {
      timeout: patience(180_000)
    }, async () => {
      const seconds = 30 + settles + lasts
      const { states, frozenAt } = await watched(small, encoder, seconds, (i) => (i < 20 * fps ? live(i) : still))
      expect(states).toEqual(['ok', 'frozen'])
      expect(frozenAt).toBeGreaterThanOrEqual(30)
      expect(frozenAt).toBeLessThanOrEqual(30.4 + settles)
    })
})
