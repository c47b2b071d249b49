import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { createRandom, type Random } from '../random.js'

export interface SpectralOptions {
  /** Each sample is tied to so many that are most like it. */
  neighbours: number
  /** The most clusters that are looked for. */
  most: number
  seed: number
}

export interface SpectralClusters {
  /** The cluster of each sample, from 0, the largest cluster first. */
  clusterOf: number[]
  /** The smallest eigenvalues of the graph's Laplacian, ascending, one more than `most` at most. */
  eigenvalues: number[]
  /** How many clusters there are: where the next eigenvalue is furthest away. */
  count: number
}

/**
 * Spectral clustering as SpRAy does it with relevance maps (Lapuschkin et al. 2019, "Unmasking Clever Hans predictors and assessing what
 * machines really learn"): a graph of nearest neighbours by cosine, the eigenvectors of its normalised Laplacian
 * I - D^-1/2 A D^-1/2, whose rows of length 1 (Ng, Jordan and Weiss 2002) are grouped by k-means; k by the largest gap between eigenvalues
 * (von Luxburg 2007).
 * @param samples rows of the same length; at least two. Time grows with the cube of their number: 400 take about two seconds
 */
export function spectralClusters(
  samples: readonly ArrayLike<number>[],
  { neighbours, most, seed }: SpectralOptions
): SpectralClusters {
  const n = samples.length
  const decomposed = new EigenvalueDecomposition(laplacianOf(neighbourGraph(samples, neighbours)), {
    assumeSymmetric: true
  })
  const order = decomposed.realEigenvalues.map((value, i) => [value, i] as const).sort((a, b) => a[0] - b[0])
  const values = order.slice(0, Math.min(n, most + 1)).map(([value]) => value)
  const gaps = values.slice(1).map((value, i) => value - values[i]!)
  const count = gaps.length === 0 ? 1 : 1 + gaps.indexOf(Math.max(...gaps))
  const vectors = decomposed.eigenvectorMatrix
  const rows = Array.from({ length: n }, (_, i) =>
    unit(order.slice(0, count).map(([, column]) => vectors.get(i, column)))
  )
  return { clusterOf: largestFirst(kMeans(rows, count, createRandom(seed))), eigenvalues: values, count }
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function unit(row: ArrayLike<number>): number[] {
  const length = Math.sqrt(dot(row, row))
  return Array.from(row, (value) => (length > 0 ? value / length : 0))
}

/** 1 where one of two samples is among the most alike of the other; of samples equally alike the first. */
function neighbourGraph(samples: readonly ArrayLike<number>[], neighbours: number): Matrix {
  const rows = samples.map(unit)
  const graph = Matrix.zeros(rows.length, rows.length)
  for (const [i, row] of rows.entries()) {
    const alike = rows.flatMap((other, j) => (i === j ? [] : [[dot(row, other), j] as const]))
    alike.sort((a, b) => b[0] - a[0] || a[1] - b[1])
    for (const [, j] of alike.slice(0, neighbours)) {
      graph.set(i, j, 1)
      graph.set(j, i, 1)
    }
  }
  return graph
}

function laplacianOf(graph: Matrix): Matrix {
  const n = graph.rows
  const scale = Array.from({ length: n }, (_, i) => 1 / Math.sqrt(graph.getRow(i).reduce((sum, one) => sum + one, 0)))
  const laplacian = Matrix.eye(n, n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) if (i !== j) laplacian.set(i, j, -scale[i]! * graph.get(i, j) * scale[j]!)
  return laplacian
}

const restarts = 10
const rounds = 100

/** Lloyd's algorithm from k-means++ (Arthur and Vassilvitskii 2007), the best of ten. */
function kMeans(rows: readonly number[][], count: number, random: Random): number[] {
  let best = { cost: Number.POSITIVE_INFINITY, clusterOf: rows.map(() => 0) }
  for (let attempt = 0; attempt < (count === 1 ? 0 : restarts); attempt++) {
    let centres = spreadCentres(rows, count, random)
    let clusterOf: number[] = []
    for (let round = 0; round < rounds; round++) {
      const next = rows.map((row) => nearest(row, centres))
      if (next.every((cluster, i) => cluster === clusterOf[i])) break
      clusterOf = next
      centres = centres.map((old, k) => meanOf(rows.filter((_, i) => clusterOf[i] === k)) ?? old)
    }
    const cost = rows.reduce((sum, row, i) => sum + distance(row, centres[clusterOf[i]!]!), 0)
    if (cost < best.cost) best = { cost, clusterOf }
  }
  return best.clusterOf
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)

function nearest(row: readonly number[], centres: readonly (readonly number[])[]): number {
  const away = centres.map((centre) => distance(row, centre))
  return away.indexOf(Math.min(...away))
}

function meanOf(rows: readonly (readonly number[])[]): number[] | undefined {
  return rows[0]?.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
}

function spreadCentres(rows: readonly number[][], count: number, random: Random): number[][] {
  const centres = [random.pick(rows)]
  while (centres.length < count) {
    const away = rows.map((row) => Math.min(...centres.map((centre) => distance(row, centre))))
    let left = random() * away.reduce((sum, one) => sum + one, 0)
    const next = away.findIndex((one) => {
      left -= one
      return left < 0
    })
    // Where all samples are centres already, any other is as good.
    centres.push(next < 0 ? random.pick(rows) : rows[next]!)
  }
  return centres
}

function largestFirst(clusterOf: readonly number[]): number[] {
  const sizes = new Map<number, number>()
  for (const cluster of clusterOf) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1)
  const order = [...sizes].sort((a, b) => b[1] - a[1] || clusterOf.indexOf(a[0]) - clusterOf.indexOf(b[0]))
  const places = new Map(order.map(([cluster], place) => [cluster, place]))
  return clusterOf.map((cluster) => places.get(cluster)!)
}
