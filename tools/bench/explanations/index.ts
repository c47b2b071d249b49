/** `npm run bench -- explanations`: the tables of docs/measured/explanations.md. Tuned on validation people, reported on test people. */
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { batchDims, preprocess } from '#painlens/lib/model/preprocess.js'
import { defaultViews } from '#painlens/stages/explain/index.js'
import { openSource } from '#painlens/stages/explain/source.js'
import { unsteadyFrom } from '#painlens/stages/explain/statement.js'
import { certainFrom, type Split } from '../../train/recipe.js'
import { type KnownFace, knownFaces, truthOf } from './faces.js'
import { localisationTable } from './localisation.js'
import { openingsTable } from './openings.js'
import { bandsTable, errorTable, lookAt, regionTable, viewsTable } from './uncertainty.js'

export interface ExplanationsBenchOptions {
  manifest: Manifest
  threads: number
  /** People of the test split; half as many of the validation split. */
  identities: number
}

/** Other cuts of each picture, for the reference value of a region's share. */
const again = 8
const uncertaintyBounds = [20, 30, 40, unsteadyFrom]

/** @returns Markdown */
export async function explanationsReport(options: ExplanationsBenchOptions): Promise<string> {
  const { manifest, threads, identities } = options
  const collect = async (split: Split, people: number) => {
    const faces: KnownFace[] = []
    const passing = passedOn(knownFaces({ split, identities: people, manifest, again }), (face) =>
      faces.push({ ...face, again: [] })
    )
    const looked = await lookAt(passing, manifest, threads)
    return { faces, looked, expressive: looked.filter(({ truth }) => truth >= 0) }
  }
  const validation = await collect('validation', Math.ceil(identities / 2))
  const test = await collect('test', identities)
  const clear = await rightAndClear(test.faces, manifest, threads)
  return [
    `${test.faces.length} faces of ${identities} people, ${test.expressive.length} of them expressive; ${validation.faces.length} of other people to choose by`,
    `### Where relevance lies\n\n${clear.length} faces of intensity ${certainFrom} and above, rightly classified`,
    await localisationTable(clear, { manifest, threads, views: defaultViews }),
    `### Uncertainty of the target against error\n\n${test.expressive.length} expressive faces, ${defaultViews} views`,
    errorTable(test.expressive, defaultViews),
    bandsTable(test.looked, defaultViews, uncertaintyBounds),
    '### Uncertainty of the regions against error',
    regionTable(test.expressive, defaultViews),
    `### Number of views\n\nthe ${validation.expressive.length} expressive faces to choose by`,
    viewsTable(validation.expressive),
    '### Closed eyes and open mouths from landmarks',
    openingsTable(validation.faces, test.faces)
  ].join('\n\n')
}

async function* passedOn<T>(items: AsyncIterable<T>, see: (item: T) => void): AsyncGenerator<T> {
  for await (const item of items) {
    see(item)
    yield item
  }
}

/** The faces whose expression is clear and recognised, with its label. */
async function rightAndClear(
  faces: readonly KnownFace[],
  manifest: Manifest,
  threads: number
): Promise<(KnownFace & { label: number })[]> {
  const source = await openSource(manifest, { composite: 'lrp.z', engine: 'onnx', threads })
  const clear: (KnownFace & { label: number })[] = []
  try {
    for (const face of faces) {
      const label = truthOf(face.plan)
      if (label < 0 || face.plan.intensity < certainFrom) continue
      const input = { data: preprocess(face.crop, manifest.input), dims: batchDims(manifest.input, 1) }
      const { target } = await source.explain(input)
      if (target[0] === label) clear.push({ ...face, label })
    }
    return clear
  } finally {
    await source.close()
  }
}
