/** A data set of rendered crops, as `painlens study prepare` makes one of pictures. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Papa from 'papaparse'
import sharp from 'sharp'
import { stringify } from 'yaml'
import type { Size } from '#painlens/core/types.js'
import { defaultAlignment } from '#painlens/lib/face/align.js'

/** A crop, and what `index.csv` says of it. */
export interface RenderedCrop {
  subject: string
  label: string
  /** RGB24 of the data set's size. */
  data: Uint8Array
  video?: string
  time_s?: number
  intensity?: number
}

/** Writes crops as they come. @param size of each crop */
export async function writeDataSet(folder: string, size: Size, crops: AsyncIterable<RenderedCrop>): Promise<void> {
  const { width, height } = size
  await mkdir(join(folder, 'crops'), { recursive: true })
  const rows: Record<string, string | number>[] = []
  for await (const { data, subject, label, video = '', time_s = '', intensity = '' } of crops) {
    const crop = `crops/${String(rows.length).padStart(6, '0')}.png`
    const raw = { width, height, channels: 3 as const }
    await sharp(data, { raw }).png({ compressionLevel: 1 }).toFile(join(folder, crop))
    rows.push({ crop, subject, label, source: 'rendered', video, time_s, intensity })
  }
  const alignment = { eye_distance: defaultAlignment.eyeDistance, eye_y: defaultAlignment.eyeY }
  await writeFile(join(folder, 'dataset.yaml'), stringify({ size: { width, height }, alignment, warnings: [] }))
  await writeFile(join(folder, 'index.csv'), `${Papa.unparse(rows, { newline: '\n' })}\n`)
}
