/** Finds the ranges of a classifier's values by running it in float32 on face crops; of these nothing but ranges stays. */

import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import type { progressLine } from '../../core/progress-line.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { batchDims, preprocess } from '../../lib/model/preprocess.js'
import { type OnnxModel, type QuantisePlan, rangeModelOf, type ValueRange, writeModel } from '../../lib/onnx/index.js'
import { openSession } from '../../lib/ort/provider.js'

interface Calibration {
  manifest: Manifest
  model: OnnxModel
  plan: QuantisePlan
  /** RGB24 of the manifest's size. */
  crops: readonly Uint8Array[]
  /** For a temporary file. */
  folder: string
  threads: number
  onProgress: ReturnType<typeof progressLine>
  signal: AbortSignal
}

/**
 * The smallest and largest of each value that the plan wants, over all crops (min-max: percentiles err more with faces).
 * @throws ModelError; the signal's reason
 */
export async function calibrate(calibration: Calibration): Promise<Map<string, ValueRange>> {
  const { manifest, plan, crops, folder, threads, onProgress, signal } = calibration
  const { model, outputs } = rangeModelOf(calibration.model, plan)
  const file = join(folder, 'ranges.onnx')
  await writeModel(file, model, { durable: false })
  const session = await openSession(file, { provider: 'cpu', threads })
  const ranges = new Map<string, ValueRange>()
  const batch = model.graph.inputs[0]!.dims[0]
  const dims = batchDims(manifest.input, typeof batch === 'number' ? batch : 1)
  const pixels = new Float32Array(dims.reduce((a, b) => a * b, 1))
  try {
    for (const [i, data] of crops.entries()) {
      signal.throwIfAborted()
      // A fixed batch is filled with the same crop, which changes no range.
      for (let at = 0; at < pixels.length; at += data.length)
        preprocess({ ...manifest.input, data }, manifest.input, pixels.subarray(at, at + data.length))
      const found = await session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', pixels, dims) })
      for (const [value, { min, max }] of outputs) widen(ranges, value, scalar(found[min]), scalar(found[max]))
      onProgress(i + 1, crops.length)
    }
  } finally {
    await session.release()
  }
  return ranges
}

const scalar = (tensor: ort.Tensor | undefined): number => Number(tensor?.data[0])

function widen(ranges: Map<string, ValueRange>, value: string, min: number, max: number): void {
  const before = ranges.get(value)
  ranges.set(value, before ? { min: Math.min(before.min, min), max: Math.max(before.max, max) } : { min, max })
}
