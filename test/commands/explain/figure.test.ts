import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compositesOf, titleOf } from '../../../src/commands/explain/composites.js'
import { type FigureRow, writeFigure } from '../../../src/commands/explain/figure.js'
import { encodeNpy } from '../../../src/commands/explain/results.js'

let folder: string
let row: FigureRow

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-figure-'))
  const crop = join(folder, 'crop.png')
  await sharp({ create: { width: 56, height: 56, channels: 3, background: 'green' } })
    .png()
    .toFile(crop)
  const relevance = join(folder, 'for.npy')
  await writeFile(relevance, encodeNpy(new Float32Array(56 * 56).fill(2), [56, 56]))
  row = { head: 'true: pain · predicted: disgust 0.62', name: 'one', crop, relevance: [relevance, null] }
})
afterAll(() => rm(folder, { recursive: true }))

const draw = (rows: FigureRow[]) =>
  writeFigure({ rows, columns: ['LRP-Z', 'LRP-Flat'], out: folder, signal: new AbortController().signal })

async function pixelsOf(name: string) {
  const { data, info } = await sharp(join(folder, name)).raw().toBuffer({ resolveWithObject: true })
  return {
    ...info,
    at: (x: number, y: number) => [...data.subarray(info.channels * (y * info.width + x)).subarray(0, 3)],
    /** How many pixels of a part are not white. */
    inked: (x: number, y: number, width: number, height: number) => {
      let count = 0
      for (let row = y; row < y + height; row++)
        for (let column = x; column < x + width; column++)
          if (data[info.channels * (row * info.width + column)]! < 200) count++
      return count
    }
  }
}

describe('the figure of painlens explain', () => {
  it('shows the crop, a heatmap for each composite, an empty place where there is none, and text above', async () => {
    expect(await draw([row])).toEqual(['grid.png'])
    const { width, at, inked } = await pixelsOf('grid.png')
    expect(width).toBe(2 * 28 + 3 * 224 + 2 * 10)
    const [middle, top] = [140, 98]
    expect(at(28 + 112, top + 112)).toEqual([0, 128, 0])
    expect(at(28 + 234 + 112, top + 112)).toEqual([214, 16, 16])
    expect(at(28 + 468 + 112, top + 112)).toEqual([255, 255, 255])
    expect(inked(middle - 60, 28, 120, 30)).toBeGreaterThan(100)
    expect(inked(28, top - 30, 300, 26)).toBeGreaterThan(300)
  })

  it('is laid out in pages of eight rows', async () => {
    expect(await draw(new Array(17).fill(row))).toEqual(['grid-1.png', 'grid-2.png', 'grid-3.png'])
    const [first, last] = [await pixelsOf('grid-1.png'), await pixelsOf('grid-3.png')]
    expect(first.height - last.height).toBe(7 * (224 + 34 + 10))
    expect(await draw([])).toEqual([])
  })

  it('needs no fonts and no fontconfig of the system', async () => {
    await draw([row])
    const script = `
      import { writeFigure } from ${JSON.stringify(resolve('dist/commands/explain/figure.js'))}
      const rows = [JSON.parse(process.argv[1])]
      await writeFigure({ rows, columns: ['LRP-Z', 'LRP-Flat'], out: process.argv[2], signal: new AbortController().signal })`
    const bare = await mkdtemp(join(tmpdir(), 'painlens-no-fonts-'))
    try {
      const env = { PATH: process.env.PATH, HOME: bare, FONTCONFIG_PATH: bare, FONTCONFIG_FILE: join(bare, 'none') }
      const node = spawnSync(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(row), bare], {
        env,
        encoding: 'utf8'
      })
      expect([node.status, node.stderr]).toEqual([0, ''])
      const [here, there] = await Promise.all(
        [folder, bare].map((path) => sharp(join(path, 'grid.png')).raw().toBuffer())
      )
      expect(there!.equals(here!)).toBe(true)
    } finally {
      await rm(bare, { recursive: true })
    }
  })
})

describe('the composites of --composite', () => {
  it('are one, several, or those of the paper, each once', () => {
    const figure = ['lrp.z', 'lrp.epsilon', 'lrp.sequential_preset_a_flat', 'lrp.sequential_preset_b_flat']
    expect(compositesOf('lrp.flat')).toEqual(['lrp.flat'])
    expect(compositesOf('lrp.flat, lrp.z')).toEqual(['lrp.flat', 'lrp.z'])
    expect(compositesOf('all')).toEqual(figure)
    expect(compositesOf('lrp.epsilon,all')).toEqual(['lrp.epsilon', 'lrp.z', ...figure.slice(2)])
  })

  it('are titled as iNNvestigate names them', () => {
    expect(['lrp.z', 'lrp.alpha_2_beta_1_IB', 'lrp.sequential_preset_b_flat'].map(titleOf)).toEqual([
      'LRP-Z',
      'LRP-Alpha2Beta1IB',
      'LRP-SequentialPresetBFlat'
    ])
  })
})
