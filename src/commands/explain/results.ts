import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Crop } from '../../core/types.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { type CropExplanation, overlayOf, writeAtomically } from '../../stages/explain/index.js'
import type { RememberedFace } from './job.js'
import { encodeNpy } from './npy.js'
import type { PictureFile } from './pictures.js'

/** One picture, explained under one composite. */
export interface Result {
  picture: PictureFile
  manifest: Manifest
  face: RememberedFace
  crop: Crop
  trueLabel: string | null
  composite: string
  engine: string
  explained: CropExplanation
  durationMs: number
}

/** Whether a picture has one composite's results, or those of several, which have it in their names. */
export type Naming = 'one' | 'several'

export interface SaveOptions {
  naming: Naming
  /** Whether this run has written the picture's JSON file already; one of an earlier run is overwritten. */
  again: boolean
}

/** The files of a picture under a composite; the JSON file is the picture's. */
export function filesOf(
  { stem }: PictureFile,
  composite: string,
  naming: Naming
): Record<'heatmap' | 'overlay' | 'relevance', string> {
  const own = naming === 'one' ? stem : `${stem}-${composite}`
  return { heatmap: `${own}-heatmap.png`, overlay: `${own}-overlay.png`, relevance: `${own}-relevance.npy` }
}

/**
 * Writes heatmap, overlay, relevance (float32, [height, width]) and the JSON file; under several composites, each is
 * added to what the JSON file says already.
 * @throws DiskError
 */
export async function saveResult(out: string, result: Result, { naming, again }: SaveOptions): Promise<void> {
  const { picture, crop, composite, explained } = result
  const files = filesOf(picture, composite, naming)
  const { relevance, heatmap } = explained
  await writeAtomically(join(out, files.heatmap), heatmap)
  await writeAtomically(join(out, files.overlay), await overlayOf({ crop, relevance }))
  await writeAtomically(join(out, files.relevance), encodeNpy(relevance, [crop.height, crop.width]))
  const json = join(out, `${picture.stem}.json`)
  const explanation = { ...explanationOf(result), files }
  const content =
    naming === 'one'
      ? { ...pictureOf(result), ...explanation }
      : { ...pictureOf(result), explanations: [...(again ? await explanationsIn(json) : []), explanation] }
  await writeAtomically(json, `${JSON.stringify(content, null, 2)}\n`)
}

/** What does not depend on the composite: one number for each label. */
function pictureOf({ picture, manifest, face, trueLabel, explained }: Result): object {
  const { name, sha256, demonstration, labels } = manifest
  const { target, probability, logits, probabilities } = explained
  const byLabel = (values: Float32Array): object => Object.fromEntries(labels.map((label, i) => [label, values[i]]))
  return {
    picture: picture.path,
    model: { name, sha256, demonstration },
    face: { box: face.box, faces: face.faces },
    ...(trueLabel !== null && { true_label: trueLabel }),
    predicted: predictedOf(explained, manifest).label,
    target,
    probability,
    logits: byLabel(logits),
    probabilities: byLabel(probabilities)
  }
}

function explanationOf({ composite, engine, explained, durationMs }: Result): object {
  const { regions, text, uncertainty } = explained
  return { composite, engine, regions, text, uncertainty, duration_ms: Math.round(durationMs) }
}

async function explanationsIn(json: string): Promise<object[]> {
  const content: { explanations: object[] } = JSON.parse(await readFile(json, 'utf8'))
  return content.explanations
}

/** The likeliest label, which is not the explained one where another was asked for. */
export function predictedOf(
  { probabilities }: Pick<CropExplanation, 'probabilities'>,
  { labels }: Manifest
): { label: string; probability: number } {
  const index = probabilities.indexOf(Math.max(...probabilities))
  return { label: labels[index]!, probability: probabilities[index]! }
}
