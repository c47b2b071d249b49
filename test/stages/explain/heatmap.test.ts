import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/core/clock.js'
import {
  heatmapPixels,
  heatmapPng,
  overlayPng,
  robustMaximum,
  saveHeatmaps
} from '../../../src/stages/explain/heatmap.js'
import { readableByOthers } from '../../support/readable-by-others.js'

const decoded = async (png: Uint8Array) => {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  return { data, ...info }
}

describe('the heatmap', () => {
  it('is red for positive, blue for negative relevance, transparent at zero and opaque at the maximum', async () => {
    const relevance = Float32Array.of(2, -2, 0, 0.02)
    const { data, width, height, channels } = await decoded(await heatmapPng(relevance, { width: 2, height: 2 }))
    expect([width, height, channels]).toEqual([2, 2, 4])
    const [red, blue, none, faint] = [0, 4, 8, 12].map((at) => [...data.subarray(at, at + 4)]) as number[][]
    expect(red![0]).toBeGreaterThan(3 * red![2]!)
    expect(red![3]).toBe(255)
    expect(blue![2]).toBeGreaterThan(3 * blue![0]!)
    expect(blue![3]).toBe(255)
    expect(none![3]).toBe(0)
    expect(faint![0]).toBe(red![0])
    expect(faint![3]).toBe(Math.round(255 * 0.01 ** 0.6))
  })

  it('is scaled by a quantile, so that a single outlier does not darken the rest', () => {
    const relevance = new Float32Array(1000).fill(1)
    relevance[17] = 1000
    expect(robustMaximum(relevance)).toBe(1)
    expect(heatmapPixels(relevance)[3]).toBe(255)
  })

  it('shows relevance so sparse that the quantile is zero', () => {
    const relevance = new Float32Array(1000)
    relevance[17] = -3
    expect(robustMaximum(relevance)).toBe(3)
    expect(heatmapPixels(relevance)[4 * 17 + 3]).toBe(255)
  })

  it('is transparent for relevance that is 0 everywhere', () => {
    expect(robustMaximum(new Float32Array(9))).toBe(0)
    expect(heatmapPixels(new Float32Array(9)).every((byte) => byte === 0)).toBe(true)
  })

  it('is enlarged by whole pixels to the requested width and height', async () => {
    const { data, width, height } = await decoded(
      await heatmapPng(Float32Array.of(1, 0, 0, -1, 0, 0), { width: 3, height: 2 }, { scale: 4 })
    )
    expect([width, height]).toEqual([12, 8])
    const alpha = (x: number, y: number) => data[4 * (y * 12 + x) + 3]
    expect([alpha(0, 0), alpha(3, 3), alpha(4, 0), alpha(0, 4), alpha(11, 7)]).toEqual([255, 255, 0, 255, 0])
  })
})

describe('the overlay', () => {
  const crop = {
    width: 4,
    height: 2,
    data: Uint8Array.from({ length: 24 }, (_, i) => [200, 40, 90][i % 3]!),
    landmarks: new Float32Array(136)
  }
  const grey = Math.round(0.299 * 200 + 0.587 * 40 + 0.114 * 90)

  it('shows the grey crop at zero relevance and the heatmap at the strongest', async () => {
    const relevance = Float32Array.of(5, 0, 0, 0, 0, 0, 0, -5)
    const { data, channels } = await decoded(await overlayPng(crop, relevance))
    const pixel = (i: number) => [...data.subarray(i * channels, i * channels + 3)]
    expect(pixel(1)).toEqual([grey, grey, grey])
    expect(pixel(0)[0]).toBeGreaterThan(3 * pixel(0)[2]!)
    expect(pixel(7)[2]).toBeGreaterThan(3 * pixel(7)[0]!)
  })

  it('is enlarged to the requested size', async () => {
    const { width, height } = await decoded(await overlayPng(crop, new Float32Array(8), { scale: 5 }))
    expect([width, height]).toEqual([20, 10])
  })
})

describe('saved heatmaps', () => {
  it('are for painlens itself, in a folder that no other user may enter', async () => {
    const above = mkdtempSync(join(tmpdir(), 'painlens-heatmaps-'))
    onTestFinished(() => rmSync(above, { recursive: true }))
    const folder = join(above, 'days', 'heatmaps')
    const relevance = new Float32Array(4).fill(1)
    const crop = { data: new Uint8Array(12), width: 2, height: 2, landmarks: [] as never }
    const heatmap = await heatmapPng(relevance, crop)
    const clock = systemClock
    await saveHeatmaps(folder, { camera: 'a', at: clock.now(), track: 1, heatmap, relevance, crop }, clock)
    expect(readableByOthers(folder)).toEqual([])
  })
})
