import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InputError } from '../../core/errors.js'
import type { Crop } from '../../core/types.js'
import type { Manifest } from '../../lib/model/manifest.js'
import type { PictureFile } from '../../lib/picture/find-pictures.js'
import { type CropExplanation, overlayOf, writeAtomically } from '../../stages/explain/index.js'
import type { RememberedFace } from './job.js'
import { filesOf, jsonOf, type Naming } from './result-names.js'

/** One face of a picture, explained under one composite. */
export interface Result {
  picture: PictureFile
  /** The prefix of its files' names. */
  stem: string
  manifest: Manifest
  face: RememberedFace
  crop: Crop
  trueLabel: string | null
  composite: string
  engine: string
  explained: CropExplanation
  durationMs: number
}

export interface SaveOptions {
  naming: Naming
  /** Whether this run has written the face's JSON file already. */
  again: boolean
}

/**
 * Writes heatmap, overlay, relevance (float32, [height, width]) and the JSON file; under several composites, each is
 * added to the JSON file.
 * @throws DiskError
 */
export async function saveResult(out: string, result: Result, { naming, again }: SaveOptions): Promise<void> {
  const { stem, crop, composite, explained } = result
  const files = filesOf(stem, composite, naming)
  const { relevance, heatmap } = explained
  await writeAtomically(join(out, files.heatmap), heatmap)
  await writeAtomically(join(out, files.overlay), await overlayOf({ crop, relevance }))
  await writeAtomically(join(out, files.relevance), encodeNpy(relevance, [crop.height, crop.width]))
  const json = join(out, jsonOf(stem))
  const explanation = { ...explanationOf(result), files }
  const content =
    naming === 'one'
      ? { ...pictureOf(result), ...explanation }
      : { ...pictureOf(result), explanations: [...(again ? await explanationsIn(json) : []), explanation] }
  await writeAtomically(json, `${JSON.stringify(content, null, 2)}\n`)
}

/** The part that does not depend on the composite: one number for each label. */
function pictureOf({ picture, manifest, face, trueLabel, explained }: Result): object {
  const { name, sha256, demonstration, labels } = manifest
  const { target, weights, probability, logits, probabilities } = explained
  const byLabel = (values: Float32Array): object => Object.fromEntries(labels.map((label, i) => [label, values[i]]))
  return {
    picture: picture.path,
    // Identifies the picture of these results for a later run.
    source: resolve(picture.path),
    model: { name, sha256, demonstration },
    face: { box: face.box, faces: face.faces, number: face.number },
    ...(face.frames > 1 && { frame: { number: 1, frames: face.frames } }),
    ...(trueLabel !== null && { true_label: trueLabel }),
    predicted: predictedOf(explained, manifest).label,
    target,
    ...(Object.keys(weights).length > 1 && { weights }),
    probability,
    logits: byLabel(logits),
    probabilities: byLabel(probabilities)
  }
}

function explanationOf({ composite, engine, explained, durationMs }: Result): object {
  const { regions, text, uncertainty, conditioning } = explained
  return { composite, engine, regions, text, uncertainty, conditioning, duration_ms: Math.round(durationMs) }
}

async function explanationsIn(json: string): Promise<object[]> {
  const content: { explanations: object[] } = JSON.parse(await readFile(json, 'utf8'))
  return content.explanations
}

/** The likeliest label; differs from the explained one if another was requested. */
export function predictedOf(
  { probabilities }: Pick<CropExplanation, 'probabilities'>,
  { labels }: Manifest
): { label: string; probability: number } {
  const index = probabilities.indexOf(Math.max(...probabilities))
  return { label: labels[index]!, probability: probabilities[index]! }
}

const magic = Buffer.from('\x93NUMPY\x01\x00', 'latin1')
/** The array's data begin at a multiple of this, so that they can be mapped into memory. */
const alignment = 64

/**
 * A float32 array as a NumPy file, format version 1.0 (NEP 1, "A simple file format for NumPy arrays"): magic string and
 * version, the header's length as uint16, the header as a Python literal that ends in a line break and is padded with
 * spaces to a multiple of 64 bytes, then the values, row-major and little-endian. `numpy.load` reads it.
 * @throws RangeError if the shape does not hold as many values
 */
export function encodeNpy(values: Float32Array, shape: readonly number[]): Uint8Array {
  if (shape.reduce((product, dim) => product * dim, 1) !== values.length)
    throw new RangeError(`shape [${shape.join(', ')}] does not hold ${values.length} values`)
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims}), }`
  const start = Math.ceil((magic.length + 2 + header.length + 1) / alignment) * alignment
  const bytes = new Uint8Array(start + 4 * values.length)
  const view = new DataView(bytes.buffer)
  bytes.set(magic)
  view.setUint16(magic.length, start - magic.length - 2, true)
  bytes.set(Buffer.from(`${header.padEnd(start - magic.length - 3)}\n`, 'latin1'), magic.length + 2)
  values.forEach((value, i) => {
    view.setFloat32(start + 4 * i, value, true)
  })
  return bytes
}

export interface NpyArray {
  values: Float32Array
  shape: number[]
}

/**
 * Reads what `encodeNpy` writes, and any other float32 array of version 1.0 in C order.
 * @param where its name in errors
 * @throws InputError for anything else
 */
export function decodeNpy(bytes: Uint8Array, where: string): NpyArray {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const refuse = (what: string): never => {
    throw new InputError('PL-NPY', what, where)
  }
  if (buffer.length < magic.length + 2 || !buffer.subarray(0, magic.length).equals(magic))
    return refuse('is no NumPy file of version 1.0')
  const start = magic.length + 2 + buffer.readUInt16LE(magic.length)
  const header = buffer.toString('latin1', magic.length + 2, start)
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1]?.match(/\d+/g)?.map(Number) ?? []
  if (!/'descr':\s*'<f4'/.test(header) || !/'fortran_order':\s*False/.test(header))
    return refuse('is no NumPy array of float32 in C order')
  const count = shape.reduce((product, dim) => product * dim, 1)
  if (buffer.length !== start + 4 * count) return refuse(`holds ${buffer.length - start} bytes for ${count} values`)
  const values = Float32Array.from({ length: count }, (_, i) => buffer.readFloatLE(start + 4 * i))
  return { values, shape }
}
