import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { InputError, UsageError } from '../../core/errors.js'
import type { ModelInput } from '../../lib/model/manifest.js'
import { batchDims, preprocess } from '../../lib/model/preprocess.js'
import { encodeModel, halfOf, numberOfHalf, type OnnxModel } from '../../lib/onnx/index.js'
import { openSession } from '../../lib/ort/provider.js'
import type { ProviderName } from '../../lib/ort/provider-names.js'
import type { CacheForm } from '../choices.js'
import { viewOf } from '../crops.js'
import { studyDiskError, writeAll } from '../files.js'

const forms: Readonly<Record<CacheForm, { bytes: number; ending: string }>> = {
  float32: { bytes: 4, ending: '.f32' },
  float16: { bytes: 2, ending: '.f16' }
}
/** The bits of a half that is infinite, without its sign. */
const infinity = 0x7c00

/** Crops in one forward pass; more gain nothing on a processor and take memory. */
export const extractionBatch = 8

export interface FeatureOptions {
  /** The data set's folder. */
  folder: string
  /** Paths of the crops in it. */
  crops: readonly string[]
  /** Views of each crop: the crop, its mirror image, then others that are shifted and lit differently. */
  views: number
  input: ModelInput
  /** Where the cache lies. */
  cache: string
  form: CacheForm
  /** What the features depend on beside the crops: the frozen part of the model. */
  key: string
  provider: ProviderName
  threads: number
  onProgress: (done: number, total: number) => void
  signal: AbortSignal
}

/** The features of all views of all crops, in a file: row `crop · views + view`. */
export class Features {
  private constructor(
    private readonly file: FileHandle,
    private readonly form: CacheForm,
    /** Numbers in a row. */
    readonly size: number,
    readonly views: number
  ) {}

  /**
   * Opens the features in the cache, and computes those that it lacks by ONNX Runtime; a run that was killed goes on behind the
   * last whole batch.
   * @throws InputError for a crop that cannot be read, DiskError, the signal's reason
   */
  static async open(frozen: OnnxModel | null, size: number, options: FeatureOptions): Promise<Features> {
    const { cache, crops, views, form, signal } = options
    await mkdir(cache, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw studyDiskError(error, cache)
    })
    const path = join(cache, `${nameOf(size, options)}${forms[form].ending}`)
    const file = await open(path, 'a+').catch((error: unknown) => {
      throw studyDiskError(error, path)
    })
    try {
      const rowBytes = forms[form].bytes * size
      const rows = Math.floor((await file.stat()).size / rowBytes)
      if (rows < crops.length * views) {
        // A disk that was full leaves a part of a batch. The same batches give the same bits: a smaller one may be added up in another order.
        const done = rows - (rows % extractionBatch)
        await file.truncate(done * rowBytes)
        await extract(frozen, file, done, size, options)
      }
      signal.throwIfAborted()
      return new Features(file, form, size, views)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Reads rows into `out`, one after the other. */
  async read(rows: readonly number[], out: Float32Array): Promise<void> {
    const length = this.size * forms[this.form].bytes
    // Halves go into the end of the memory that their numbers will fill: each is read before something is written over it.
    const start = out.byteOffset + rows.length * (4 * this.size - length)
    const bytes = new Uint8Array(out.buffer, start, rows.length * length)
    await Promise.all(rows.map((row, i) => this.file.read(bytes, i * length, length, row * length)))
    if (this.form === 'float16') widen(new Uint16Array(out.buffer, start, rows.length * this.size), out)
  }

  async close(): Promise<void> {
    await this.file.close()
  }
}

/** Differs as soon as anything does that the features depend on. */
function nameOf(size: number, { key, form, input, views, crops }: FeatureOptions): string {
  const hash = createHash('sha256').update(JSON.stringify({ key, form, input, views, size }))
  for (const crop of crops) hash.update(crop).update('\0')
  return hash.digest('hex').slice(0, 16)
}

async function extract(
  frozen: OnnxModel | null,
  file: FileHandle,
  done: number,
  size: number,
  options: FeatureOptions
): Promise<void> {
  const { crops, views, input, provider, threads, onProgress, signal } = options
  const session = frozen ? await openSession(encodeModel(frozen), { provider, threads, mapped: true }) : null
  try {
    const total = crops.length * views
    // The next batch is decoded while this one is computed.
    let next = picturesOf(done, Math.min(total, done + extractionBatch), options)
    for (let from = done; from < total; from += extractionBatch) {
      signal.throwIfAborted()
      const data = await next
      const count = data.length / (3 * input.width * input.height)
      next = picturesOf(from + extractionBatch, Math.min(total, from + 2 * extractionBatch), options)
      next.catch(() => undefined)
      const features = session ? await run(session, data, batchDims(input, count)) : data
      if (features.length !== count * size)
        throw new InputError('PL-STUDY-DATA', 'the base model gives features of another size than it says', options.key)
      await append(file, options.form === 'float16' ? halvesOf(features) : features, options.cache)
      onProgress(from + count, total)
    }
  } finally {
    await session?.release()
  }
}

async function run(session: InferenceSession, data: Float32Array, dims: number[]): Promise<Float32Array> {
  const result = await session.run({ [session.inputNames[0]!]: new Tensor('float32', data, dims) })
  return result[session.outputNames[0]!]!.data as Float32Array
}

async function append(
  file: FileHandle,
  { buffer, byteOffset, byteLength }: Float32Array | Uint16Array,
  cache: string
): Promise<void> {
  await writeAll(file, new Uint8Array(buffer, byteOffset, byteLength)).catch((error: unknown) => {
    throw studyDiskError(error, cache)
  })
}

/** Views `from` to before `to` as the model's input. */
async function picturesOf(from: number, to: number, options: FeatureOptions): Promise<Float32Array> {
  const { folder, crops, views, input } = options
  const size = 3 * input.width * input.height
  const data = new Float32Array(Math.max(0, to - from) * size)
  await Promise.all(
    Array.from({ length: Math.max(0, to - from) }, async (_, i) => {
      const [crop, view] = [Math.floor((from + i) / views), (from + i) % views]
      const pixels = await viewOf(join(folder, crops[crop]!), view, crop, input)
      preprocess(
        { width: input.width, height: input.height, data: pixels },
        input,
        data.subarray(i * size, (i + 1) * size)
      )
    })
  )
  return data
}

/** @throws UsageError where a number is beyond what float16 has */
function halvesOf(features: Float32Array): Uint16Array {
  const halves = Uint16Array.from(features, halfOf)
  const beyond = features.find((value, i) => (halves[i]! & 0x7fff) === infinity && Number.isFinite(value))
  if (beyond === undefined) return halves
  const what = `a feature of the base is ${beyond.toPrecision(3)}, and float16 ends at 65504`
  throw new UsageError('PL-OPTION-VALUE', what, '--cache', { fix: 'Give --cache float32, and another --out.' })
}

/** The number of each half, once they are needed. */
let numbers: Float32Array | undefined

/** @param out may end in the halves' own memory */
function widen(halves: Uint16Array, out: Float32Array): void {
  numbers ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => numberOfHalf(bits))
  for (let i = 0; i < halves.length; i++) out[i] = numbers[halves[i]!]!
}

/** Bytes that the cache of features will take. */
export const cacheBytes = (crops: number, views: number, size: number, form: CacheForm): number =>
  crops * views * size * forms[form].bytes
