import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parse } from 'yaml'
import { InputError, ModelError, messageOf, UnsupportedModelError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { layerGraphOf } from '../../lib/lrp/index.js'
import { loadManifest, readInput } from '../../lib/model/load-manifest.js'
import { type ModelInput, sha256Of } from '../../lib/model/manifest.js'
import { batchDims } from '../../lib/model/preprocess.js'
import { type OnnxModel, signatureOf } from '../../lib/onnx/index.js'
import { vggFace, vggInput } from '../../lib/vgg/index.js'
import type { Dataset } from '../dataset.js'

/** The classifier that is fine-tuned. */
export interface Base {
  name: string
  /** The ONNX file. */
  file: string
  sha256: string
  licence: string
  input: ModelInput
  /** How faces are cut out for it; null where that is not known. */
  alignment: { eyeDistance: number; eyeY: number } | null
  /** What says how pictures become its input, and which output counts: its manifest, or `--input`. */
  described: 'manifest' | '--input'
  /** The output that holds the scores, where the model has several and a manifest names one. */
  output?: string
}

/**
 * Reads what is known of a base model.
 * @param file a manifest, or an ONNX file
 * @param input how pictures become the input of an ONNX file: `vggface`, or a YAML file with the `input` of a manifest
 * @throws InputError, ModelError
 */
export async function readBase(file: string, input: string | undefined): Promise<Base> {
  if (/\.ya?ml$/i.test(file)) {
    const { name, file: model, sha256, licence, input: own, alignment, output } = await loadManifest(file)
    const base = { name, file: model, sha256, licence, input: own, alignment, described: 'manifest' as const }
    return output === undefined ? base : { ...base, output }
  }
  if (input === undefined) {
    const what = 'an ONNX file does not say how pictures become its input'
    throw new InputError('PL-STUDY-BASE', what, printable(file))
  }
  const name = basename(file).replace(/\.onnx$/i, '')
  const sha256 = await sha256Of(file)
  const known = { input: await inputOf(input), alignment: null, described: '--input' as const }
  return { name, file, sha256, licence: 'unknown', ...known }
}

async function inputOf(given: string): Promise<ModelInput> {
  if (given === 'vggface') return vggInput(vggFace)
  const where = printable(given)
  const text = await readFile(given, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError(
      'PL-STUDY-BASE',
      `--input is neither vggface nor a file that can be read (${error.code})`,
      where
    )
  })
  const wrong = (why: string): InputError =>
    new InputError('PL-STUDY-BASE', `it does not describe a model's input (${why})`, where)
  let document: unknown
  try {
    document = parse(text, { logLevel: 'error' })
  } catch (error) {
    throw wrong(messageOf(error).split('\n')[0]!)
  }
  const read = readInput((document as { input?: unknown } | null)?.input ?? document)
  if ('problem' in read) throw wrong(read.problem)
  return read.value
}

/**
 * Reads a base's layers, and holds what it takes against what is said of it.
 * @throws InputError where it takes other pictures, ModelError where it takes more than one picture, UnsupportedModelError
 */
export function baseLayers(
  model: OnnxModel,
  { file, input, output, described }: Base
): ReturnType<typeof layerGraphOf> {
  const choice = output === undefined ? {} : { output }
  const given = signed(() => signatureOf(model, choice, file), described).input
  const wrong = (what: string, fix: string): InputError =>
    new InputError('PL-STUDY-BASE', what, printable(file), { fix })
  if (given.type !== 'float32')
    throw wrong(`its input is ${given.type}, and training gives float32`, 'Export the base with an input in float32.')
  const [, ...wanted] = batchDims(input, 1)
  const [batch, ...dims] = given.dims
  const isFree = (dim: unknown): boolean => typeof dim !== 'number' || dim < 1
  if (dims.length !== wanted.length || wanted.some((dim, i) => !isFree(dims[i]) && dims[i] !== dim)) {
    const [takes, said] = [dims, wanted].map((shape) => `[${['batch', ...shape].join(', ')}]`)
    throw wrong(
      `it takes ${takes}, and what is said of its input makes ${said}`,
      'Correct input in the manifest, or --input, and prepare crops of that size.'
    )
  }
  if (!isFree(batch))
    throw wrong(
      `it takes ${batch} picture(s) at a time, neither more nor less`,
      'Export the base with a batch of any size (dynamic_axes in torch.onnx, None in Keras).'
    )
  try {
    return layerGraphOf(model, file, { ...choice, inputDims: batchDims(input, 1) })
  } catch (error) {
    if (!(error instanceof UnsupportedModelError)) throw error
    throw new UnsupportedModelError('PL-TRAIN-MODEL', `its layers cannot be read: ${error.what}`, printable(file), {
      fix: 'Give a base of the operators in docs/operate/models.md: one that LRP explains can be trained.',
      cause: error
    })
  }
}

/** A fault of the base's output, with what to do about it where no manifest names one. */
function signed<T>(read: () => T, described: Base['described']): T {
  try {
    return read()
  } catch (error) {
    if (described === 'manifest' || !(error instanceof ModelError) || error.code !== 'PL-MODEL-OUTPUT') throw error
    throw new ModelError(error.code, error.what, printable(error.where), {
      fix: "Give --base a manifest of this file that has output: NAME, of the one that holds the classes' scores (docs/operate/models.md), or export it with that output alone.",
      cause: error
    })
  }
}

/** @throws InputError where the crops are not what the base model takes: told before hours are spent */
export function checkFits(
  { size, alignment, folder }: Dataset,
  base: Pick<Base, 'name' | 'input' | 'alignment'>
): void {
  const { width, height } = base.input
  if (size.width !== width || size.height !== height) {
    const what = `the crops have ${size.width}x${size.height} pixels, ${base.name} takes ${width}x${height}`
    throw new InputError('PL-STUDY-CROP', what, printable(folder))
  }
  const known = base.alignment
  if (known && (differs(known.eyeDistance, alignment.eyeDistance) || differs(known.eyeY, alignment.eyeY))) {
    const [own, wanted] = [alignment, known].map(({ eyeDistance, eyeY }) => `eyes ${eyeDistance} apart at ${eyeY}`)
    throw new InputError('PL-STUDY-ALIGNMENT', `the crops have ${own}, ${base.name} takes ${wanted}`, printable(folder))
  }
}

const differs = (a: number, b: number): boolean => Math.abs(a - b) > 1e-6
