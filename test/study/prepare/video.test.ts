import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { probeFfmpeg } from '../../../src/stages/camera/index.js'
import type { Clip } from '../../../src/study/prepare/clips.js'
import {
  framesOf,
  mostStretches,
  probeVideo,
  type VideoFrame,
  type VideoStretch
} from '../../../src/study/prepare/video.js'
import { runsOf } from '../../../src/study/prepare/work.js'
import { patience } from '../../support/slowness.js'
import { ffmpeg } from './media.js'

let folder: string
let program: Awaited<ReturnType<typeof probeFfmpeg>>
const signal = new AbortController().signal
const all = { startS: 0, endS: Number.POSITIVE_INFINITY, everyS: 0 }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-video-'))
  program = await probeFfmpeg()
}, patience(30_000))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Every picture's left half has a grey level of its own, which tells its time: 10 for each second, and the right half is white. */
function clock(name: string, seconds: number, fps: number, ...more: string[]): string {
  const file = join(folder, name)
  const source = `color=white:s=64x48:r=${fps}:d=${seconds},format=gray,geq=lum='if(lt(X,W/2),10+10*T,255)'`
  ffmpeg('-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-qp', '0', '-g', '50', '-pix_fmt', 'yuvj420p', ...more, file)
  return file
}

async function framesIn(file: string, stretch: Partial<VideoStretch> = {}): Promise<VideoFrame[]> {
  const frames: VideoFrame[] = []
  for await (const frame of framesOf(program, file, [{ ...all, ...stretch }], signal)) frames.push(frame)
  return frames
}

/** The time that a picture shows. */
const shown = ({ data, width }: VideoFrame): number => (data[(20 * width + 8) * 3]! - 10) / 10
const times = (frames: readonly VideoFrame[]): number[] => frames.map(({ timeS }) => Number(timeS.toFixed(3)))

