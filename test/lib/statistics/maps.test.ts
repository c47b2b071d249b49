/** Statistics of relevance maps: clusters of cells that differ, and groups of maps; against NumPy and scikit-learn, as they said once and as they say here. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../../src/core/version.js'
import { createRandom } from '../../../src/lib/random.js'
import { clusterTest } from '../../../src/lib/statistics/index.js'
import { spectralClusters } from '../../../src/lib/statistics/spectral.js'
import { patience } from '../../support/slowness.js'

const folder = join(packageRoot, 'test/lib/statistics')
const [width, neighbours, threshold] = [6, 5, 2]

/** Three groups of samples, each large at a place of its own, of very different sizes. */
function groupedSamples(): { samples: number[][]; groups: number[] } {
  const random = createRandom(5)
  const groups = [...new Array<number>(14).fill(0), ...new Array<number>(9).fill(1), ...new Array<number>(7).fill(2)]
  const samples = groups.map((group) =>
    Array.from({ length: 12 }, (_, i) => random.uniform(0, 0.4) + (Math.floor(i / 4) === group ? 2 : 0))
  )
  return { samples, groups }
}

/** Seven subjects whose maps are above zero in two neighbouring columns, and noise elsewhere. */
function differingMaps(): number[][] {
  const random = createRandom(8)
  return Array.from({ length: 7 }, () =>
    Array.from({ length: width * width }, (_, cell) => random.normal(0, 1) + (cell % width < 2 ? 3 : 0))
  )
}

interface Said {
  eigenvalues: number[]
  masses: number[]
  p: number[]
}

function agree(said: Said): void {
  const { eigenvalues } = spectralClusters(groupedSamples().samples, { neighbours, most: 5, seed: 1 })
  for (const [i, value] of eigenvalues.entries()) expect(value).toBeCloseTo(said.eigenvalues[i]!, 9)
  const found = clusterTest(differingMaps(), { width, flips: 200, seed: 1, threshold })
  expect(found).toHaveLength(said.masses.length)
  for (const [i, { mass, p }] of found.entries()) {
    expect(mass).toBeCloseTo(said.masses[i]!, 9)
    expect(p).toBeCloseTo(said.p[i]!, 12)
  }
}

function saidHere(): Said | null {
  const { samples } = groupedSamples()
  const input = JSON.stringify({ samples, neighbours, maps: differingMaps(), width, threshold })
  for (const python of ['/usr/bin/python3', 'python3']) {
    const { status, stdout } = spawnSync(python, [join(folder, 'ask-maps.py')], { input, encoding: 'utf8' })
    if (status === 0) return JSON.parse(stdout) as Said
  }
  return null
}

describe('eigenvalues of the graph of maps, masses and probabilities of clusters', () => {
  const here = saidHere()

  it('equal what NumPy and scikit-learn said once of the same maps', () => {
    agree(JSON.parse(readFileSync(join(folder, 'maps.json'), 'utf8')) as Said)
  })

  it.skipIf(here === null)(
    'equal what NumPy and scikit-learn say on this machine',
    { timeout: patience(60_000) },
    () => {
      agree(here!)
    }
  )
})

describe('spectral clusters', () => {
  it('find groups of very different sizes, and how many there are', () => {
    const { samples, groups } = groupedSamples()
    const { clusterOf, count } = spectralClusters(samples, { neighbours, most: 8, seed: 3 })
    expect(count).toBe(3)
    expect(clusterOf).toEqual(groups)
  })

  it('are one cluster where all samples are alike', () => {
    const random = createRandom(2)
    const samples = Array.from({ length: 20 }, () => Array.from({ length: 30 }, () => 1 + random.uniform(0, 0.1)))
    expect(new Set(spectralClusters(samples, { neighbours: 12, most: 6, seed: 1 }).clusterOf)).toEqual(new Set([0]))
  })

  it('are the same for the same seed', () => {
    const { samples } = groupedSamples()
    const options = { neighbours: 3, most: 8, seed: 4 }
    expect(spectralClusters(samples, options)).toEqual(spectralClusters(samples, options))
  })
})

describe('the test of clusters of cells', () => {
  it('finds a planted stripe as one cluster with its sign, and no other', () => {
    const [first, ...others] = clusterTest(differingMaps(), { width, flips: 200, seed: 1 })
    expect(first!.cells).toEqual(Array.from({ length: width * width }, (_, i) => i).filter((cell) => cell % width < 2))
    expect(first!.sign).toBe(1)
    expect(first!.p).toBeCloseTo(2 / 128, 12)
    expect(others.every(({ p }) => p > 0.05)).toBe(true)
  })

  it('does not join the ends of two rows', () => {
    const map = (cells: number[], size: number) => Array.from({ length: 9 }, (_, i) => (cells.includes(i) ? size : 0))
    const maps = [1, 1.2, 0.9, 1.1].map((size) => map([2, 3], size))
    expect(clusterTest(maps, { width: 3, flips: 100, seed: 1 }).map(({ cells }) => cells)).toEqual([[2], [3]])
  })

  it('calls noise a finding in about one of twenty maps', () => {
    let wrong = 0
    for (let seed = 0; seed < 120; seed++) {
      const random = createRandom(seed)
      const maps = Array.from({ length: 8 }, () => Array.from({ length: 36 }, () => random.normal(0, 1)))
      if (clusterTest(maps, { width, flips: 256, seed }).some(({ p }) => p <= 0.05)) wrong++
    }
    // Of 120 maps 6 are expected; 14 and more come by chance once in 300 times.
    expect(wrong).toBeLessThan(14)
    expect(wrong).toBeGreaterThan(0)
  })

  it('says nothing of a single subject', () => {
    expect(clusterTest([[1, 2, 3, 4]], { width: 2, flips: 100, seed: 1 })).toEqual([])
  })
})
