import { softmax } from '#painlens/lib/model/preprocess.js'
import { targetOf } from './batches.js'
import type { Scored } from './evaluate.js'

const ratio = (Math.sqrt(5) - 1) / 2

/**
 * The temperature (Guo et al. 2017) under which the probabilities come closest to the targets, soft ones included: least
 * mean cross entropy over 0.25..4, by golden section on its logarithm, in which the loss has one valley.
 */
export function fitTemperature(scored: readonly Scored[]): number {
  let low = Math.log(0.25)
  let high = Math.log(4)
  for (let i = 0; i < 40; i++) {
    const a = high - ratio * (high - low)
    const b = low + ratio * (high - low)
    if (crossEntropy(scored, Math.exp(a)) < crossEntropy(scored, Math.exp(b))) high = b
    else low = a
  }
  return Math.exp((low + high) / 2)
}

/** Mean cross entropy against the soft targets, in nats. */
export function crossEntropy(scored: readonly Scored[], temperature: number): number {
  let sum = 0
  for (const sample of scored) {
    const probabilities = softmax(sample.logits, temperature)
    for (const [i, target] of targetOf(sample).entries()) sum -= target * Math.log(Math.max(1e-12, probabilities[i]!))
  }
  return sum / scored.length
}
