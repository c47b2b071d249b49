import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { createRandom } from '../../src/lib/random.js'
import { type VggSpec, writeRandomVgg } from '../../src/lib/vgg/index.js'
import type { TrainOptions } from '../../src/study/train/index.js'

/** A base model that takes 32x32 pixels and knows nine people. */
const spec: VggSpec = { input: { width: 32, height: 32 }, blocks: [[8], [12, 12]], dense: [24, 16, 9] }
const labels = ['pain', 'disgust', 'happiness', 'neutral'] as const

export interface StudyRig {
  folder: string
  data: string
  base: string
  remove(): void
}

export interface DataOptions {
  subjects?: number
  /** Crops of each subject and label. */
  crops?: number
  size?: number
}

/** A folder with a base model and a data set whose classes can be told apart: each has a bright bar at a place of its own. */
export async function studyRig(options: DataOptions = {}): Promise<StudyRig> {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-study-'))
  const base = await writeBase(folder)
  await writeData(join(folder, 'data'), options)
  return { folder, data: join(folder, 'data'), base, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** @returns the manifest of the base model */
export async function writeBase(folder: string): Promise<string> {
  const base = await writeRandomVgg(spec, join(folder, 'base.onnx'), Array.from('abcdefghi'), 4)
  // As small as a trained network's numbers are.
  writeFileSync(base, readFileSync(base, 'utf8').replace('scale: 1', 'scale: 0.01'))
  return base
}

export async function writeData(
  folder: string,
  { subjects = 6, crops = 3, size = 32 }: DataOptions = {}
): Promise<void> {
  mkdirSync(join(folder, 'crops'), { recursive: true })
  const random = createRandom(9)
  const rows: string[] = []
  for (let subject = 0; subject < subjects; subject++)
    for (const label of labels)
      for (let i = 0; i < crops; i++) {
        const name = `crops/${subject}-${label}-${i}.png`
        await sharp(picture(label, size, random), { raw: { width: size, height: size, channels: 3 } })
          .png()
          .toFile(join(folder, name))
        rows.push([name, `s${subject}`, label, 'test', `v${subject}.mp4`, i * 0.5, 0.7, 0, 0.9].join(','))
      }
  writeFileSync(
    join(folder, 'index.csv'),
    `crop,subject,label,source,video,time_s,intensity,roll_deg,detector_score\n${rows.join('\n')}\n`
  )
  writeFileSync(
    join(folder, 'dataset.yaml'),
    `size: { width: ${size}, height: ${size} }\nalignment: { eye_distance: 0.38, eye_y: 0.36 }\n`
  )
}

function picture(label: (typeof labels)[number], size: number, random: ReturnType<typeof createRandom>): Uint8Array {
  const pixels = Uint8Array.from({ length: size * size * 3 }, () => Math.round(random.uniform(60, 140)))
  const place = labels.indexOf(label)
  if (label === 'neutral') return pixels
  for (let y = 4 + place * 8; y < 10 + place * 8; y++)
    for (let x = 6; x < size - 6; x++) pixels.fill(230, (y * size + x) * 3, (y * size + x) * 3 + 3)
  return pixels
}

/** Few and small, but learnt within seconds. @param out the folder of the run, within the rig's */
export const trainOptions = (
  { folder, data, base }: StudyRig,
  out: string,
  changed: Partial<TrainOptions> = {}
): TrainOptions => ({
  ...{ data, base, input: undefined, out: join(folder, out), trainFrom: 'fc6', folds: 3, views: 2 },
  ...{ cache: 'float32', neutral: 'uniform', balanced: true, smoothing: 0, certainFrom: 0, alarmLabel: 'pain' },
  provider: 'cpu',
  recipe: {
    ...{ epochs: 24, batch: 8, rate: 0.01, schedule: 'cosine', optimizer: 'momentum' },
    ...{ dropout: 0.2, patience: 24, seed: 3, threads: 1 }
  },
  ...changed
})
