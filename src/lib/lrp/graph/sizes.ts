import type { OnnxNode } from '../../onnx/index.js'
import { intOf, intsOf } from '../layers.js'

/** The batch of a shape that is computed while the model runs; all that is known of it is that it is the batch. */
export const batch = Symbol('batch')
export type Extent = number | typeof batch

/** Whole numbers that a model computes from its values' shapes: a list, or without `isList` a single one. */
export interface Sizes {
  items: readonly Extent[]
  isList: boolean
}

/** Null where the result would be more than sizes, or the batch would be reckoned with. */
type Evaluate = (node: OnnxNode, inputs: readonly (Sizes | null)[]) => Sizes | null

const same: Evaluate = (_, [sizes]) => sizes ?? null
const as =
  (isList: boolean): Evaluate =>
  (_, [sizes]) =>
    sizes && (isList || sizes.items.length === 1) ? { items: sizes.items, isList } : null

/** a∘b, item by item, where `neutral` is what leaves the batch as it is. */
const reckoned =
  (apply: (a: number, b: number) => number, neutral: number, onRightOnly = false): Evaluate =>
  (_, [a, b]) => {
    if (!a || !b) return null
    const length = Math.max(a.items.length, b.items.length)
    const items: Extent[] = []
    for (let i = 0; i < length; i++) {
      const [x, y] = [a, b].map(({ items: own }) => own[own.length === 1 ? 0 : i]) as [Extent, Extent]
      if (typeof x === 'number' && typeof y === 'number') items.push(apply(x, y))
      else if (y === neutral) items.push(x)
      else if (x === neutral && !onRightOnly) items.push(y)
      else return null
    }
    return { items, isList: a.isList || b.isList }
  }

/**
 * How operators compute with shapes. A list of sizes is a tensor of one axis. What exporters write for `x.view(x.size(0), -1)`
 * (Shape, Gather, Unsqueeze, Concat), for a flatten of NHWC maps (Shape, Slice, ReduceProd), and the like.
 */
export const sizeOperators: Readonly<Record<string, Evaluate>> = {
  Identity: same,
  Cast: same,
  Unsqueeze: as(true),
  Squeeze: as(false),
  Reshape: (node, [sizes, shape]) => as((shape?.items.length ?? 0) > 0)(node, [sizes ?? null]),
  Add: reckoned((a, b) => a + b, 0),
  Sub: reckoned((a, b) => a - b, 0, true),
  Mul: reckoned((a, b) => a * b, 1),
  Div: reckoned((a, b) => Math.trunc(a / b), 1, true),
  Concat: (_, inputs) =>
    inputs.every((sizes) => sizes !== null) ? { items: inputs.flatMap(({ items }) => items), isList: true } : null,
  Gather: (_, [sizes, indices]) => {
    if (!sizes || !indices) return null
    const items = indices.items.map((index) => (typeof index === 'number' ? sizes.items.at(index) : undefined))
    return items.some((item) => item === undefined) ? null : { items: items as Extent[], isList: indices.isList }
  },
  Slice: (node, [sizes, ...rest]) => {
    const [starts, ends, , steps] = rest.map((own) => (own ? own.items[0] : undefined))
    const start = starts ?? intsOf(node, 'starts')?.[0]
    const end = ends ?? intsOf(node, 'ends')?.[0]
    if (!sizes || typeof start !== 'number' || typeof end !== 'number' || (steps ?? 1) !== 1) return null
    return { items: sizes.items.slice(start, end), isList: true }
  },
  ReduceProd: (node, [sizes]) => {
    let product: Sizes | null = { items: [1], isList: true }
    for (const item of sizes?.items ?? [])
      product = product && reckoned((a, b) => a * b, 1)(node, [product, { items: [item], isList: true }])
    return sizes && product ? { items: product.items, isList: intOf(node, 'keepdims', 1) === 1 } : null
  }
}

/** What Shape gives of a value with these dims, the batch first; `start` and `end` since opset 15. */
export function shapeSizes(node: OnnxNode, dims: readonly Extent[]): Sizes {
  return { items: dims.slice(intOf(node, 'start', 0), intOf(node, 'end', dims.length)), isList: true }
}
