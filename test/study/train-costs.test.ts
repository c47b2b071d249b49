import { expect, it } from 'vitest'
import type { Chain } from '../../src/lib/train/index.js'
import type { CacheForm } from '../../src/study/choices.js'
import type { Dataset } from '../../src/study/dataset.js'
import { sayTrainingCosts } from '../../src/study/train/telling.js'

/** VGG-Face from fc7 on, without its numbers: their counts are all that costs are made of. */
const dense = (inSize: number, outSize: number) => ({
  ...{ kind: 'dense', name: '', inSize, outSize, dims: [outSize] },
  ...{ weights: { length: inSize * outSize }, bias: { length: outSize } }
})
const chain = { input: [4096], layers: [dense(4096, 4096), dense(4096, 3)], classes: 3 } as unknown as Chain
const dataset = { rows: new Array(2000) } as unknown as Dataset
const recipe = { optimizer: 'momentum', epochs: 3 } as Parameters<typeof sayTrainingCosts>[2]['recipe']
const pace = { featureMs: 300, sampleMs: 1 }

function said(freeBytes: number, cache: CacheForm = 'float32'): string {
  let text = ''
  const work = { views: 1, cache, recipe, folds: 2, pace, modelBytes: 580e6, freeBytes }
  sayTrainingCosts(chain, dataset, work, (line) => {
    text += line
  })
  return text
}

it('a run on a VGG-Face of full size is said to need disk for three whole models, and the memory that it was measured with', () => {
  const [, disk, memory] = /Takes about (\d+) MB of disk and (\d+) MB of memory/.exec(said(1e12))!
  // 33 MB of features, a checkpoint, and the models of two folds and of all.
  expect(Number(disk)).toBeGreaterThan(3 * 580 + 33)
  expect(Number(disk)).toBeLessThan(3 * 580 + 33 + 300)
  expect(Number(memory)).toBeGreaterThan(2000)
  expect(Number(memory)).toBeLessThan(2300)
})

it('a disk without room for a run is told before hours are spent, and one with room is not', () => {
  expect(said(1.5e9)).toContain('Warning: the disk has 1500 MB left, which is not enough.\n')
  expect(said(1e10)).not.toContain('Warning')
})

it('features in float16 are said to need half the disk of those in float32', () => {
  const disk = (cache: CacheForm): number => Number(/about (\d+) MB of disk/.exec(said(1e12, cache))![1])
  expect(disk('float32') - disk('float16')).toBe(Math.round((2000 * 4096 * 2) / 1e6))
})
