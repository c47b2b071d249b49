import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import sharp from 'sharp'
import { packageRoot } from '../../../src/core/version.js'
import { createIdentity, renderPortrait } from '../../../src/show/render/index.js'
import type { PrepareOptions } from '../../../src/study/prepare/index.js'

/** One of six photographs of people. */
export const photo = (number: number): string =>
  join(packageRoot, 'node_modules/@vladmandic/face-api/demo', `sample${number}.jpg`)

/** The face of a drawn person and nothing else: it is found in a seventh of the time that a photograph takes. */
export async function draw(file: string, person: number): Promise<void> {
  const { data, width, height } = await renderPortrait({ identity: createIdentity(person), units: {}, faceSize: 150 })
  await sharp(data, { raw: { width, height, channels: 3 } }).toFile(file)
}

/** A video that shows a picture, made by FFmpeg. */
export function film(
  file: string,
  picture: string,
  { seconds = 2, fps = 5, filter = 'null', more = [] as string[] } = {}
): void {
  const video = ['-loop', '1', '-r', String(fps), '-i', picture, '-t', String(seconds)]
  const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
  ffmpeg(...video, '-vf', `scale=320:-2,${filter}`, ...codec, ...more, file)
}

export function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args])
}

export const defaults: Omit<PrepareOptions, 'table' | 'out'> = {
  ...{ layout: undefined, root: undefined, base: undefined, size: 64, alignment: undefined },
  ...{ labels: ['pain', 'disgust', 'happiness', 'neutral'], exclude: [], balance: undefined, levels: [3, 4], pspi: 2 },
  ...{
    rules: [],
    pseudonyms: false,
    skipBad: false,
    seed: 1,
    // Each opens the face models for itself.
    workers: 1,
    fromS: 0,
    toS: undefined,
    everyS: 0.5,
    dense: false
  }
}
