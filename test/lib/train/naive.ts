import type { Chain, ChainLayer } from '../../../src/lib/train/chain.js'

type Numbers = ArrayLike<number>

/** Mean cross entropy of a batch in float64, loop by loop: nothing of the code under test computes here. */
export function naiveLoss(
  { layers, input, classes }: Chain,
  weights: ReadonlyMap<string, Numbers>,
  batch: { features: Numbers; targets: Numbers; weights: Numbers }
): number {
  const size = input.reduce((product, dim) => product * dim, 1)
  const rows = batch.weights.length
  let [sum, total] = [0, 0]
  for (let row = 0; row < rows; row++) {
    let values = Array.from({ length: size }, (_, i) => batch.features[row * size + i]!)
    let dims = input
    for (const layer of layers) {
      values = naiveLayer(layer, values, dims, weights)
      dims = layer.dims
    }
    const highest = Math.max(...values)
    const logSum = highest + Math.log(values.reduce((all, value) => all + Math.exp(value - highest), 0))
    const loss = values.reduce((all, value, i) => all - batch.targets[row * classes + i]! * (value - logSum), 0)
    sum += batch.weights[row]! * loss
    total += batch.weights[row]!
  }
  return sum / total
}

function naiveLayer(
  layer: ChainLayer,
  x: number[],
  dims: readonly number[],
  all: ReadonlyMap<string, Numbers>
): number[] {
  const [weight, bias] = 'name' in layer ? [all.get(`${layer.name}.weight`)!, all.get(`${layer.name}.bias`)!] : [[], []]
  switch (layer.kind) {
    case 'relu':
      return x.map((value) => Math.max(0, value))
    case 'reshape':
      return x
    case 'dense':
      return Array.from({ length: layer.outSize }, (_, out) =>
        x.reduce((sum, value, i) => sum + value * weight[out * layer.inSize + i]!, bias[out]!)
      )
    case 'maxPool':
      return naivePool(x, dims)
    case 'conv':
      return naiveConv(x, dims, layer.geometry.outChannels, weight, bias)
    default:
      throw new Error(`no naive ${layer.kind}`)
  }
}

/** 2x2, stride 2. */
function naivePool(x: number[], [channels, height, width]: readonly number[]): number[] {
  const out: number[] = []
  for (let c = 0; c < channels!; c++)
    for (let row = 0; row < height!; row += 2)
      for (let column = 0; column < width!; column += 2) {
        const at = (r: number, k: number): number => x[(c * height! + row + r) * width! + column + k]!
        out.push(Math.max(at(0, 0), at(0, 1), at(1, 0), at(1, 1)))
      }
  return out
}

/** 3x3, stride 1, one row of zeros around. */
function naiveConv(x: number[], dims: readonly number[], outputs: number, weight: Numbers, bias: Numbers): number[] {
  const [channels, height, width] = dims as [number, number, number]
  const at = (c: number, row: number, column: number): number =>
    row < 0 || column < 0 || row >= height || column >= width ? 0 : x[(c * height + row) * width + column]!
  const taps = Array.from({ length: channels * 9 }, (_, i) => [
    Math.floor(i / 9),
    (Math.floor(i / 3) % 3) - 1,
    (i % 3) - 1
  ])
  return Array.from({ length: outputs * height * width }, (_, place) => {
    const o = Math.floor(place / (height * width))
    const [row, column] = [Math.floor(place / width) % height, place % width]
    return taps.reduce(
      (sum, [c, i, j], tap) => sum + weight[o * taps.length + tap]! * at(c!, row + i!, column + j!),
      bias[o]!
    )
  })
}
