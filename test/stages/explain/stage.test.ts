import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InferenceError, ModelError, UsageError } from '../../../src/core/errors.js'
import { type Log, silentLog } from '../../../src/core/log.js'
import type { Crop } from '../../../src/core/types.js'
import { alignFace } from '../../../src/lib/face/align.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { type Manifest, sha256Of } from '../../../src/lib/model/manifest.js'
import { createIdentity, renderPortrait } from '../../../src/show/render/index.js'
import {
  defaultViews,
  type ExplainOptions,
  type ExplainStage,
  startExplaining
} from '../../../src/stages/explain/index.js'
import { regionMap, regionShares } from '../../../src/stages/explain/regions.js'
import { moment } from '../../support/moments.js'
import { writeTinyModel } from '../../support/tiny-model.js'

let folder: string
let manifest: Manifest
let crop: Crop
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-explain-'))
  manifest = await loadManifest(await writeTinyModel(folder))
  const portrait = await renderPortrait({ identity: createIdentity(3), units: {}, faceSize: 80 })
  crop = alignFace(portrait, portrait.landmarks, manifest.input)
})
afterAll(() => rm(folder, { recursive: true }))

const open = (options: Partial<ExplainOptions> = {}): Promise<ExplainStage> =>
  startExplaining({ manifest, engine: 'tfjs', composite: 'lrp.z', threads: 1, log: silentLog, ...options })

const request = (changes: object = {}) => ({ camera: 'bed-1', track: 7, at: moment(Date.now()), crop, ...changes })

/** A log that keeps its warnings. */
function listening(): { log: Log; warnings: string[] } {
  const warnings: string[] = []
  return { log: { ...silentLog, warn: (_, message) => warnings.push(message) }, warnings }
}

describe('the explain stage', () => {
  it('explains the alarm label or the requested one with the relevance computed by hand, and writes no file', async () => {
    const before = await readdir(folder)
    const stage = await open()
    try {
      const at = Date.now()
      const found = (await stage.submit(request({ at })))!
      // The tiny model's logit for pain is 0.1 times the mean blue: LRP-Z gives each pixel its own part of that.
      const expected = Float32Array.from({ length: 256 }, (_, i) => (0.1 * crop.data[3 * i + 2]!) / 256)
      for (const [i, value] of found.relevance.entries()) expect(value).toBeCloseTo(expected[i]!, 5)
      const regions = regionShares(expected, regionMap(crop.landmarks, crop))
      for (const [i, share] of found.regions.entries()) expect(share.positive).toBeCloseTo(regions[i]!.positive, 4)
      expect(found).toMatchObject({ camera: 'bed-1', track: 7, at, target: 'pain', composite: 'lrp.z', saved: [] })
      expect(found.crop).toBe(crop)
      expect(found.probability).toBeCloseTo(found.probabilities[0]!, 6)
      expect(found.uncertainty.views).toBe(defaultViews)
      // The tiny model goes by brightness, and half of the views are darker or brighter.
      expect(found.uncertainty.classes.pain).toBeGreaterThan(0)
      expect(found.text.de).toMatch(/^Der Eindruck von Schmerz, den das Modell hat, /)
      expect(await sharp(found.heatmap).metadata()).toMatchObject({ width: 16, height: 16, hasAlpha: true })
      expect(found.engine).toMatch(/^tfjs/)
      expect(stage.stats()).toEqual({
        state: 'ready',
        done: 1,
        failed: 0,
        skipped: 0,
        lastMs: found.durationMs,
        engine: found.engine,
        choice: null,
        problem: null
      })
      expect(await readdir(folder)).toEqual(before)
      const red = { ...crop, data: crop.data.map((_, i) => (i % 3 === 0 ? 255 : 0)) }
      expect((await stage.submit(request({ crop: red, target: 1 })))!.target).toBe('disgust')
      expect((await stage.submit(request({ crop: red, target: 'max' })))!.target).toBe('happiness')
    } finally {
      await stage.stop()
    }
  })

  it('rejects a failed request with an InferenceError and goes on, skips a replaced one, and stops at once', async () => {
    const stage = await open()
    try {
      const wrong = stage.submit(request({ crop: { ...crop, width: 8 } }))
      const replaced = stage.submit(request({ at: Date.now() + 1 }))
      const newest = stage.submit(request({ at: Date.now() + 2 }))
      await expect(wrong).rejects.toThrow(InferenceError)
      expect(await replaced).toBeNull()
      expect((await newest)!.target).toBe('pain')
      expect(stage.stats()).toMatchObject({ done: 1, failed: 1, skipped: 1 })
      const running = stage.submit(request())
      const waiting = stage.submit(request({ camera: 'bed-2' }))
      await stage.stop()
      expect([await running, await waiting, await stage.submit(request())]).toEqual([null, null, null])
    } finally {
      await stage.stop()
    }
  })
})

describe('saved heatmaps', () => {
  it('are written only if configured, named by time, camera and track', async () => {
    const saveTo = join(folder, 'new', 'heatmaps')
    const stage = await open({ saveTo, maxAgeMs: Number.POSITIVE_INFINITY })
    try {
      const found = (await stage.submit(request({ at: Date.UTC(2026, 0, 2, 3, 4, 5, 6) })))!
      const name = '2026-01-02T03-04-05.006Z-bed-1-track-7'
      expect(found.saved).toEqual([join(saveTo, `${name}-heatmap.png`), join(saveTo, `${name}-overlay.png`)])
      expect((await readdir(saveTo)).sort()).toEqual([`${name}-heatmap.png`, `${name}-overlay.png`])
      expect(new Uint8Array(await readFile(found.saved[0]!))).toEqual(found.heatmap)
      expect(await sharp(found.saved[1]!).metadata()).toMatchObject({ width: 384, height: 384 })
    } finally {
      await stage.stop()
    }
  })

  it('that cannot be written cause a warning, not a failure; a differing classifier causes one warning', async () => {
    const saveTo = join(folder, 'a-file')
    await writeFile(saveTo, '')
    const { log, warnings } = listening()
    const stage = await open({ saveTo, log })
    try {
      const { probability, saved } = (await stage.submit(request()))!
      expect(saved).toEqual([])
      await stage.submit(request({ score: probability + 0.01 }))
      expect(warnings).toEqual(['heatmaps cannot be saved', 'heatmaps cannot be saved'])
      for (let i = 0; i < 2; i++) await stage.submit(request({ score: probability > 0.5 ? 0 : 1 }))
      expect(warnings.filter((warning) => warning.includes('another probability than the classifier'))).toHaveLength(1)
    } finally {
      await stage.stop()
    }
  })
})

describe('the start of the explain stage', () => {
  it('refuses an unknown composite', async () => {
    await expect(open({ composite: 'lrp.zz' })).rejects.toThrow(UsageError)
  })

  it('refuses a file that is not ONNX, and a model that contradicts its manifest', async () => {
    const file = join(folder, 'broken.onnx')
    await writeFile(file, 'this is no model')
    await expect(open({ manifest: { ...manifest, file, sha256: await sha256Of(file) } })).rejects.toThrow(ModelError)
    await expect(open({ manifest: { ...manifest, labels: ['pain', 'no pain'] } })).rejects.toThrow(
      /2 labels.*3 outputs/
    )
  })
})
