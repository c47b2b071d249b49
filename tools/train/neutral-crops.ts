/**
 * `node tools/dist/train/neutral-crops.js FOLDER`: a data set of drawn people at rest, on none of which a model was trained, for the demonstration model's
 * `resting`: `painlens study evaluate FOLDER --model models/pain-demo.yaml --out EVAL --write-resting`.
 */
import { join } from 'node:path'
import { report } from '#painlens/commands/report.js'
import { packageRoot } from '#painlens/core/version.js'
import { loadManifest } from '#painlens/lib/model/load-manifest.js'
import { type RenderedCrop, writeDataSet } from './data-set.js'
import { planSample, splits } from './recipe.js'
import { renderCrops } from './render-crops.js'

const people = 100

async function* neutralCrops(size: { width: number; height: number }): AsyncGenerator<RenderedCrop> {
  for (let person = 0; person < people; person++)
    for (let sample = 0; sample < splits.validation.samples; sample++) {
      const plan = planSample('validation', person, sample)
      if (plan.expression !== 'neutral') continue
      yield { subject: `v${person}`, label: 'neutral', data: await renderCrops(plan, size, 1) }
    }
}

async function main(folder: string | undefined): Promise<number> {
  if (folder === undefined) {
    process.stderr.write('node tools/dist/train/neutral-crops.js FOLDER\n')
    return 2
  }
  const { input } = await loadManifest(join(packageRoot, 'models/pain-demo.yaml'))
  await writeDataSet(folder, input, neutralCrops(input))
  return 0
}

main(process.argv[2]).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error))
)
