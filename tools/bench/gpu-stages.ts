/** What the GPU bench runs: each of the daemon's models with inputs like the daemon's, opened as the daemon opens them. */
import * as ort from 'onnxruntime-node'
import type { FaceModels } from '#painlens/lib/face/model-files.js'
import { type FrameView, feedsOf, viewOfFrame, viewOfSquare } from '#painlens/lib/face/networks.js'
import { compositeOf } from '#painlens/lib/lrp/composites.js'
import { openLrpSession } from '#painlens/lib/lrp/engines/onnx.js'
import { lrpNames } from '#painlens/lib/lrp/engines/onnx-graph.js'
import { layerGraphOf } from '#painlens/lib/lrp/graph/index.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { batchDims, preprocess } from '#painlens/lib/model/preprocess.js'
import { readModel } from '#painlens/lib/onnx/index.js'
import { openSession, type SessionOptions } from '#painlens/lib/ort/provider.js'

export type Feeds = ort.InferenceSession.FeedsType
/** What is needed of ONNX Runtime's session. */
export type Session = Pick<ort.InferenceSession, 'inputNames' | 'run' | 'endProfiling' | 'release'>

export interface Stage {
  name: string
  /** What runs at it, for a person. */
  model: string
  kind: 'face' | 'classify' | 'explain'
  /** Pictures at once that it is measured with, smallest first; a face model takes one. */
  batches: readonly number[]
  open(options: SessionOptions): Promise<Session>
  /** Pictures by number, as many as the batch is large; the same number is the same picture. */
  feeds(session: Session, pictures: readonly number[]): Feeds
}

/** The composites whose cost decides what a device can explain. */
export const gpuComposites = {
  'preset A flat': 'lrp.sequential_preset_a_flat',
  'preset B flat': 'lrp.sequential_preset_b_flat'
} as const

const frameSize = { width: 1280, height: 720 }
const faceSquare = { x: 540, y: 200, width: 220, height: 220 }

/** The three face models on one 720p frame each, with the inputs that a search of the whole frame gives them. */
export function faceStages(models: FaceModels): Stage[] {
  const frame = new ort.Tensor('uint8', picture(0, frameSize), [frameSize.height, frameSize.width, 3])
  const views: Record<keyof FaceModels, FrameView> = {
    finder: viewOfFrame(frameSize, { width: 640, height: 384 }),
    detector: viewOfSquare(frameSize, faceSquare, 128)!,
    landmarks: viewOfSquare(frameSize, faceSquare, 112)!
  }
  const names: Record<keyof FaceModels, string> = {
    finder: 'find faces',
    detector: 'detect a face',
    landmarks: 'landmarks'
  }
  return (Object.keys(views) as (keyof FaceModels)[]).map((model) => ({
    name: names[model],
    model: 'face models',
    kind: 'face',
    batches: [1],
    open: (options) => openSession(models[model], options),
    feeds: () => ({ frame, ...feedsOf(views[model]) })
  }))
}

/** The classifier, and its LRP graph under both composites. */
export function classifierStages(manifest: Manifest, batches: readonly number[]): Stage[] {
  const classify: Stage = {
    name: 'classify',
    model: manifest.name,
    kind: 'classify',
    batches,
    open: (options) => openSession(manifest.file, options),
    feeds: (session, pictures) => ({ [session.inputNames[0]!]: cropsOf(manifest, pictures) })
  }
  const load = async () => layerGraphOf(await readModel(manifest.file), manifest.file)
  const explain = Object.entries(gpuComposites).map(
    ([name, composite]): Stage => ({
      name: `explain, ${name}`,
      model: manifest.name,
      kind: 'explain',
      batches,
      open: async (options) => (await openLrpSession(load, compositeOf(composite), options)).session,
      feeds: (_, pictures) => explainFeeds(manifest, pictures)
    })
  )
  return [classify, ...explain]
}

/** Pictures as the LRP graph takes them, to explain the alarm's class. */
export function explainFeeds(manifest: Manifest, pictures: readonly number[]): Feeds {
  const { labels, alarmIndex } = manifest
  const weights = Float32Array.from({ length: pictures.length * labels.length }, (_, i) =>
    i % labels.length === alarmIndex ? 1 : 0
  )
  return {
    [lrpNames.input]: cropsOf(manifest, pictures),
    [lrpNames.weights]: new ort.Tensor('float32', weights, [pictures.length, labels.length])
  }
}

function cropsOf({ input }: Manifest, pictures: readonly number[]): ort.Tensor {
  const { width, height } = input
  const size = 3 * width * height
  const data = new Float32Array(pictures.length * size)
  pictures.forEach((number, i) => {
    const crop = { width, height, data: picture(number, input) }
    preprocess(crop, input, data.subarray(i * size, (i + 1) * size))
  })
  return new ort.Tensor('float32', data, batchDims(input, pictures.length))
}

/** The same, but that every float32 is moved up or down by 2⁻²² of itself, about what float32 is off by after a sum or two. */
export function nudged(feeds: Feeds): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => {
      const { data, dims } = tensor as ort.Tensor
      if (!(data instanceof Float32Array)) return [name, tensor]
      const moved = data.map(
        (value, i) => value * (1 + ((Math.imul(i, 0x9e3779b1) >>> 7) & 1 ? 2 ** -22 : -(2 ** -22)))
      )
      return [name, new ort.Tensor('float32', moved, dims)]
    })
  )
}

/** Waves of light with some noise, RGB: shapes of every size, another for each seed. */
function picture(seed: number, { width, height }: { width: number; height: number }): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(3 * width * height)
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < 3; channel++, at++) {
        const wave = Math.sin((x / width) * (7 + seed) + channel) + Math.cos((y / height) * (5 + 2 * channel) + seed)
        data[at] = 128 + 45 * wave + 20 * Math.sin(at * 12.9898 + seed)
      }
  return data
}
