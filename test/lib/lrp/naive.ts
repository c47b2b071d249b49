/**
 * LRP once more, from the formulas, as slowly and plainly as possible: every layer is a list of connections (from, to,
 * weight), everything is float64, nothing is shared with src/lib/lrp. Slower, less clever, less likely to be wrong.
 */
export interface Connections {
  from: number[]
  to: number[]
  weight: number[]
  bias: Float64Array
  inSize: number
}

export type NaiveRule =
  | { rule: 'z' | 'w_square' | 'flat' | 'z_plus'; bias?: boolean }
  | { rule: 'epsilon'; epsilon: number; bias?: boolean }
  | { rule: 'alpha_beta'; alpha: number; beta: number; bias?: boolean }
  | { rule: 'gamma'; gamma: number; bias?: boolean }
  /** Each bound one number, or one per channel. */
  | { rule: 'bounded'; low: number | number[]; high: number | number[] }

export interface NaiveLayer {
  /** `weighted` layers take a composite's rule, all other linear ones Z. */
  kind: 'conv' | 'dense' | 'linear' | 'relu' | 'maxPool' | 'same' | 'add' | 'activation' | 'gate' | 'join'
  /** Of the layers it reads; -1 is the input. */
  inputs: number[]
  connections?: Connections
  /** For maxPool: the inputs of each window, row by row. For `same`: which input each output is. */
  sources?: number[][]
  /** For activation: of each value by its index. Relevance goes through unchanged. */
  apply?: (value: number, index: number) => number
  /** For gate: which value of the second input each of the first, the signal, is multiplied by. All relevance is the signal's. */
  gates?: number[]
  /** For join: which input each output is of, and which value of it. */
  pieces?: [input: number, index: number][]
}

const safe = (z: number): number => (z === 0 ? 1e-7 : z)
const plus = (value: number): number => Math.max(value, 0)
const minus = (value: number): number => Math.min(value, 0)

export function forward(layers: readonly NaiveLayer[], input: Float64Array): Float64Array[] {
  const values: Float64Array[] = []
  for (const layer of layers) {
    values.push(
      run(
        layer,
        layer.inputs.map((place) => (place < 0 ? input : values[place]!))
      )
    )
  }
  return values
}

function run(layer: NaiveLayer, inputs: readonly Float64Array[]): Float64Array {
  const [x, y] = inputs as [Float64Array, Float64Array]
  switch (layer.kind) {
    case 'relu':
      return x.map(plus)
    case 'activation':
      return x.map(layer.apply!)
    case 'gate':
      return x.map((value, i) => value * y[layer.gates![i]!]!)
    case 'join':
      return Float64Array.from(layer.pieces!, ([input, index]) => inputs[input]![index]!)
    case 'add':
      return x.map((value, i) => value + y[i]!)
    case 'maxPool':
      return Float64Array.from(layer.sources!, (window) => Math.max(...window.map((i) => x[i]!)))
    case 'same':
      return Float64Array.from(layer.sources!, ([i]) => (i! < 0 ? 0 : x[i!]!))
    default:
      return linearOutput(layer.connections!, x)
  }
}

/** Relevance of each input, from that of the last layer. `ruleOf` is asked for conv and dense layers. */
export function backward(
  layers: readonly NaiveLayer[],
  input: Float64Array,
  relevance: Float64Array,
  ruleOf: (place: number) => NaiveRule
): Float64Array {
  const values = forward(layers, input)
  const arriving = layers.map((_, place) => new Float64Array(values[place]!.length))
  const atInput = new Float64Array(input.length)
  arriving[layers.length - 1]!.set(relevance)
  for (let place = layers.length - 1; place >= 0; place--) {
    const layer = layers[place]!
    const xs = layer.inputs.map((input_) => (input_ < 0 ? input : values[input_]!))
    const parts = back(layer, xs, values[place]!, arriving[place]!, () => ruleOf(place))
    parts.forEach((part, i) => {
      const target = layer.inputs[i]! < 0 ? atInput : arriving[layer.inputs[i]!]!
      part.forEach((value, k) => {
        target[k]! += value
      })
    })
  }
  return atInput
}