describe('pictures of a video', { timeout: patience(30_000) }, () => {
  it('are the first of each stretch of time, with the time that they show', async () => {
    const frames = await framesIn(clock('plain.mp4', 4, 10), { everyS: 0.5, startS: 0.7, endS: 2.8 })
    expect(times(frames)).toEqual([0.7, 1.2, 1.7, 2.2, 2.7])
    for (const frame of frames) expect(Math.abs(shown(frame) - frame.timeS)).toBeLessThan(0.15)
  })

  it('far behind the beginning are sought, and are the same as without', async () => {
    const file = clock('long.mp4', 20, 10)
    const sought = await framesIn(file, { startS: 15.3, endS: 17, everyS: 0.5 })
    expect(times(sought)).toEqual([15.3, 15.8, 16.3, 16.8])
    for (const frame of sought) expect(Math.abs(shown(frame) - frame.timeS)).toBeLessThan(0.15)
    const read = (await framesIn(file)).filter(({ timeS }) => times(sought).includes(Number(timeS.toFixed(3))))
    expect(sought.map(({ data }) => Buffer.from(data).toString('base64'))).toEqual(
      read.map(({ data }) => Buffer.from(data).toString('base64'))
    )
  })

  it('of several stretches are those of each alone, from one decoder', async () => {
    const file = clock('long.mp4', 20, 10)
    const stretches = [
      { startS: 11, endS: 12, everyS: 0.5 },
      { startS: 12, endS: 12.95, everyS: 0.3 },
      { startS: 14.05, endS: 15, everyS: 0.5 },
      { startS: 15, endS: 15.3, everyS: 0 }
    ]
    // What is sought from another place has times that differ in the last bit.
    const told = (frames: readonly VideoFrame[], i?: number): object[] =>
      frames.map(({ data, stretch }, n) => ({
        n: times(frames)[n],
        stretch: i ?? stretch,
        data: Buffer.from(data).toString('base64')
      }))
    const alone: object[] = []
    for (const [i, stretch] of stretches.entries()) alone.push(...told(await framesIn(file, stretch), i))
    const together: VideoFrame[] = []
    for await (const frame of framesOf(program, file, stretches, signal)) together.push(frame)
    expect(together.length).toBe(11)
    expect(told(together)).toEqual(alone)
  })

  it('of more stretches than a decoder takes in one argument are those of several decoders', async () => {
    // As a coded video has them whose label is another one with each frame.
    const clip = { file: join(folder, 'plain.mp4') } as Clip
    const startOf = (i: number): number => 15.123456 + i * 0.0123
    const stretchAt = (i: number): VideoStretch => {
      return { startS: startOf(i), endS: startOf(i + 1), everyS: 0.3333333333333333 }
    }
    const jobs = Array.from({ length: 8 * mostStretches }, (_, i) => ({ clip, stretch: stretchAt(i), dense: false }))
    const runs = runsOf(jobs, [...jobs.keys()], 1)
    expect(runs.flat()).toEqual([...jobs.keys()])
    expect(Math.max(...runs.map(({ length }) => length))).toBe(mostStretches)
    const stretches = runs[0]!.map((i) => jobs[i]!.stretch)
    const shown: number[] = []
    for await (const { stretch } of framesOf(program, clock('long.mp4', 20, 10), stretches, signal)) shown.push(stretch)
    // From 15.2 s to the end ten pictures a second, each of the stretch that it is in.
    const times = Array.from({ length: 48 }, (_, i) => 15.2 + i / 10)
    expect(shown).toEqual(times.map((timeS) => stretches.findLastIndex(({ startS }) => timeS >= startS)))
  })

  it('are taken by time where their rate varies', async () => {
    // Ten pictures in the first second, one in each after that.
    const file = clock('varying.mp4', 5, 10, '-vf', "select='lt(t,0.95)+not(mod(n,10))'", '-vsync', 'vfr')
    const frames = await framesIn(file, { everyS: 0.5 })
    expect(times(frames)).toEqual([0, 0.5, 1, 2, 3, 4])
    for (const frame of frames) expect(Math.abs(shown(frame) - frame.timeS)).toBeLessThan(0.15)
  })

  it('stand upright where the file says how it was held, and have square pixels', async () => {
    const file = clock('plain.mp4', 1, 2)
    const portrait = join(folder, 'portrait.mp4')
    ffmpeg('-i', file, '-c', 'copy', '-metadata:s:v', 'rotate=90', portrait)
    const [frame] = await framesIn(portrait)
    expect([frame!.width, frame!.height]).toEqual([48, 64])
    // What was on the left is above or below now.
    const at = (x: number, y: number): number => frame!.data[(y * frame!.width + x) * 3]!
    expect(Math.abs(at(5, 5) - at(42, 5))).toBeLessThan(3)
    expect(Math.abs(at(5, 5) - at(5, 58))).toBeGreaterThan(100)
    const wide = clock('wide.mp4', 1, 2, '-vf', 'setsar=2')
    expect((await framesIn(wide))[0]).toMatchObject({ width: 128, height: 48 })
  })

  it('of a file that is none are refused in one sentence; its name is no option and no address', async () => {
    for (const name of ['-y.mp4', 'http:x.mp4', "it's, [0].mp4"]) {
      const file = clock('plain.mp4', 1, 2)
      const odd = join(folder, name)
      ffmpeg('-i', file, '-c', 'copy', `file:${odd}`)
      expect(await framesIn(odd)).toHaveLength(2)
    }
    await expect(framesIn(join(folder, 'gone.mp4'))).rejects.toMatchObject({
      code: 'PL-STUDY-VIDEO',
      what: expect.stringMatching(/^cannot be decoded \(the file: No such file or directory\)$/)
    })
  })

  it.each([
    ['is long', `Müller Anna, ${'x'.repeat(220)}.mp4`],
    ['lies so deep that FFmpeg cuts it off', `${`${'deep '.repeat(40)}/`.repeat(6)}Müller Anna.mp4`],
    ['has characters that are not shown as they are', 'Müller\u202e\x01\x1b[31m\tAnna\u0085.mp4'],
    ['has line breaks', 'Müller\r\nAnna\nof\rward\u20283.mp4']
  ])('of a file whose name %s are refused without the name', async (_, name) => {
    const file = join(folder, name)
    const error = (await framesIn(file).catch((thrown: unknown) => thrown)) as { what: string }
    expect(error.what).toMatch(/^cannot be decoded \(.*the file.*\)$/)
    expect(error.what).not.toMatch(/Müller|Anna|ward|deep|painlens-video/)
    // Nor of one that is there.
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, 'no video')
    const damaged = (await framesIn(file).catch((thrown: unknown) => thrown)) as { what: string }
    expect(damaged.what).toMatch(/Invalid data/)
    expect(damaged.what).not.toMatch(/Müller|Anna|ward|deep|painlens-video/)
  })

  it('end with the reader, and with the signal', async () => {
    const file = clock('long.mp4', 20, 10)
    for await (const frame of framesOf(program, file, [all], signal)) {
      expect(frame.timeS).toBe(0)
      break
    }
    const abort = new AbortController()
    const frames = framesOf(program, file, [all], abort.signal)
    await frames.next()
    abort.abort()
    await expect(frames.next()).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('a video’s header', { timeout: patience(30_000) }, () => {
  it('tells its length and what it holds; a cover is no video', async () => {
    expect(await probeVideo(program, clock('plain.mp4', 2, 10), signal)).toEqual({
      durationS: 2,
      hasVideo: true,
      hasAudio: false
    })
    const song = join(folder, 'song.m4a')
    const cover = join(folder, 'cover.png')
    ffmpeg('-f', 'lavfi', '-i', 'color=red:s=64x64', '-frames:v', '1', cover)
    ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'sine=d=1',
      '-i',
      cover,
      '-map',
      '0',
      '-map',
      '1',
      '-c:v',
      'copy',
      '-disposition:v',
      'attached_pic',
      song
    )
    expect(await probeVideo(program, song, signal)).toMatchObject({ hasVideo: false, hasAudio: true })
  })
})
