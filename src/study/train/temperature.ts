import { crossEntropy } from './fit.js'

const ratio = (Math.sqrt(5) - 1) / 2

/**
 * The temperature (Guo et al. 2017) under which probabilities come closest to the targets, soft ones included: least mean cross
 * entropy from 0.25 to 4, by golden section on its logarithm, in which the loss has one valley.
 * @param logits [sample · class]
 * @param targets one per sample
 * @returns 1 without samples
 */
export function fitTemperature(logits: Float32Array, targets: readonly Float32Array[]): number {
  if (targets.length === 0) return 1
  const classes = logits.length / targets.length
  const loss = (temperature: number): number =>
    targets.reduce(
      (sum, target, i) => sum + crossEntropy(logits.subarray(i * classes, (i + 1) * classes), target, temperature),
      0
    )
  let [low, high] = [Math.log(0.25), Math.log(4)]
  for (let i = 0; i < 40; i++) {
    const [a, b] = [high - ratio * (high - low), low + ratio * (high - low)]
    if (loss(Math.exp(a)) < loss(Math.exp(b))) high = b
    else low = a
  }
  return Math.exp((low + high) / 2)
}
