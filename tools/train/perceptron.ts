/** Fits a perceptron with one hidden layer (src/lib/face/probes.ts) by AdamW, with noise on its inputs and dropout (Srivastava 2014). */
import { dot, type PerceptronWeights } from '#painlens/lib/face/probes.js'
import type { Random } from '#painlens/lib/random.js'
import { AdamW } from './adamw.js'
import { moments, type Sample, shares } from './ridge.js'

export interface PerceptronOptions {
  /** Numbers in the hidden layer. */
  hidden: number
  /** How often a sample is seen on average. */
  rounds: number
  batch: number
  /** The highest; it rises over the first tenth of the steps and falls to nothing as a cosine. */
  learningRate: number
  weightDecay: number
  /** Share of the inputs, and of the hidden numbers, that are left out, others each time. */
  dropout: number
  /** Standard deviation of what is added to the standardised inputs. */
  noise: number
}

interface Layers {
  /** [hidden, size], of the standardised features. */
  rows: Float32Array
  biases: Float32Array
  out: Float32Array
  bias: Float32Array
}

const mostByte = 127

/** Both signs of the target are seen alike often. The same samples and the same random numbers give the same weights. */
export function fitPerceptron(
  samples: readonly Sample[],
  options: PerceptronOptions,
  random: Random
): PerceptronWeights {
  const size = samples[0]!.features.length
  const { mean, spread } = moments(samples, size)
  const rows = samples.map(({ features, target }) => ({
    input: features.map((value, i) => (value - mean[i]!) / spread[i]!),
    target
  }))
  const layers = trained(rows, chances(shares(samples)), options, random)
  const scales = new Float32Array(options.hidden)
  const bytes = new Int8Array(layers.rows.length)
  for (let j = 0; j < options.hidden; j++) {
    const row = layers.rows.subarray(j * size, (j + 1) * size)
    scales[j] = row.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9) / mostByte
    for (let i = 0; i < size; i++) bytes[j * size + i] = Math.round(row[i]! / scales[j]!)
  }
  return {
    mean: Float32Array.from(mean),
    spread: Float32Array.from(spread),
    rows: bytes,
    scales,
    biases: layers.biases,
    weights: Float32Array.from([...layers.out, layers.bias[0]!])
  }
}

interface Row {
  /** Standardised. */
  input: Float32Array
  target: number
}

function trained(
  rows: readonly Row[],
  draw: (random: Random) => number,
  options: PerceptronOptions,
  random: Random
): Layers {
  const { hidden, batch, weightDecay, learningRate } = options
  const size = rows[0]!.input.length
  const layers = started(hidden, size, random)
  const gradients = emptied(layers)
  const decays = [true, false, true, false]
  const optimizer = new AdamW(Object.values(layers), { weightDecay, clipNorm: Infinity, decays })
  const steps = Math.ceil((options.rounds * rows.length) / batch)
  for (let step = 0; step < steps; step++) {
    for (const values of Object.values(gradients)) values.fill(0)
    for (let i = 0; i < batch; i++) addGradient(layers, gradients, rows[draw(random)]!, options, random)
    optimizer.step(Object.values(gradients), learningRate * rate(step / steps))
  }
  return layers
}

function started(hidden: number, size: number, random: Random): Layers {
  const drawn = (length: number, inputs: number): Float32Array =>
    Float32Array.from({ length }, () => random.uniform(-1, 1) / Math.sqrt(inputs))
  return {
    rows: drawn(hidden * size, size),
    biases: drawn(hidden, size),
    out: drawn(hidden, hidden),
    bias: new Float32Array(1)
  }
}

const emptied = ({ rows, biases, out, bias }: Layers): Layers => ({
  rows: new Float32Array(rows.length),
  biases: new Float32Array(biases.length),
  out: new Float32Array(out.length),
  bias: new Float32Array(bias.length)
})

/** Of the logistic loss of one sample, by backpropagation; a batch's is the mean. */
function addGradient(layers: Layers, gradient: Layers, row: Row, options: PerceptronOptions, random: Random): void {
  const { rows, biases, out, bias } = layers
  const { dropout, batch } = options
  const kept = 1 / (1 - dropout)
  const seen = disturbed(row.input, options, random)
  const size = seen.length
  const hidden = new Float32Array(out.length)
  let logit = bias[0]!
  for (let j = 0; j < hidden.length; j++) {
    if (random.chance(dropout)) continue
    const sum = biases[j]! + dot(rows, j * size, seen)
    if (sum <= 0) continue
    hidden[j] = sum * kept
    logit += out[j]! * hidden[j]!
  }
  const slope = -row.target / (1 + Math.exp(row.target * logit)) / batch
  gradient.bias[0]! += slope
  for (let j = 0; j < hidden.length; j++) {
    if (hidden[j] === 0) continue
    gradient.out[j]! += slope * hidden[j]!
    const back = slope * out[j]! * kept
    gradient.biases[j]! += back
    for (let i = 0, at = j * size; i < size; i++) gradient.rows[at + i]! += back * seen[i]!
  }
}

/** The inputs as they are seen once; even noise, for it costs a third of a normal one. */
function disturbed(input: Float32Array, { dropout, noise }: PerceptronOptions, random: Random): Float32Array {
  const kept = 1 / (1 - dropout)
  const width = 2 * Math.sqrt(3) * noise
  const out = new Float32Array(input.length)
  for (let i = 0; i < out.length; i++) if (random() >= dropout) out[i] = kept * (input[i]! + width * (random() - 0.5))
  return out
}

/** Draws an index, the likelier the larger its share. */
function chances(shares: ArrayLike<number>): (random: Random) => number {
  const sums = new Float64Array(shares.length)
  for (let i = 0, sum = 0; i < sums.length; i++) sums[i] = sum += shares[i]!
  return (random) => {
    const at = random() * sums.at(-1)!
    let [low, high] = [0, sums.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! > at) high = middle
      else low = middle + 1
    }
    return low
  }
}

const warmUp = 0.1
/** @param done share of the steps */
const rate = (done: number): number =>
  done < warmUp ? done / warmUp : 0.5 + 0.5 * Math.cos((Math.PI * (done - warmUp)) / (1 - warmUp))
