import { createExplainer, type Explainer, type ExplainerOptions } from '../../../src/lib/lrp/index.js'
import { backward, forward, type NaiveRule } from './naive.js'
import { type Net, normal, randomOf } from './nets.js'

/** Pictures for a net: noise, with bands of one value across it, so that pools meet tied maxima. */
export function pictures(net: Net, batch: number, seed: number, { bands = true } = {}): Float32Array {
  const random = randomOf(seed)
  const [channels, height, width] = net.dims
  const data = Float32Array.from({ length: batch * channels * height * width }, () => normal(random))
  if (!bands) return data
  return data.map((value, i) => {
    const [row, column] = [Math.floor(i / width) % height, i % width]
    if (column < width / 3) return 0.5
    return row >= height - 2 ? -0.25 : value
  })
}

/** The naive relevance of each sample's largest output, and the outputs. */
export function naiveRelevance(
  net: Net,
  data: Float32Array,
  ruleOf: (index: number) => NaiveRule
): { logits: number[][]; relevance: Float64Array } {
  const inSize = net.dims.reduce((product, dim) => product * dim, 1)
  const batch = data.length / inSize
  const relevance = new Float64Array(data.length)
  const logits: number[][] = []
  for (let sample = 0; sample < batch; sample++) {
    const input = Float64Array.from(data.subarray(sample * inSize, (sample + 1) * inSize))
    const output = forward(net.naive, input).at(-1)!
    const target = output.indexOf(Math.max(...output))
    const start = output.map((value, i) => (i === target ? value : 0))
    relevance.set(
      backward(net.naive, input, start, (place) => ruleOf(net.weighted.indexOf(place))),
      sample * inSize
    )
    logits.push([...output])
  }
  return { logits, relevance }
}

/** The largest difference, in units of the largest magnitude of `wanted` (absolute where that is zero). */
export function worst(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [most, difference] = [0, 0]
  for (let i = 0; i < wanted.length; i++) {
    most = Math.max(most, Math.abs(wanted[i]!))
    const own = Math.abs(got[i]! - wanted[i]!)
    if (!(own <= difference)) difference = own
  }
  if (got.length !== wanted.length) return Number.NaN
  return most === 0 ? difference : difference / most
}

/** Makes an explainer, hands it over, and closes it whatever happens. */
export async function withExplainer<R>(
  options: Omit<ExplainerOptions, 'engine'> & { engine?: ExplainerOptions['engine'] },
  use: (explainer: Explainer) => Promise<R>
): Promise<R> {
  const explainer = await createExplainer({ engine: 'tfjs', threads: 1, ...options })
  try {
    return await use(explainer)
  } finally {
    await explainer.close()
  }
}
