import { crossEntropy } from './fit.js'

const ratio = (Math.sqrt(5) - 1) / 2
/** Beyond these nothing is tried. */
const [coldest, hottest] = [0.25, 4]

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
  let [low, high] = [Math.log(coldest), Math.log(hottest)]
  for (let i = 0; i < 40; i++) {
    const [a, b] = [high - ratio * (high - low), low + ratio * (high - low)]
    if (loss(Math.exp(a)) < loss(Math.exp(b))) high = b
    else low = a
  }
  return Math.exp((low + high) / 2)
}

/** What a temperature means that lies at the end of what is tried: a further one would be better. Null of others. */
export function endOfTemperatures(temperature: number): string | null {
  const said = `the temperature is ${temperature.toFixed(2)}, the end of what is tried: of subjects that they had not seen the folds' models are`
  if (temperature > 0.99 * hottest)
    return `${said} surer than they are right, by more than it mends, and so is the final one. More subjects help, or --smoothing; where the loss is still that of guessing, more epochs, a higher --rate, or an earlier --train-from.`
  return temperature < 1.01 * coldest ? `${said} right more often than they are sure, and so is the final one.` : null
}
