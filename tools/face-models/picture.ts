import type { GraphBuilder } from '#painlens/lib/onnx/index.js'

/** Pixel x becomes (x − mean) · scale; mean in the order red, green, blue. */
export interface Normalisation {
  mean: readonly [number, number, number]
  scale: number
}

/** Pictures darker than that, of 255, are brightened up to it, but no further than by the largest gain. */
const dark = 80
const mostGain = 8

/** ONNX's number for float32 in Cast. */
const float32 = 1

/**
 * The face models' common first part: cuts a region out of a frame, scales it, frames it in black and normalises it,
 * so that nothing outside ONNX Runtime loops over pixels, and a GPU can do it. The graph's inputs:
 * `frame` uint8 [height, width, 3] (RGB24); `region` int64 [4], top, left, bottom, right in pixels, inside the frame;
 * `size` int64 [4], 1, 3, and rows and columns to scale the region to; `pads` int64 [8], what to put around it as
 * ONNX's Pad takes it for four axes.
 * @returns the name of a float32 [1, 3, rows, columns]
 */
export function addPicture(graph: GraphBuilder, { mean, scale }: Normalisation): string {
  const frame = graph.input('frame', ['height', 'width', 3], 'uint8')
  const region = graph.input('region', [4], 'int64')
  const size = graph.input('size', [4], 'int64')
  const pads = graph.input('pads', [8], 'int64')
  const whole = (name: string, ...values: bigint[]): string =>
    graph.constant(name, BigInt64Array.from(values), [values.length])
  const [zero, two, four] = [whole('zero', 0n), whole('two', 2n), whole('four', 4n)]
  const start = graph.node('Slice', [region, zero, two], {}, { name: 'start' })
  const end = graph.node('Slice', [region, two, four], {}, { name: 'end' })
  const cut = graph.node('Slice', [frame, start, end, whole('rows_and_columns', 0n, 1n)], {}, { name: 'cut' })
  const planes = graph.node('Transpose', [cut], { perm: [2, 0, 1] }, { name: 'planes' })
  const batch = graph.node('Unsqueeze', [planes, zero], {}, { name: 'batch' })
  // Scaling bytes is a quarter quicker than scaling floats; what it rounds away is less than a camera's noise.
  const scaled = graph.node('Resize', [batch, '', '', size], { mode: 'linear' }, { name: 'scaled' })
  const real = graph.node('Cast', [scaled], { to: float32 }, { name: 'real' })
  const framed = graph.node('Pad', [lightened(graph, real), pads], {}, { name: 'framed' })
  const means = graph.constant('mean', Float32Array.from(mean), [3, 1, 1])
  const centred = graph.node('Sub', [framed, means], {}, { name: 'centred' })
  return graph.node('Mul', [centred, graph.constant('scale', Float32Array.of(scale), [])], {}, { name: 'normalised' })
}

/**
 * Brightens a dark picture, as a camera's own exposure would. How bright it is says Σx²/Σx, for which neither masks nor
 * any other black count.
 */
function lightened(graph: GraphBuilder, x: string): string {
  const number = (name: string, value: number): string => graph.constant(name, Float32Array.of(value), [])
  const squares = graph.node('ReduceSumSquare', [x], {}, { name: 'squares' })
  const sum = graph.node('ReduceSum', [x], {}, { name: 'sum' })
  const wanted = graph.node('Mul', [sum, number('dark', dark)], {}, { name: 'wanted' })
  const ratio = graph.node('Div', [wanted, graph.node('Max', [squares, number('one', 1)], {}, { name: 'light' })])
  const gain = graph.node('Clip', [ratio, number('no_gain', 1), number('most_gain', mostGain)], {}, { name: 'gain' })
  const bright = graph.node('Mul', [x, gain], {}, { name: 'bright' })
  return graph.node('Min', [bright, number('white', 255)], {}, { name: 'lightened' })
}
