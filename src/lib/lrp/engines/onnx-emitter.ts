import type { GraphBuilder } from '../../onnx/index.js'
import type { Window } from '../layers.js'

/** A graph builder that stores what many nodes share, scalars and lists of whole numbers, once. */
export class Emitter {
  readonly #known = new Map<string, string>()

  constructor(readonly builder: GraphBuilder) {}

  node(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, number | readonly number[] | string> = {}
  ): string {
    return this.builder.node(opType, inputs, attributes)
  }

  scalar(value: number): string {
    return this.#once(`scalar ${value}`, () => this.builder.constant('scalar', Float32Array.of(value), []))
  }

  /** int64, no dims. */
  integer(value: number): string {
    return this.#once(`integer ${value}`, () => this.builder.constant('integer', BigInt64Array.of(BigInt(value)), []))
  }

  /** int64 [length]. */
  integers(values: readonly number[]): string {
    return this.#once(`integers ${values}`, () =>
      this.builder.constant('integers', BigInt64Array.from(values, BigInt), [values.length])
    )
  }

  /** Of maps [batch, channel, row, column] the part of that size, from a row and column on. */
  cut(maps: string, [row, column]: readonly [number, number], [height, width]: readonly [number, number]): string {
    const [starts, ends] = [this.integers([row, column]), this.integers([row + height, column + width])]
    return this.node('Slice', [maps, starts, ends, this.integers([2, 3])])
  }

  #once(key: string, make: () => string): string {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const name = make()
    this.#known.set(key, name)
    return name
  }
}

/**
 * How the way back through a max pooling is written, the same numbers each way. `indices` goes by MaxPool's second
 * output, which is the quickest on the CPU. `comparisons` looks for each window's first largest input by itself: for
 * GPUs, because CUDA has no kernel for MaxUnpool, and its MaxPool walks through a window column by column, so that of
 * several equal inputs its indices name another one than everybody else's.
 */
export type UnpoolForm = 'indices' | 'comparisons'

export interface MaxPool {
  output: string
  /** Gives each window's relevance to its first largest input (row by row), once. */
  unpool(relevance: string): string
}

export const maxPools: Record<UnpoolForm, (emit: Emitter, x: string, window: Window, channels: number) => MaxPool> = {
  indices: (emit, x, window, channels) => {
    const [output, winners] = emit.builder.node('MaxPool', [x], poolAttributes(window), { outputs: 2 }) as [
      string,
      string
    ]
    return { output, unpool: (relevance) => unpoolByIndices(emit, x, relevance, winners, channels, window) }
  },
  comparisons: (emit, x, window, channels) => {
    const output = emit.node('MaxPool', [x], poolAttributes(window))
    return { output, unpool: (relevance) => unpoolByComparisons(emit, x, output, relevance, channels, window) }
  }
}

function poolAttributes({ kernel, strides, dilations, pads }: Window) {
  return { kernel_shape: kernel, strides, dilations, pads }
}

/**
 * MaxUnpool sets its targets instead of adding to them, so it is right only where no input can win twice; ScatterElements
 * adds. Winners are counted through the whole tensor, the batch included.
 */
function unpoolByIndices(
  emit: Emitter,
  x: string,
  relevance: string,
  winners: string,
  channels: number,
  window: Window
): string {
  const { kernel, strides, pads, dilations } = window
  if (apart(window) && pads.every((pad) => pad === 0) && dilations.every((dilation) => dilation === 1)) {
    const shape = emit.node('Shape', [x])
    return emit.node('MaxUnpool', [relevance, winners, shape], { kernel_shape: kernel, strides })
  }
  const flat = emit.integers([-1])
  const zeros = emit.node('ConstantOfShape', [emit.node('Shape', [emit.node('Reshape', [x, flat])])])
  const updates = [emit.node('Reshape', [winners, flat]), emit.node('Reshape', [relevance, flat])]
  const scattered = emit.node('ScatterElements', [zeros, ...updates], { axis: 0, reduction: 'add' })
  return emit.node('Reshape', [scattered, emit.integers([-1, channels, ...window.input])])
}

/** Below every value that a network can have. */
const lowest = -3.4028234663852886e38

/** Winners are counted through one padded plane each, a row per plane. */
function unpoolByComparisons(
  emit: Emitter,
  x: string,
  output: string,
  relevance: string,
  channels: number,
  window: Window
): string {
  const [top, left, bottom, right] = window.pads
  const [height, width] = [window.input[0] + top + bottom, window.input[1] + left + right]
  const padded = window.pads.some((pad) => pad > 0)
  const framed = padded
    ? emit.node('Pad', [x, emit.integers([0, 0, top, left, 0, 0, bottom, right]), emit.scalar(lowest)])
    : x
  const rowPerPlane = (value: string, length: number): string =>
    emit.node('Reshape', [value, emit.integers([-1, length])])
  const zeros = emit.node('ConstantOfShape', [emit.node('Shape', [rowPerPlane(framed, height * width)])])
  const outputs = window.output[0] * window.output[1]
  const winners = rowPerPlane(firstLargest(emit, framed, output, width, window), outputs)
  const scattered = emit.node('ScatterElements', [zeros, winners, rowPerPlane(relevance, outputs)], {
    axis: 1,
    ...(!apart(window) && { reduction: 'add' })
  })
  const planes = emit.node('Reshape', [scattered, emit.integers([-1, channels, height, width])])
  return padded ? emit.cut(planes, [top, left], window.input) : planes
}

/** The place, within its padded plane, of each window's first input that is as large as the output. */
function firstLargest(emit: Emitter, framed: string, output: string, width: number, window: Window): string {
  const { kernel, strides, dilations } = window
  const [rows, columns] = window.output
  const corners = Array.from({ length: rows * columns }, (_, at) =>
    BigInt(Math.floor(at / columns) * strides[0] * width + (at % columns) * strides[1])
  )
  const corner = emit.builder.constant('corners', BigInt64Array.from(corners), [rows, columns])
  const axes = emit.integers([2, 3])
  const steps = emit.integers(strides)
  let step = emit.integer(0)
  for (let tap = kernel[0] * kernel[1] - 1; tap >= 0; tap--) {
    const start = [Math.floor(tap / kernel[1]) * dilations[0], (tap % kernel[1]) * dilations[1]] as const
    const ends = [start[0] + (rows - 1) * strides[0] + 1, start[1] + (columns - 1) * strides[1] + 1]
    const inputs = emit.node('Slice', [framed, emit.integers(start), emit.integers(ends), axes, steps])
    const own = emit.integer(start[0] * width + start[1])
    step = emit.node('Where', [emit.node('Equal', [inputs, output]), own, step])
  }
  return emit.node('Add', [step, corner])
}

/** Whether no input is in two windows. */
function apart({ kernel, strides, dilations }: Window): boolean {
  return kernel.every((size, axis) => dilations[axis]! * (size - 1) < strides[axis]!)
}
