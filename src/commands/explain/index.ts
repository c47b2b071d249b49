/** `painlens explain`: classifies pictures and explains each, or checks the explanations, without cameras or broker. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DiskError, InputError, printed, UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { packageRoot } from '../../core/version.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import { findPictures } from '../../lib/picture/find-pictures.js'
import { checkAll } from './check-all.js'
import { compositesOf, gammaOf } from './composites.js'
import { explainAll } from './explain-all.js'
import { faceChoiceOf, openFaceTaker } from './faces.js'
import { engineOf, targetOf } from './job.js'
import { type Output, terminalOutput } from './output.js'

export interface ExplainCommandOptions {
  /** Pictures, or folders of them. */
  images: readonly string[]
  /** The manifest; the demonstration model's unless given. */
  model?: string
  /** One of `plainCompositeNames`, several separated by commas, or `all`: those of the paper's figures. */
  composite?: string
  /** Of composites with gamma: one, or several by depth, separated by commas. */
  gamma?: string
  /** `auto` (onnx), `tfjs` or `onnx`. */
  engine?: string
  /** The label to explain, or a contrast such as `pain - disgust`; each picture's likeliest unless given. */
  target?: string
  /** The folder for the results; created if missing. */
  out: string
  /** `largest` or `all` of a picture's faces; the largest unless given. */
  faces?: string
  /** Whether the pictures are face crops already. */
  crop?: boolean
  /** Whether to check the explanations instead of writing them. */
  check?: boolean
}

/**
 * Explains the likeliest label of each picture, or the requested one: a heatmap, an overlay, the relevance and a
 * JSON file for each; under several composites also the paper's figure. With `check`, tests the explanations themselves.
 * Every given file, and every file in a given folder, is either explained or reported with a reason.
 * @param faceModels the folder of the face models; the installation's unless given
 * @returns 0, or 1 if a picture failed, a folder cannot be read, a check failed or the command was stopped
 * @throws ModelError, UnsupportedModelError, UsageError (unknown composite, engine, label or choice of faces), InputError
 *   (no pictures), DiskError
 */
export async function explainCommand(
  options: ExplainCommandOptions,
  signal: AbortSignal,
  output: Output = terminalOutput(),
  faceModels?: string
): Promise<number> {
  const { images, model = join(packageRoot, 'models/pain-demo.yaml'), out } = options
  const composites = compositesOf(options.composite ?? 'lrp.sequential_preset_a_flat')
  const gamma = gammaOf(options.gamma, composites)
  const engine = engineOf(options.engine ?? 'auto')
  const choice = faceChoiceOf(options.faces ?? 'largest')
  const manifest = await loadManifest(model)
  const target = targetOf(options.target, manifest)
  if (options.check && typeof target === 'object') {
    throw new UsageError('PL-OPTION-TARGET', 'a contrast has no probability that --check could watch', '--target', {
      fix: 'Name one label, or leave --target out.'
    })
  }
  const found = await findPictures(images, out, signal).catch(endIfStopped(signal))
  if (!found) {
    output.complain('painlens: stopped while looking for pictures.\n')
    return 1
  }
  for (const { error } of found.passedOver) output.complain(`painlens: ${printed(error)}\n`)
  if (found.pictures.length === 0)
    throw new InputError('PL-PICTURE-NONE', 'no pictures are there', images.map(printable).join(' '))
  const faces = await openFaceTaker(manifest, options.crop ? 'crop' : choice, faceModels)
  try {
    await makeFolder(out)
    if (manifest.demonstration)
      output.write(`${manifest.name} is a demonstration model: its scores say nothing about people.\n`)
    const job = { ...found, manifest, faces, composites, gamma, engine, target, out, signal, output }
    return await (options.check ? checkAll(job) : explainAll(job))
  } finally {
    output.progress(null)
    await faces.close()
  }
}

/** @returns null if the signal ended it */
const endIfStopped =
  (signal: AbortSignal) =>
  (error: unknown): null => {
    if (signal.aborted) return null
    throw error
  }

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENAMETOOLONG' ? 'its name is longer than the system takes' : code
    throw new DiskError('PL-OUT-FOLDER', `the folder cannot be made (${why})`, printable(folder), { cause: error })
  })
}
