/** The face models: made from the weights that @vladmandic/face-api (MIT) ships, so that they run on ONNX Runtime. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { DiskError, messageOf } from '../../../core/errors.js'
import { encodeModel, type OnnxModel, writeModel } from '../../onnx/index.js'
import { detectorModel } from './detector.js'
import { finderModel } from './finder.js'
import { landmarkModel } from './landmarks.js'
import { readWeights, type Weight } from './weights.js'

/** ONNX files by what they do. */
export interface FaceModels {
  /** Looks over the whole frame, quickly, for places where a face may be. */
  finder: string
  /** Says of such a place how much it is a face, and where exactly. */
  detector: string
  /** 68 points in a face's box. */
  landmarks: string
}

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
  /** This file's number among all, from 1. */
  step: number
  steps: number
}

type Recipe = { weights: string; build: (weights: ReadonlyMap<string, Weight>) => OnnxModel }

const recipes: Record<keyof FaceModels, Recipe> = {
  finder: { weights: 'tiny_face_detector_model', build: finderModel },
  detector: { weights: 'ssd_mobilenetv1_model', build: detectorModel },
  landmarks: { weights: 'face_landmark_68_model', build: landmarkModel }
}

/** Where `buildFaceModels` puts its files. */
export function faceModelFiles(dir: string): FaceModels {
  return {
    finder: join(dir, 'finder.onnx'),
    detector: join(dir, 'detector.onnx'),
    landmarks: join(dir, 'landmarks.onnx')
  }
}

/**
 * Builds the face models (about 25 MB). A file that is there and holds the very same bytes is left alone; any other
 * appears under its name only when it is complete.
 * @throws ModelError when the weights are missing or broken
 * @throws DiskError when there is no space, no permission or no such folder
 */
export async function buildFaceModels(options: BuildOptions): Promise<FaceModels> {
  const { outDir, weightsDir = shippedWeights(), onProgress } = options
  const files = faceModelFiles(outDir)
  await makeFolder(outDir)
  const names = Object.keys(recipes) as (keyof FaceModels)[]
  for (const [i, name] of names.entries()) {
    const { weights, build } = recipes[name]
    const model = build(await readWeights(weightsDir, weights))
    const current = await holds(files[name], encodeModel(model))
    onProgress?.({ file: files[name], state: current ? 'current' : 'writing', step: i + 1, steps: names.length })
    if (!current) await writeModel(files[name], model)
  }
  return files
}

function shippedWeights(): string {
  return join(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')), 'model')
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await makeWithParents(folder)
  } catch (error) {
    throw new DiskError(
      'PL-FACE-FOLDER',
      `the folder for the face models cannot be made (${messageOf(error)})`,
      folder,
      { cause: error }
    )
  }
}

/** Step by step, since Node's own recursive mkdir never comes back from /proc (it takes ENOENT for a missing parent). */
async function makeWithParents(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return
    if (code !== 'ENOENT' || existsSync(dirname(folder))) throw error
    await makeWithParents(dirname(folder))
    await mkdir(folder)
  }
}

async function holds(file: string, bytes: Uint8Array): Promise<boolean> {
  try {
    return Buffer.compare(await readFile(file), bytes) === 0
  } catch {
    return false
  }
}
