import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { stringify } from 'yaml'
import { DiskError, messageOf } from '../../core/errors.js'
import { type ModelInput, sha256Of } from '../model/manifest.js'
import { writeModel } from '../onnx/index.js'
import { buildVgg } from './build.js'
import type { VggSpec } from './spec.js'
import { randomWeights, type VggWeights } from './weights.js'

/** VGG-Face's mean pixel, blue, green, red (Parkhi, Vedaldi and Zisserman 2015). */
const vggFaceMean: [number, number, number] = [93.594, 104.7624, 129.1863]

/** What a manifest says beyond what the network itself does; the first label is the alarm's. */
export interface VggDescription {
  name: string
  labels: readonly string[]
  licence: string
  intendedUse: string
  /** x = (value - mean) * scale; 1 is VGG-Face's own. */
  scale?: number
  metrics?: Record<string, unknown>
  temperature?: number
}

/** How the crops of a network of this family become its input. */
export function vggInput(spec: VggSpec, scale = 1): ModelInput {
  return { layout: 'nchw', ...spec.input, colour: 'bgr', mean: vggFaceMean, scale }
}

/**
 * Writes the network and, beside it under the same name, its manifest.
 * @param file the .onnx file
 * @returns the manifest's path
 * @throws DiskError where writing fails, RangeError if labels and outputs differ in number
 */
export async function writeVgg(
  file: string,
  spec: VggSpec,
  weights: VggWeights,
  description: VggDescription
): Promise<string> {
  const { labels } = description
  if (labels.length !== spec.dense.at(-1))
    throw new RangeError(`${labels.length} labels (${labels.join(', ')}) for ${spec.dense.at(-1)} outputs`)
  await writeModel(file, buildVgg(spec, weights))
  const manifest = `${file.replace(/\.onnx$/, '')}.yaml`
  const text = stringify({
    name: description.name,
    labels,
    alarm_label: labels[0],
    file: basename(file),
    sha256: await sha256Of(file),
    licence: description.licence,
    input: vggInput(spec, description.scale),
    intended_use: description.intendedUse,
    temperature: description.temperature ?? 1,
    metrics: description.metrics
  })
  try {
    await writeFile(manifest, text)
  } catch (error) {
    throw new DiskError('PL-MODEL-UNWRITABLE', `the manifest could not be written: ${messageOf(error)}`, manifest, {
      cause: error
    })
  }
  return manifest
}

/** Writes an untrained network with its manifest, to measure with: its scores mean nothing. @returns the manifest's path */
export function writeRandomVgg(spec: VggSpec, file: string, labels: readonly string[], seed: number): Promise<string> {
  return writeVgg(file, spec, randomWeights(spec, seed), {
    name: 'vgg-random-weights',
    labels,
    licence: 'Apache-2.0',
    intendedUse: 'benchmark'
  })
}
