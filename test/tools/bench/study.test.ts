import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { writeRandomVgg } from '../../../src/lib/vgg/index.js'
import { aimsTable, type StudyBench, studyCommand } from '../../../tools/bench/study.js'
import { patience } from '../../support/slowness.js'

const folder = mkdtempSync(join(tmpdir(), 'painlens-bench-study-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The bench of a net that takes no time. */
const tiny: StudyBench = {
  sizes: { 'fc7+fc8': [16, 8, 3], 'fc6–fc8': [32, 16, 8, 3] },
  batch: { ours: 8, tfjs: { 'fc7+fc8': 8, 'fc6–fc8': 4 } },
  steps: { ours: 2, tfjs: 1 },
  manifest: () =>
    writeRandomVgg(
      { input: { width: 32, height: 32 }, blocks: [[8], [12]], dense: [24, 16, 3] },
      join(folder, 'base.onnx'),
      ['pain', 'disgust', 'happiness'],
      1
    ),
  batches: 2,
  rounds: 1
}

async function said(args: readonly string[]): Promise<string> {
  const lines: string[] = []
  expect(await studyCommand(args, (text) => lines.push(text), tiny)).toBe(0)
  return lines.join('\n')
}

describe('the bench of study', () => {
  it(
    'has painlens and tfjs for both parts that are trained, the cache beside the bare pass, and an aim for each',
    async () => {
      const text = await said([])
      for (const part of ['fc7\\+fc8', 'fc6–fc8'])
        for (const [engine, batch] of [
          ['painlens', '8'],
          ['tfjs', part === 'fc6–fc8' ? '4' : '8']
        ])
          expect(text).toMatch(
            new RegExp(
              `^\\| ${part} \\| ${engine} \\| ${batch} \\| [1-9]\\d* \\| [\\d.]+ \\| [\\d.]+ \\| \\d+ MB \\|$`,
              'm'
            )
          )
      expect(text).toMatch(/^\| features into the cache, from PNG files \| [\d.]+ \| [\d.]+ \| \d+ MB \|$/m)
      expect(text).toMatch(
        /^\| fc7\+fc8, batch 8: images a second, as a multiple of tfjs’s at batch 8 \| at least 20 \| [\d.]+ times \|/m
      )
      expect(text).toMatch(/tfjs’s at batch 4 with plain gradient descent \| at least 30 \| [\d.]+ times \|/)
      expect(text).toMatch(/^\| fc6–fc8, batch 8: peak memory \| at most 2600 MB \| \d+ MB \| {2}\| yes \|$/m)
      expect(text).toMatch(
        /^\| caching: time, as a multiple of the bare pass \| at most 1\.1 \| [\d.]+ times \| [\d.]+ times \| (yes|no) \|$/m
      )
    },
    patience(60_000)
  )

  it(
    'with --only caching measures nothing else',
    async () => {
      expect(await said(['--only', 'caching', '--rounds', '1'])).not.toMatch(/tfjs|PyTorch/)
    },
    patience(30_000)
  )

  it.each([
    [['--only', 'lunch'], 'there is no part "lunch"'],
    [['--rounds', '0'], '"0" is no number of rounds'],
    [['--fast'], '--fast']
  ])('refuses %j', async (args, why) => {
    await expect(studyCommand(args, () => undefined, tiny)).rejects.toThrow(why)
  })

  it('says of each aim whether it is met, by the clock', () => {
    const text = aimsTable([
      { what: 'a', wanted: { from: 20 }, clock: 20.5, processor: 3, unit: 'times' },
      { what: 'b', wanted: { from: 20 }, clock: 19, processor: 30, unit: 'times' },
      { what: 'c', wanted: { to: 2600 }, clock: 2599.6, processor: null, unit: 'MB' },
      { what: 'd', wanted: { to: 1 }, clock: null, processor: null, unit: 'times' }
    ])
    expect(text.split('\n').slice(2)).toEqual([
      '| a | at least 20 | 20.50 times | 3.00 times | yes |',
      '| b | at least 20 | 19.00 times | 30.00 times | no |',
      '| c | at most 2600 MB | 2600 MB |  | yes |',
      '| d | at most 1 | not measured |  |  |'
    ])
  })
})
