/** The two classifiers that are measured. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '#painlens/core/version.js'
import { faceModelFiles } from '#painlens/lib/face/model-files.js'
import { loadManifest, type Manifest } from '#painlens/lib/model/manifest.js'
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
