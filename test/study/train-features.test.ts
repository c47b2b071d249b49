/** The cache of features, as a kill or a full disk leaves it. */
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { foldConstants, layerGraphOf } from '../../src/lib/lrp/index.js'
import { loadManifest } from '../../src/lib/model/load-manifest.js'
import { readModel } from '../../src/lib/onnx/index.js'
import { chainOf, featureCount, frozenPart } from '../../src/lib/train/index.js'
import type { CacheForm } from '../../src/study/choices.js'
import { readDataset } from '../../src/study/dataset.js'
import { extractionBatch, Features } from '../../src/study/train/features.js'
import { patience } from '../support/slowness.js'
import { type StudyRig, studyRig } from './rig.js'

let rig: StudyRig
beforeAll(async () => {
  rig = await studyRig({ subjects: 5, crops: 1 })
}, patience(60_000))
afterAll(() => rig.remove())

const views = 3
/** 60 rows: seven whole batches and a half. */
const rows = 60

interface Opening {
  stopAfter?: number
  form?: CacheForm
  /** The base, or else the rig's. */
  base?: string
  /** Takes the numbers of all rows. */
  onRead?: (numbers: Float32Array) => void
}

/** Opens the cache. @returns the rows that were done when each batch was */
async function open(cache: string, { stopAfter = Number.POSITIVE_INFINITY, ...more }: Opening = {}): Promise<number[]> {
  const { form = 'float32', base = rig.base, onRead } = more
  const { file, input } = await loadManifest(base)
  const model = await foldConstants(await readModel(file), file)
  const chain = chainOf(layerGraphOf(model, file), 'fc7', 3, 1, file)
  const crops = (await readDataset(rig.data)).rows.map(({ crop }) => crop)
  const said: number[] = []
  const stop = new AbortController()
  const features = await Features.open(frozenPart(model, chain, file), featureCount(chain), {
    ...{ folder: rig.data, crops, views, input, cache: join(rig.folder, cache), form },
    ...{ key: 'k', provider: 'cpu', threads: 1 },
    onProgress: (done) => {
      said.push(done)
      if (said.length >= stopAfter) stop.abort(new Error('stopped'))
    },
    signal: stop.signal
  }).catch((error: Error) => {
    if (error.message !== 'stopped') throw error
    return null
  })
  if (features && onRead) {
    const numbers = new Float32Array(rows * features.size)
    await features.read([...Array(rows).keys()], numbers)
    onRead(numbers)
  }
  await features?.close()
  return said
}

const fileOf = (cache: string): string => join(rig.folder, cache, readdirSync(join(rig.folder, cache))[0]!)

describe('the cache of features', { timeout: patience(30_000) }, () => {
  it('has the same bits wherever it was cut off, and computes no whole batch twice', async () => {
    expect(await open('whole')).toEqual([8, 16, 24, 32, 40, 48, 56, 60])
    const whole = readFileSync(fileOf('whole'))
    const rowBytes = whole.length / rows
    // Before anything, within a row, behind a row, behind a batch, before the last byte.
    for (const bytes of [0, 1, 2.5 * rowBytes, 13 * rowBytes, 16 * rowBytes, whole.length - 1]) {
      truncateSync(fileOf('whole'), bytes)
      const batches = Math.floor(bytes / rowBytes / extractionBatch)
      expect((await open('whole'))[0], String(bytes)).toBe(Math.min(rows, (batches + 1) * extractionBatch))
      expect(readFileSync(fileOf('whole')).equals(whole), String(bytes)).toBe(true)
    }
    expect(await open('whole')).toEqual([])
  })

  it('goes on behind the batches that were done when it was aborted', async () => {
    expect(await open('aborted', { stopAfter: 3 })).toEqual([8, 16, 24])
    expect((await open('aborted'))[0]).toBe(32)
    expect(readFileSync(fileOf('aborted')).equals(readFileSync(fileOf('whole')))).toBe(true)
  })

  it('says which crop cannot be read, and keeps what was done before it', async () => {
    const [crop] = (await readDataset(rig.data)).rows.slice(8)
    const path = join(rig.data, crop!.crop)
    const bytes = readFileSync(path)
    writeFileSync(path, 'no picture')
    await expect(open('broken')).rejects.toMatchObject({ code: 'PL-STUDY-CROP' })
    writeFileSync(path, bytes)
    expect((await open('broken'))[0]).toBeGreaterThan(8)
    expect(readFileSync(fileOf('broken')).equals(readFileSync(fileOf('whole')))).toBe(true)
    rmSync(join(rig.folder, 'broken'), { recursive: true })
  })

  it('in float16 takes half the disk, beside one in float32, and is as near to it as float16 can be', async () => {
    const read = async (form: CacheForm): Promise<Float32Array> => {
      let found: Float32Array = new Float32Array()
      const onRead = (numbers: Float32Array): void => {
        found = numbers
      }
      await open('forms', { form, onRead })
      return found
    }
    const [exact, halves] = [await read('float32'), await read('float16')]
    const names = readdirSync(join(rig.folder, 'forms'))
    const bytes = (ending: string): number =>
      statSync(join(rig.folder, 'forms', names.find((name) => name.endsWith(ending))!)).size
    expect(names).toHaveLength(2)
    expect(new Set(names.map((name) => name.slice(0, -4))).size).toBe(2)
    expect(bytes('.f16')).toBe(bytes('.f32') / 2)
    expect(exact.some((value) => value > 0)).toBe(true)
    // Eleven significant bits, and multiples of 2^-24 below 2^-14: half a step is the most that rounding changes.
    const far = exact.findIndex(
      (value, i) => Math.abs(halves[i]! - value) > Math.max(Math.abs(value) * 2 ** -11, 2 ** -25)
    )
    expect(far).toBe(-1)
    expect(halves.some((value, i) => value !== exact[i])).toBe(true)
    // Nothing is computed again, and a part of a batch that a full disk has left is cut off.
    expect(await open('forms', { form: 'float16' })).toEqual([])
    const file = join(rig.folder, 'forms', names.find((name) => name.endsWith('.f16'))!)
    const whole = readFileSync(file)
    truncateSync(file, 2.5 * (whole.length / rows))
    expect((await open('forms', { form: 'float16' }))[0]).toBe(8)
    expect(readFileSync(file).equals(whole)).toBe(true)
  })

  it('in float16 is refused where a feature is larger than float16 has numbers, and kept in float32', async () => {
    const base = join(rig.folder, 'large.yaml')
    writeFileSync(base, readFileSync(rig.base, 'utf8').replace('scale: 0.01', 'scale: 1000000'))
    await expect(open('large', { form: 'float16', base })).rejects.toMatchObject({
      ...{ code: 'PL-OPTION-VALUE', where: '--cache' },
      what: expect.stringMatching(/^a feature of the base is \d\S*, and float16 ends at 65504$/)
    })
    await open('large', { base })
  })
})