function back(
  layer: NaiveLayer,
  xs: Float64Array[],
  z: Float64Array,
  relevance: Float64Array,
  ruleOf: () => NaiveRule
): Float64Array[] {
  const [x] = xs as [Float64Array]
  const result = new Float64Array(x.length)
  switch (layer.kind) {
    case 'relu':
    case 'activation':
      return [relevance]
    case 'gate':
      return [relevance, new Float64Array(xs[1]!.length)]
    case 'join': {
      const parts = xs.map((input) => new Float64Array(input.length))
      layer.pieces!.forEach(([input, index], i) => {
        parts[input]![index]! += relevance[i]!
      })
      return parts
    }
    case 'add':
      return xs.map((input) => input.map((value, i) => (value * relevance[i]!) / safe(z[i]!)))
    case 'maxPool':
      layer.sources!.forEach((window, i) => {
        const first = window.reduce((best, k) => (x[k]! > x[best]! ? k : best))
        result[first]! += relevance[i]!
      })
      return [result]
    case 'same':
      layer.sources!.forEach(([i], k) => {
        if (i! >= 0) result[i!]! += relevance[k]!
      })
      return [result]
    default:
      return [throughLinear(layer.connections!, x, relevance, layer.kind === 'linear' ? { rule: 'z' } : ruleOf())]
  }
}

function throughLinear(map: Connections, x: Float64Array, relevance: Float64Array, rule: NaiveRule): Float64Array {
  switch (rule.rule) {
    case 'z':
      return share(map, relevance, (w, i) => w * x[i]!, rule.bias ?? true, safe)
    case 'epsilon': {
      const stable = (z: number): number => z + (z >= 0 ? rule.epsilon : -rule.epsilon)
      return share(map, relevance, (w, i) => w * x[i]!, rule.bias ?? true, stable)
    }
    case 'w_square':
      return share(map, relevance, (w) => w * w, false, safe)
    case 'flat':
      return share(map, relevance, () => 1, false, safe)
    case 'z_plus':
      return throughLinear(map, x, relevance, { rule: 'alpha_beta', alpha: 1, beta: 0, bias: false })
    case 'alpha_beta': {
      const bias = rule.bias ?? true
      const activating = (w: number, i: number): number => plus(w) * plus(x[i]!) + minus(w) * minus(x[i]!)
      const inhibiting = (w: number, i: number): number => minus(w) * plus(x[i]!) + plus(w) * minus(x[i]!)
      const a = share(map, relevance, activating, bias, safe)
      const b = rule.beta === 0 ? null : share(map, relevance, inhibiting, bias, safe)
      return a.map((value, i) => rule.alpha * value - (b ? rule.beta * b[i]! : 0))
    }
    case 'gamma': {
      // What has the sign of the output counts 1 + gamma times, the bias among it.
      const z = linearOutput(map, x)
      const stronger = (value: number, j: number): number =>
        value + rule.gamma * (z[j]! > 0 ? plus(value) : minus(value))
      const part = (w: number, i: number, j: number): number => stronger(w * x[i]!, j)
      const bias = (rule.bias ?? true) && map.bias.map(stronger)
      return share(
        map,
        relevance.map((value, j) => (z[j] === 0 ? 0 : value)),
        part,
        bias,
        safe
      )
    }
    case 'bounded': {
      const of = (bound: number | number[], i: number): number =>
        typeof bound === 'number' ? bound : bound[Math.floor((i * bound.length) / map.inSize)]!
      const part = (w: number, i: number): number => w * x[i]! - plus(w) * of(rule.low, i) - minus(w) * of(rule.high, i)
      return share(map, relevance, part, false, safe)
    }
  }
}

function linearOutput({ from, to, weight, bias }: Connections, x: Float64Array): Float64Array {
  const z = bias.slice()
  for (let k = 0; k < from.length; k++) z[to[k]!]! += weight[k]! * x[from[k]!]!
  return z
}

/** R_i = Σ_j part_ij / stable(Σ_i part_ij + b_j) · R_j. */
function share(
  { from, to, weight, bias, inSize }: Connections,
  relevance: Float64Array,
  part: (weight: number, i: number, j: number) => number,
  withBias: boolean | Float64Array,
  stable: (z: number) => number
): Float64Array {
  const own = withBias === true ? bias : withBias
  const z = own ? own.slice() : new Float64Array(bias.length)
  for (let k = 0; k < from.length; k++) z[to[k]!]! += part(weight[k]!, from[k]!, to[k]!)
  const result = new Float64Array(inSize)
  for (let k = 0; k < from.length; k++) {
    const j = to[k]!
    result[from[k]!]! += (part(weight[k]!, from[k]!, j) / stable(z[j]!)) * relevance[j]!
  }
  return result
}
