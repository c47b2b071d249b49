/** The study's final model as models/pain-demo, and whether it is at least as good as the one that is there. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { progressLine } from '#painlens/core/progress-line.js'
import { packageRoot } from '#painlens/core/version.js'
import { loadManifest } from '#painlens/lib/model/load-manifest.js'
import { type Manifest, sha256Of } from '#painlens/lib/model/manifest.js'
import { floatsOf, type OnnxModel, readModel } from '#painlens/lib/onnx/index.js'
import { type VggWeights, vggDemo, weightedLayersOf, writeVgg } from '#painlens/lib/vgg/index.js'
import { type Metrics, measure, scoreSamples } from '../train/evaluate.js'
import { labels } from '../train/recipe.js'
import { loadSamples } from '../train/samples.js'
import { modelCard } from './card.js'
import { inputScale } from './pretrain.js'
import { type RollFigures, rollFigures } from './rolls.js'
import type { DemoContext } from './sizes.js'

const shippedFolder = join(packageRoot, 'models')
const files = ['pain-demo.onnx', 'pain-demo.yaml', 'pain-demo.md']

/** Writes `model/pain-demo.*`, and `model/comparison.txt` beside the model that comes with painlens. */
export async function measureModel({ out, size, seed, write, signal }: DemoContext): Promise<void> {
  const folder = join(out, 'model')
  await mkdir(folder, { recursive: true })
  const final = await loadManifest(join(out, 'run/final/model.yaml'))
  const file = join(folder, 'pain-demo.onnx')
  const weights = weightsOf(await readModel(final.file))
  const describe = (metrics?: Record<string, unknown>): Promise<string> =>
    writeVgg(file, vggDemo, weights, {
      ...{ name: 'pain-demo', labels, licence: 'Apache-2.0', intendedUse: 'demonstration', scale: inputScale },
      ...{ temperature: final.temperature, resting: final.resting, ...(metrics && { metrics }) }
    })
  const ours = await loadManifest(await describe())
  const shipped = await loadManifest(join(shippedFolder, 'pain-demo.yaml'))
  const samples = await loadSamples('test', size.tested, {
    size: vggDemo.input,
    variants: 4,
    cache: join(folder, 'cache'),
    onProgress: progressLine('test people', write)
  })
  const measured = async ({ file: model, input, temperature }: Manifest): Promise<Metrics> =>
    measure(await scoreSamples(model, input, 'test', samples), temperature)
  const upright = [await measured(ours), await measured(shipped)] as const
  const rolls = await rollFigures([ours, shipped], size, progressLine('turned faces', write), signal)
  await describe(manifestMetrics(upright[0], size.tested))
  const identities = { pretraining: size.people, study: size.subjects, test: size.tested }
  const facts = { spec: vggDemo, identities, seed, temperature: final.temperature, sha256: await sha256Of(file) }
  await writeFile(join(folder, 'pain-demo.md'), modelCard({ ...facts, test: upright[0], rolls: rolls[0]! }))
  const text = comparison(upright, rolls)
  await writeFile(join(folder, 'comparison.txt'), text)
  write(text)
}

/** Puts `model/pain-demo.*` in the place of the model that comes with painlens. */
export async function installModel(out: string): Promise<void> {
  for (const name of files) await copyFile(join(out, 'model', name), join(shippedFolder, name))
}

/** By the names of VGG-Face's layers; the trained model has them in the same order. */
function weightsOf({ graph }: OnnxModel): VggWeights {
  const nodes = graph.nodes.filter(({ opType }) => opType === 'Conv' || opType === 'Gemm')
  const constant = (name: string): Float32Array => floatsOf(graph.initializers.get(name)!)
  return new Map(
    weightedLayersOf(vggDemo).map(({ name }, i) => {
      const [, weights, bias] = nodes[i]!.inputs
      return [name, { weights: constant(weights!), bias: constant(bias!) }]
    })
  )
}

/** The figures in words, the new model's first. */
function comparison(upright: readonly [Metrics, Metrics], rolls: readonly RollFigures[][]): string {
  const percent = (share: number | null): string => (share === null ? '-' : `${(100 * share).toFixed(1)} %`)
  const row = (name: string, of: (metrics: Metrics) => number | null): string =>
    `${name.padEnd(44)} ${upright.map((one) => percent(of(one)).padStart(8)).join(' ')}`
  const lines = [
    `${'Held-out people, upright'.padEnd(44)}      new  shipped`,
    row('right at intensity 0.4 and above', ({ accuracy }) => accuracy.share),
    row('resting faces with pain above 0.7', ({ resting }) => resting[0]![1].above07.share),
    row('pain of 0.5 and above with pain above 0.7', ({ painFound }) => painFound.share),
    'At each roll: usable; right; resting above 0.7',
    ...rolls[0]!.map(({ roll, usable, ...ours }, i) => {
      const other = rolls[1]![i]!
      const pair = (of: (figures: Pick<RollFigures, 'right' | 'restingAbove'>) => number | null): string =>
        `${percent(of(ours))} (shipped ${percent(of(other))})`
      return `  ${String(roll).padStart(3)}°: ${percent(usable)}; ${pair(({ right }) => right)}; ${pair(({ restingAbove }) => restingAbove)}`
    })
  ]
  return `${lines.join('\n')}\n`
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
