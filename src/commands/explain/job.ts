import { availableParallelism } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from '../../core/errors.js'
import type { Crop } from '../../core/types.js'
import { type CompositeOptions, type EngineName, engineNames, usesGamma } from '../../lib/lrp/index.js'
import type { Manifest } from '../../lib/model/manifest.js'
import type { Found, PictureFile } from '../../lib/picture/find-pictures.js'
import { readCrop } from '../../lib/picture/read.js'
import { loadSharp } from '../../lib/picture/sharp.js'
import { type CropTarget, writeAtomically } from '../../stages/explain/index.js'
import { type ModelSource, openSource } from '../../stages/explain/source.js'
import type { FaceTaker, PictureFace } from './faces.js'
import type { Output } from './output.js'
import { cropOf } from './result-names.js'

/** The options and resources of one call of the command. */
export interface Job {
  pictures: readonly PictureFile[]
  /** Other given or found files. */
  passedOver: Found['passedOver']
  manifest: Manifest
  faces: FaceTaker
  composites: readonly string[]
  /** Of the composites that have one; 0.25 where it is undefined. */
  gamma?: CompositeOptions['gamma']
  engine: EngineName
  /** The label to explain, by its index, a contrast of several, or each picture's likeliest. */
  target: CropTarget
  /** The folder for the results. */
  out: string
  signal: AbortSignal
  output: Output
}

/** @throws UsageError for an unknown engine */
export function engineOf(choice: string): EngineName {
  // ONNX Runtime is the faster one, and the user waits.
  const engine = choice === 'auto' ? 'onnx' : engineNames.find((name) => name === choice)
  if (engine) return engine
  throw new UsageError('PL-OPTION-ENGINE', `there is no engine "${choice}"`, '--engine', {
    fix: `Use ${['auto', ...engineNames].join(', ')}.`
  })
}

/**
 * What `--target` says: a label, or a contrast such as `pain - disgust` or `pain + 0.5 happiness - disgust`, with blanks around
 * its signs.
 * @throws UsageError for a label that the model does not have, and for a contrast that is for nothing
 */
export function targetOf(text: string | undefined, manifest: Manifest): CropTarget {
  if (text === undefined) return 'max'
  const index = labelIndexOf(text, manifest.labels)
  if (index >= 0) return index
  // At odd indexes are the signs, each before its term.
  const parts = text
    .trim()
    .split(/\s([+-])\s/)
    .map((part) => part.trim())
  if (parts.length === 1) throw noLabel(text, manifest)
  const weights: Record<number, number> = {}
  for (let i = 0; i < parts.length; i += 2) {
    const [, coefficient, label] = /^(?:(\d+(?:\.\d+)?)\s*\*?\s+)?(.*)$/s.exec(parts[i]!)!
    const place = labelIndexOf(label!, manifest.labels)
    if (place < 0) throw noLabel(label!, manifest)
    const sign = i > 0 && parts[i - 1] === '-' ? -1 : 1
    weights[place] = (weights[place] ?? 0) + sign * Number(coefficient ?? 1)
  }
  for (const [place, weight] of Object.entries(weights)) if (weight === 0) delete weights[Number(place)]
  if (Object.values(weights).some((weight) => weight > 0)) return weights
  throw new UsageError('PL-OPTION-TARGET', `"${text}" is for no label`, '--target', {
    fix: 'Name a label that is to be explained, and behind a minus those rather than which: "pain - disgust".'
  })
}

function noLabel(label: string, { labels, name }: Manifest): UsageError {
  return new UsageError('PL-OPTION-TARGET', `${name} has no label "${label}"`, '--target', {
    fix: `Use one of ${labels.join(', ')}, or a contrast such as "${labels[0]} - ${labels[1]}".`
  })
}

/** A label's index, ignoring case and blanks: `Pain`, ` pain `; -1 for another text. */
function labelIndexOf(text: string, labels: readonly string[]): number {
  const plain = (label: string): string => label.trim().normalize('NFC').toLowerCase()
  const exact = labels.indexOf(text)
  return exact >= 0 ? exact : labels.findIndex((label) => plain(label) === plain(text))
}

/** The true label of a picture: its folder's name if that is a label, as in data sets. */
export function trueLabelOf({ path }: PictureFile, { labels }: Manifest): string | null {
  return labels[labelIndexOf(basename(dirname(resolve(path))), labels)] ?? null
}

/**
 * Opens the model for LRP; only one at a time, since a VGG-Face takes half a gigabyte.
 * @param model the manifest's own, or another of the same shapes
 */
export function openExplainer(
  { manifest, engine, gamma }: Pick<Job, 'manifest' | 'engine' | 'gamma'>,
  composite: string,
  model: string | Uint8Array = manifest.file
): Promise<ModelSource> {
  const own = usesGamma(composite) ? { gamma } : {}
  return openSource(manifest, { model, composite, engine, threads: availableParallelism(), ...own })
}

/** A face without its crop: thousands of crops would not fit into memory. */
export type RememberedFace = Omit<PictureFace, 'crop'> & Pick<Crop, 'landmarks'>

/** Crops on disk between the passes over the pictures, where the figure's first column finds them too. */
export class CropStore {
  constructor(private readonly out: string) {}

  fileOf(stem: string): string {
    return join(this.out, cropOf(stem))
  }

  /** @throws DiskError */
  async put(stem: string, { data, width, height }: Crop): Promise<void> {
    const png = await loadSharp()(data, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer()
    await writeAtomically(this.fileOf(stem), png)
  }

  /** Exactly the stored pixels. */
  async get(stem: string, { landmarks }: RememberedFace, { input }: Manifest, signal: AbortSignal): Promise<Crop> {
    return { ...(await readCrop(this.fileOf(stem), input, signal)), landmarks }
  }
}
