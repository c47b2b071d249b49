import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ModelError, messageOf } from '../../core/errors.js'
import type { Head, InputType } from '../onnx/index.js'

/** How a crop becomes the model's input: x = (value - mean) * scale, value 0..255, mean in the order of `colour`. */
export interface ModelInput {
  layout: 'nchw' | 'nhwc'
  width: number
  height: number
  colour: 'bgr' | 'rgb'
  mean: [number, number, number]
  scale: number
}

export interface Manifest {
  name: string
  /** The manifest itself, absolute. */
  path: string
  /** The ONNX file, absolute. */
  file: string
  sha256: string
  labels: string[]
  alarmLabel: string
  /** Index of the alarm label. */
  alarmIndex: number
  licence: string
  input: ModelInput
  alignment: { eyeDistance: number; eyeY: number }
  /** How the outputs are to be read, where the graph does not say. */
  head: Head | 'auto'
  /** The output that holds the scores, where the model has several. */
  output?: string
  /** Its twin in 8 bits, if there is one; absolute. Whether it is the file with that SHA-256, who opens it checks. */
  int8?: { file: string; sha256: string }
  intendedUse: string
  /** True for `intended_use: demonstration`; shown in every alarm. */
  demonstration: boolean
  temperature: number
  /**
   * Median and spread of each label's output on neutral faces, float32, before softmax and temperature; null where that was not
   * measured. A spread is 1.4826 times the median absolute deviation: of normal numbers the standard deviation.
   */
  resting: Record<string, [median: number, spread: number]> | null
  metrics: Record<string, unknown>
}

/**
 * Holds a loaded model's shapes against its manifest.
 * @param inputDims the model's input, symbolic dims as null
 * @param outputs   how many scores it gives for each crop; null where that is not known
 * @throws ModelError when the input's size or the number of classes differ
 */
export function checkShapes(manifest: Manifest, inputDims: readonly (number | null)[], outputs: number | null): void {
  const { layout, width, height } = manifest.input
  const wanted = layout === 'nchw' ? [null, 3, height, width] : [null, height, width, 3]
  const fits =
    inputDims.length === 4 && wanted.every((dim, i) => dim === null || inputDims[i] === null || inputDims[i] === dim)
  if (!fits)
    throw new ModelError(
      'PL-MODEL-INPUT',
      `the manifest says input ${layout} [${wanted.map(shown).join(', ')}], the model takes [${inputDims.map(shown).join(', ')}]`,
      manifest.file,
      { fix: `Correct input in ${manifest.path}.` }
    )
  if (outputs !== null) checkLabels(manifest, outputs)
}

/** @throws ModelError where the model takes pixels as they are, and the manifest says that they are shifted or scaled */
export function checkInputType({ input, file, path }: Manifest, type: InputType): void {
  if (type !== 'uint8' || (input.scale === 1 && input.mean.every((each) => each === 0))) return
  throw new ModelError('PL-MODEL-INPUT', 'its input is uint8, which holds no shifted or scaled pixels', file, {
    fix: `Set mean to [0, 0, 0] and scale to 1 in ${path}, if the model shifts and scales by itself; else export it with a float32 input.`
  })
}

/** A single output is the score of the first of two labels, and that one is the alarm's. */
function checkLabels({ labels, alarmIndex, file, path }: Manifest, outputs: number): void {
  const single = outputs === 1 && labels.length === 2
  if (single ? alarmIndex === 0 : outputs === labels.length) return
  throw new ModelError(
    'PL-MODEL-LABELS',
    `the manifest has ${labels.length} labels (${labels.join(', ')}), the model ${outputs} output${outputs === 1 ? '' : 's'}`,
    file,
    {
      fix:
        outputs === 1
          ? `Give two labels in ${path}, the alarm label first: the single output is taken for its score.`
          : `Correct labels in ${path}, in the order of the model's outputs.`
    }
  )
}

/** Dims as a model declares them, its free ones as null. */
export function declaredDims(dims: readonly (number | string)[]): (number | null)[] {
  return dims.map((dim) => (typeof dim === 'number' && dim > 0 ? dim : null))
}

const shown = (dim: number | null): string => (dim === null ? 'batch' : String(dim))

/** @throws ModelError when the file is not the one that a manifest speaks of */
export async function checkHash(file: string, expected: string, manifest: string): Promise<void> {
  const found = await sha256Of(file)
  if (found !== expected)
    throw new ModelError('PL-MODEL-HASH', `its SHA-256 is ${found}, the manifest ${manifest} says ${expected}`, file)
}

/**
 * SHA-256 of a file in hexadecimal, read in pieces.
 * @throws ModelError when it cannot be read
 */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    // A device or a pipe may have no end.
    if (!(await stat(file)).isFile()) throw unreadable(file, 'it is no file')
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  } catch (error) {
    throw error instanceof ModelError ? error : unreadable(file, messageOf(error))
  }
  return hash.digest('hex')
}

const unreadable = (file: string, why: string): ModelError =>
  new ModelError('PL-MODEL-UNREADABLE', `the model cannot be read (${why})`, file)
