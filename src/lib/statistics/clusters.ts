import { createRandom } from '../random.js'

/** Neighbouring cells of a map that differ from zero in the same direction. */
export interface MapCluster {
  /** Row-major numbers of its cells. */
  cells: number[]
  /** 1 where the mean is above zero, -1 where it is below. */
  sign: 1 | -1
  /** Sum of |t| over its cells. */
  mass: number
  /** For "the maps are zero on average", corrected for the whole map. */
  p: number
}

export interface ClusterOptions {
  /** Cells in a row of the map. */
  width: number
  flips: number
  seed: number
  /** Cells with |t| from here on form clusters; any value keeps the test valid, it decides how wide clusters are. */
  threshold?: number
}

/**
 * Where maps of subjects differ from zero on average: neighbouring cells (by their edges) with a large |t| form clusters, and the mass of
 * each is held against the largest mass under flipped signs of whole subjects (Maris and Oostenveld 2007, "Nonparametric
 * statistical testing of EEG- and MEG-data"). All flips where there are no more than `flips`; else drawn ones, the data themselves among them.
 * @param maps [subject][cell], one row of cells after the other
 * @returns largest mass first; none with fewer than two subjects
 */
export function clusterTest(
  maps: readonly ArrayLike<number>[],
  { width, flips, seed, threshold = 2.5 }: ClusterOptions
): MapCluster[] {
  const subjects = maps.length
  if (subjects < 2) return []
  const isExact = 2 ** subjects <= flips
  const total = isExact ? 2 ** subjects : flips
  const random = createRandom(seed)
  const tOf = tMapper(maps)
  const signs = new Int8Array(subjects).fill(1)
  const found = clustersOf(tOf(signs), width, threshold)
  const reached = new Array<number>(found.length).fill(0)
  for (let i = 0; i < total; i++) {
    for (let s = 0; s < subjects; s++) signs[s] = (isExact ? (i >> s) & 1 : random() < 0.5) ? -1 : 1
    const largest = Math.max(0, ...clustersOf(tOf(signs), width, threshold).map(({ mass }) => mass))
    // What is drawn is as large as the data themselves, but for rounding.
    for (const [which, { mass }] of found.entries()) if (largest >= mass * (1 - 1e-9)) reached[which]!++
  }
  return found
    .map((cluster, i) => ({ ...cluster, p: isExact ? reached[i]! / total : (reached[i]! + 1) / (total + 1) }))
    .sort((a, b) => b.mass - a.mass)
}

/** Student's t of each cell under the given signs; the array is used again. Cells that are the same in all subjects count as 0. */
function tMapper(maps: readonly ArrayLike<number>[]): (signs: Int8Array) => Float64Array {
  const [n, cells] = [maps.length, maps[0]!.length]
  const squares = new Float64Array(cells)
  for (const map of maps) for (let i = 0; i < cells; i++) squares[i]! += map[i]! ** 2
  const t = new Float64Array(cells)
  return (signs) => {
    t.fill(0)
    for (const [s, map] of maps.entries()) for (let i = 0; i < cells; i++) t[i]! += signs[s]! * map[i]!
    for (let i = 0; i < cells; i++) {
      const spread = squares[i]! - (t[i]! * t[i]!) / n
      t[i] = spread <= 1e-12 * squares[i]! ? 0 : t[i]! / n / Math.sqrt(spread / (n - 1) / n)
    }
    return t
  }
}

function clustersOf(t: Float64Array, width: number, threshold: number): Omit<MapCluster, 'p'>[] {
  const seen = new Uint8Array(t.length)
  const clusters: Omit<MapCluster, 'p'>[] = []
  for (let start = 0; start < t.length; start++) {
    if (seen[start] || Math.abs(t[start]!) < threshold) continue
    const sign = t[start]! > 0 ? 1 : -1
    const cells = [start]
    seen[start] = 1
    let mass = 0
    for (let at = 0; at < cells.length; at++) {
      const cell = cells[at]!
      mass += Math.abs(t[cell]!)
      for (const next of neighboursOf(cell, width, t.length))
        if (!seen[next] && sign * t[next]! >= threshold) {
          seen[next] = 1
          cells.push(next)
        }
    }
    clusters.push({ cells: cells.sort((a, b) => a - b), sign, mass })
  }
  return clusters
}

function neighboursOf(cell: number, width: number, cells: number): number[] {
  const column = cell % width
  return [
    ...(column > 0 ? [cell - 1] : []),
    ...(column < width - 1 ? [cell + 1] : []),
    ...(cell >= width ? [cell - width] : []),
    ...(cell + width < cells ? [cell + width] : [])
  ]
}
