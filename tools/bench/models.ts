/** The classifiers that are measured. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { parseDocument } from 'yaml'
import { modelsQuantiseCommand } from '#painlens/commands/models/quantise.js'
import { packageRoot } from '#painlens/core/version.js'
import { proofCrops } from '#painlens/daemon/wiring/drawn-faces.js'
import { faceModelFiles } from '#painlens/lib/face/model-files.js'
import { loadManifest } from '#painlens/lib/model/load-manifest.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { vggFace, writeRandomVgg } from '#painlens/lib/vgg/index.js'

export const faceModels = faceModelFiles(join(packageRoot, 'models/face'))

export const demoModel = (): Promise<Manifest> => loadManifest(join(packageRoot, 'models/pain-demo.yaml'))

/** A VGG-Face of full size (224x224, 138 M parameters) with random weights, made once: 550 MB in models/cache. */
export async function fullSizeModel(): Promise<Manifest> {
  const folder = join(packageRoot, 'models/cache')
  const file = join(folder, 'vgg-face-random.onnx')
  const manifest = join(folder, 'vgg-face-random.yaml')
  if (!existsSync(manifest)) {
    await mkdir(folder, { recursive: true })
    await writeRandomVgg({ ...vggFace, dense: [4096, 4096, 3] }, file, ['pain', 'disgust', 'happiness'], 1)
  }
  return loadManifest(manifest)
}

const calmTemperature = 30

/** @returns the same model with an int8 twin, written into `folder`; drawn faces are crops enough for that */
export async function quantised(manifest: Manifest, folder: string): Promise<Manifest> {
  const out = join(folder, `${manifest.name}.yaml`)
  const crops = await mkdtemp(join(folder, 'crops-'))
  const { width, height } = manifest.input
  for (const [i, data] of (await proofCrops(manifest)).entries())
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(crops, `${i}.png`))
  const options = { manifest: await calmed(manifest, folder), crops, out, force: false }
  await modelsQuantiseCommand(options, new AbortController().signal)
  return loadManifest(out)
}

/**
 * Random weights give logits of any size, so that a face between two labels turns with the last bit, which no trained model does: a
 * temperature brings them to the size of a trained model's.
 */
async function calmed(manifest: Manifest, folder: string): Promise<string> {
  if (!manifest.name.includes('random')) return manifest.path
  const document = parseDocument(await readFile(manifest.path, 'utf8'))
  document.set('temperature', calmTemperature)
  document.set('file', manifest.file)
  const path = join(folder, 'calmed.yaml')
  await writeFile(path, document.toString())
  return path
}
