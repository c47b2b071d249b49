import { createRandom } from '../../../src/lib/random.js'

export interface Predictions {
  actual: number[]
  predicted: number[]
  /** With two digits, so that there are ties. */
  probabilities: number[][]
  /** Of each sample, 0 to 3. */
  weights: number[]
}

/** Three classes that are often mistaken for each other; the same on every machine. */
export function somePredictions(count = 400): Predictions {
  const random = createRandom(5)
  const all: Predictions = { actual: [], predicted: [], probabilities: [], weights: [] }
  for (let i = 0; i < count; i++) {
    const actual = Math.min(2, Math.floor(random() * 4))
    const raw = [0, 1, 2].map((label) => random() + (label === actual ? 0.4 : 0))
    const sum = raw.reduce((a, b) => a + b, 0)
    const [first, second] = raw.map((one) => Math.round((100 * one) / sum) / 100)
    const row = [first!, second!, Math.round(100 * (1 - first! - second!)) / 100]
    all.actual.push(actual)
    all.probabilities.push(row)
    all.predicted.push(row.indexOf(Math.max(...row)))
    all.weights.push(Math.floor(random() * 4))
  }
  return all
}
