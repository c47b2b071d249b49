/** What a report takes, said before it begins: one explanation is timed, so that hours are known before they are spent. */
import { duration } from '../../core/progress-line.js'
import { plainCompositeNames } from '../../lib/lrp/index.js'
import { flippingPredictions, shuffledSteps } from './checks-pass.js'
import { facesShown } from './examples.js'
import { flippedOf, shuffledOf } from './explanations.js'
import { reducedSize } from './reduced-map.js'
import { LazyModel, type PassOptions, stepsOf } from './relevance-pass.js'

/** What a part asks of the models. */
interface PartCost {
  explanations: number
  /** Models that are opened for LRP; a full-size VGG-Face takes seconds. */
  openings: number
  predictions?: number
}

/** LRP by preset A takes as long as so many forward passes (docs/measured/bench.md). */
const passesPerExplanation = 3

function partsOf(pass: PassOptions): PartCost[] {
  const { run, composites, pictures } = pass
  const { labels } = run.judgement
  const [models, all] = [run.folds.size, composites.length]
  const [flipped, shuffled] = [flippedOf(run, pictures).length, shuffledOf(run, pictures).length]
  const examples = 2 * labels.length
  const toJudge = facesShown(labels)
  return [
    { explanations: stepsOf(pass), openings: models * all },
    { explanations: flipped * all, openings: models * all, predictions: flipped * flippingPredictions(all) },
    { explanations: shuffled * all * (shuffledSteps + 1), openings: all * (shuffledSteps + 1) },
    { explanations: toJudge, openings: 1 },
    { explanations: examples * plainCompositeNames.length, openings: plainCompositeNames.length },
    { explanations: toJudge, openings: 1 }
  ]
}

/** @throws ModelError, InferenceError */
export async function sayReportCosts(pass: PassOptions, write: (line: string) => void): Promise<void> {
  const { run, composites, threads, pictures } = pass
  const model = new LazyModel(run.folds.get(run.best)!, composites[0]!, threads)
  try {
    const crop = await pass.cropOf(pictures[0]!.place)
    const opened = performance.now()
    await model.explain(crop, 0)
    const began = performance.now()
    await model.explain(crop, 0)
    const each = performance.now() - began
    const opening = Math.max(0, began - opened - each)
    const parts = partsOf(pass).map(
      ({ explanations, openings, predictions = 0 }) =>
        openings * opening + (explanations + predictions / passesPerExplanation) * each
    )
    const sum = parts.reduce((all, one) => all + one, 0)
    const steps = stepsOf(pass)
    const megabytes = Math.ceil((steps * 4 * reducedSize(run.judgement.labels.length)) / 1e6)
    write(
      `${steps} explanations by ${run.folds.size} models under ${composites.length} composite(s), about ${duration(parts[0]!)}; ` +
        `with checks and examples about ${duration(sum)}; up to ${megabytes} MB of disk while it works. What was done before is not done again.\n`
    )
  } finally {
    await model.close()
  }
}
