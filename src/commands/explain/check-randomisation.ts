import { cascadeSteps, type Likeness, likenessOf } from '../../stages/explain/checks/index.js'
import { type CheckedPicture, type Maps, mapOf } from './check-maps.js'
import { type Job, openExplainer } from './job.js'
import type { Counter } from './output.js'
import { openShuffledModel } from './shuffled-model.js'

export interface RandomisationResults {
  /** The layers' titles, from the output down. */
  layers: readonly string[]
  /** How many of them were shuffled when the maps were compared. */
  steps: readonly number[]
  /** For each composite and step, how alike each picture's maps are. */
  likeness: ReadonlyMap<string, readonly (readonly Likeness[])[]>
}

/** A large model is written, read, opened and run again for each step and composite, so it gets fewer. */
const mostSteps = { small: Number.POSITIVE_INFINITY, large: 4 }
const seed = 2018

/** Shuffles the model's weights from the output down, and compares its maps with the original's. */
export async function shuffleWeights(
  job: Job,
  pictures: readonly CheckedPicture[],
  maps: Maps,
  counter: Counter
): Promise<RandomisationResults> {
  const { composites, manifest, signal } = job
  const model = await openShuffledModel(manifest.file, seed)
  const steps = cascadeSteps(model.layers.length, model.large ? mostSteps.large : mostSteps.small)
  const likeness = new Map<string, Likeness[][]>(composites.map((composite) => [composite, []]))
  counter.begin('shuffling weights', steps.length * composites.length)
  try {
    for (const count of steps) {
      signal.throwIfAborted()
      const shuffled = await model.upTo(count)
      for (const composite of composites) {
        signal.throwIfAborted()
        likeness.get(composite)!.push(await compare(job, { shuffled, composite, pictures, maps }))
        counter.next()
      }
    }
    return { layers: model.layers, steps, likeness }
  } finally {
    await model.close()
  }
}

interface Comparison {
  shuffled: string | Uint8Array
  composite: string
  pictures: readonly CheckedPicture[]
  maps: Maps
}

async function compare(job: Job, { shuffled, composite, pictures, maps }: Comparison): Promise<Likeness[]> {
  const explainer = await openExplainer(job, composite, shuffled)
  try {
    const likeness: Likeness[] = []
    for (const [i, { crop, target }] of pictures.entries()) {
      const { relevance } = await mapOf(explainer, job.manifest, crop, target!)
      likeness.push(likenessOf(maps.get(composite)![i]!, relevance))
    }
    return likeness
  } finally {
    await explainer.close()
  }
}
