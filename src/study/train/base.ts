import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parse } from 'yaml'
import { InputError, messageOf } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { loadManifest, readInput } from '../../lib/model/load-manifest.js'
import { type ModelInput, sha256Of } from '../../lib/model/manifest.js'
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
}

/**
 * Reads what is known of a base model.
 * @param file a manifest, or an ONNX file
 * @param input how pictures become the input of an ONNX file: `vggface`, or a YAML file with the `input` of a manifest
 * @throws InputError, ModelError
 */
export async function readBase(file: string, input: string | undefined): Promise<Base> {
  if (/\.ya?ml$/i.test(file)) {
    const { name, file: model, sha256, licence, input: own, alignment } = await loadManifest(file)
    return { name, file: model, sha256, licence, input: own, alignment }
  }
  if (input === undefined) {
    const what = 'an ONNX file does not say how pictures become its input'
    throw new InputError('PL-STUDY-BASE', what, printable(file))
  }
  const name = basename(file).replace(/\.onnx$/i, '')
  const sha256 = await sha256Of(file)
  return { name, file, sha256, licence: 'unknown', input: await inputOf(input), alignment: null }
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
