/** `painlens explain`: classifies pictures and explains each, without cameras or broker. */
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { DiskError, InputError, messageOf } from '../core/errors.js'
import { silentLog } from '../core/log.js'
import { packageRoot } from '../core/version.js'
import { type Explained, type ExplainStage, overlayOf, startExplaining, writeAtomically } from '../explain/index.js'
import { loadManifest, type Manifest } from '../model/manifest.js'
import { type FaceTaker, openFaceTaker, type PictureFace } from './explain/faces.js'
import { listPictures, type PictureFile } from './explain/pictures.js'

export interface ExplainCommandOptions {
  /** The manifest; the demonstration model's unless given. */
  model?: string
  composite?: string
  /** The folder for the results; made where it is missing. */
  out: string
  /** The pictures are face crops already. */
  crop?: boolean
  /** The folder of the face models; the installation's unless given. */
  faceModels?: string
}

export interface Output {
  write(text: string): void
  complain(text: string): void
}

const terminal: Output = {
  write: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text)
}

interface Tools {
  manifest: Manifest
  faces: FaceTaker
  stage: ExplainStage
  out: string
  output: Output
}

/**
 * Explains the likeliest label of each picture: a heatmap, an overlay and a JSON file for each. A picture that cannot be
 * read or shows no face is named, and the rest goes on.
 * @param images pictures, or folders of them
 * @returns 0, or 1 if a picture failed or the command was stopped
 * @throws ModelError, UnsupportedModelError, UsageError (unknown composite), InputError (no pictures), DiskError
 */
export async function explainCommand(
  images: readonly string[],
  options: ExplainCommandOptions,
  signal: AbortSignal,
  output: Output = terminal
): Promise<number> {
  const {
    model = join(packageRoot, 'models/pain-demo.yaml'),
    composite = 'lrp.sequential_preset_a_flat',
    out
  } = options
  const pictures = await listPictures(images, out)
  if (pictures.length === 0)
    throw new InputError('no pictures are there', images.join(' '), 'Name pictures, or folders with JPEG or PNG files.')
  const manifest = await loadManifest(model)
  const faces = await openFaceTaker(manifest, options.crop ?? false, options.faceModels)
  try {
    await makeFolder(out)
    if (manifest.demonstration)
      output.write(`${manifest.name} is a demonstration model: its scores say nothing about people.\n`)
    const stage = await startExplaining({
      manifest,
      engine: 'onnx',
      composite,
      threads: availableParallelism(),
      maxAgeMs: Number.POSITIVE_INFINITY,
      log: silentLog,
      signal
    })
    return await explainAll(pictures, { manifest, faces, stage, out, output }, signal).finally(() => stage.stop())
  } catch (error) {
    if (signal.aborted) return stopped(0, pictures, output)
    throw error
  } finally {
    await faces.close()
  }
}

async function explainAll(pictures: readonly PictureFile[], tools: Tools, signal: AbortSignal): Promise<number> {
  const { output, out } = tools
  let done = 0
  for (const [i, picture] of pictures.entries()) {
    if (signal.aborted) return stopped(done, pictures, output)
    try {
      const said = await explainPicture(picture, tools)
      if (said === null) return stopped(done, pictures, output)
      output.write(`${i + 1}/${pictures.length} ${picture.path}: ${said}\n`)
      done++
    } catch (error) {
      if (error instanceof DiskError) throw error
      output.complain(`painlens: ${messageOf(error)}\n`)
    }
  }
  output.write(`${done} of ${pictures.length} explained; the results are in ${out}\n`)
  return done === pictures.length ? 0 : 1
}

function stopped(done: number, pictures: readonly PictureFile[], output: Output): number {
  output.complain(`painlens: stopped after ${done} of ${pictures.length} pictures.\n`)
  return 1
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new DiskError(
      `the folder cannot be made (${messageOf(error)})`,
      folder,
      'Name a folder that you may write to with --out.',
      { cause: error }
    )
  })
}

/** @returns what to tell of it, or null if the stage was stopped meanwhile */
async function explainPicture(picture: PictureFile, { manifest, faces, stage, out }: Tools): Promise<string | null> {
  const face = await faces.take(picture.path)
  const request = { camera: picture.stem, track: 0, at: Date.now(), crop: face.crop, target: 'max' as const }
  const explained = await stage.submit(request)
  if (!explained) return null
  const fileOf = (kind: string): string => join(out, `${picture.stem}${kind}`)
  await writeAtomically(fileOf('-heatmap.png'), explained.heatmap)
  await writeAtomically(fileOf('-overlay.png'), await overlayOf(explained))
  await writeAtomically(fileOf('.json'), `${JSON.stringify(resultOf(picture, face, explained, manifest), null, 2)}\n`)
  const others = face.faces > 1 ? ` (the largest of ${face.faces} faces)` : ''
  return `${explained.target} ${explained.probability.toFixed(2)}${others}. ${explained.text.en}`
}

/** The JSON file: one object, by label where there is one number for each. */
function resultOf({ path }: PictureFile, face: PictureFace, explained: Explained, manifest: Manifest): object {
  const { name, sha256, demonstration, labels } = manifest
  const { target, probability, logits, probabilities, composite, engine, regions, text, uncertainty } = explained
  const byLabel = (values: Float32Array): object => Object.fromEntries(labels.map((label, i) => [label, values[i]]))
  return {
    picture: path,
    model: { name, sha256, demonstration },
    face: { box: face.box, faces: face.faces },
    target,
    probability,
    logits: byLabel(logits),
    probabilities: byLabel(probabilities),
    composite,
    engine,
    regions,
    text,
    uncertainty,
    duration_ms: Math.round(explained.durationMs)
  }
}
