/** The face models: made from the weights that @vladmandic/face-api (MIT) ships, so that they run on ONNX Runtime. */
import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type FaceModels, faceModelFiles } from '#painlens/lib/face/model-files.js'
import { encodeModel, type OnnxModel, writeModel } from '#painlens/lib/onnx/index.js'
import { detectorModel } from './detector.js'
import { finderModel } from './finder.js'
import { landmarkModel } from './landmarks.js'
import { readWeights, type Weight } from './weights.js'

export interface BuildOptions {
  /** Made where it is missing. */
  outDir: string
  /** Default: where @vladmandic/face-api is installed. */
  weightsDir?: string
  onProgress?: (progress: BuildProgress) => void
}

export interface BuildProgress {
  file: string
  /** `current`: the file was there already and is right. */
  state: 'writing' | 'current'
}

type Recipe = { weights: string; build: (weights: ReadonlyMap<string, Weight>) => OnnxModel }

const recipes: Record<keyof FaceModels, Recipe> = {
  finder: { weights: 'tiny_face_detector_model', build: finderModel },
  detector: { weights: 'ssd_mobilenetv1_model', build: detectorModel },
  landmarks: { weights: 'face_landmark_68_model', build: landmarkModel }
}

/**
 * Builds the face models (about 25 MB). A file that is there and holds the very same bytes is left alone; any other
 * appears under its name only when it is complete.
 * @throws Error when the weights are missing or broken, or the folder cannot be made
 * @throws DiskError when a file cannot be written
 */
export async function buildFaceModels(options: BuildOptions): Promise<FaceModels> {
  const { outDir, weightsDir = shippedWeights(), onProgress } = options
  const files = faceModelFiles(outDir)
  await mkdir(outDir, { recursive: true })
  for (const name of Object.keys(recipes) as (keyof FaceModels)[]) {
    const { weights, build } = recipes[name]
    const model = build(await readWeights(weightsDir, weights))
    const current = await holds(files[name], encodeModel(model))
    onProgress?.({ file: files[name], state: current ? 'current' : 'writing' })
    if (!current) await writeModel(files[name], model)
  }
  return files
}

function shippedWeights(): string {
  return join(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')), 'model')
}

async function holds(file: string, bytes: Uint8Array): Promise<boolean> {
  try {
    return Buffer.compare(await readFile(file), bytes) === 0
  } catch {
    return false
  }
}
