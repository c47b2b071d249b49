import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { progressLine } from '#painlens/core/progress-line.js'
import { sha256Of } from '#painlens/lib/model/manifest.js'
import { type VggSpec, type VggWeights, vggDemo, vggInput, writeVgg } from '#painlens/lib/vgg/index.js'
import type { TrainArguments } from './arguments.js'
import { modelCard } from './card.js'
import { type Metrics, measure, scoreSamples } from './evaluate.js'
import { type FitOptions, fitDefaults, fitNetwork } from './fit.js'
import { labels, type Split } from './recipe.js'
import { loadSamples, type Samples } from './samples.js'
import { fitTemperature } from './temperature.js'

/** Crops of each training sample, told apart by the landmarks' errors. */
const variants = 4
/** Brings the input to about -1..1, from which He's weights keep the activations. */
const inputScale = 1 / 128

/** Renders, trains, exports, measures, and writes model, manifest and card. */
export async function train(options: TrainArguments, write: (text: string) => void): Promise<Metrics> {
  const spec = vggDemo
  const identities = {
    train: options.identities,
    validation: Math.ceil(options.identities / 8),
    test: Math.ceil(options.identities / 4)
  }
  const load = (split: Split & keyof typeof identities): Promise<Samples> =>
    loadSamples(split, identities[split], {
      size: spec.input,
      variants,
      cache: options.cache,
      onProgress: progressLine(`Rendering people (${split})`, write)
    })
  const samples = { train: await load('train'), validation: await load('validation'), test: await load('test') }
  const settings: FitOptions = { ...fitDefaults, epochs: options.epochs, seed: options.seed }
  const input = vggInput(spec, inputScale)
  const onStep = trainingProgress(write)
  const weights = await fitNetwork(spec, input, samples.train, { ...settings, onStep })

  const { out } = options
  await mkdir(out, { recursive: true })
  const file = join(out, 'pain-demo.onnx')
  await writeModelFiles(file, spec, weights)
  const temperature = fitTemperature(await scoreSamples(file, input, 'validation', samples.validation))
  const test = measure(await scoreSamples(file, input, 'test', samples.test), temperature)
  await writeModelFiles(file, spec, weights, { temperature, metrics: manifestMetrics(test, identities.test) })
  const command = `npm run train -- --identities ${options.identities} --epochs ${options.epochs} --seed ${options.seed}`
  const card = { spec, fit: settings, identities, test, temperature, command, sha256: await sha256Of(file) }
  await writeFile(join(out, 'pain-demo.md'), modelCard(card))
  return test
}

/** Shows the loss smoothed over about fifty steps: single batches are luckier or unluckier than any progress. */
function trainingProgress(write: (text: string) => void): NonNullable<FitOptions['onStep']> {
  const progress = progressLine('Training steps', write)
  let smoothed: number | undefined
  return (step, steps, loss) => {
    smoothed = smoothed === undefined ? loss : smoothed + (loss - smoothed) * 0.02
    progress(step, steps, `loss ${smoothed.toFixed(3)}`)
  }
}

function writeModelFiles(
  file: string,
  spec: VggSpec,
  weights: VggWeights,
  measured: { temperature?: number; metrics?: Record<string, unknown> } = {}
): Promise<string> {
  return writeVgg(file, spec, weights, {
    name: 'pain-demo',
    labels,
    licence: 'Apache-2.0',
    intendedUse: 'demonstration',
    scale: inputScale,
    ...measured
  })
}

/** The test split's results for the manifest; the card has more. */
function manifestMetrics(test: Metrics, identities: number): Record<string, unknown> {
  const rounded = (share: number | null): number | null => (share === null ? null : Math.round(share * 1000) / 1000)
  const [, resting] = test.resting[0]!
  return {
    tested_on: `${test.accuracy.count} rendered faces of ${identities} held-out identities, intensity 0.4 and above`,
    accuracy: rounded(test.accuracy.share),
    ...Object.fromEntries(
      labels.map((label, i) => [
        label,
        { precision: rounded(test.precision[i]!.share), recall: rounded(test.recall[i]!.share) }
      ])
    ),
    pain_found_at_0_7: rounded(test.painFound.share),
    resting_above_0_5: rounded(resting.above05.share),
    resting_above_0_7: rounded(resting.above07.share)
  }
}
