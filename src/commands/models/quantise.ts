/** `painlens models quantise MANIFEST --crops DIR`: the int8 twin of a classifier, with a manifest that names both. */
import { constants, type Stats } from 'node:fs'
import { access, type FileHandle, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, extname, join, relative, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { DiskError, InputError, ModelError, messageOf, printed, UsageError } from '../../core/errors.js'
import { writeWhole } from '../../core/file-names.js'
import { collectGarbage } from '../../core/garbage.js'
import { silentLog } from '../../core/log.js'
import { printable } from '../../core/printable.js'
import { progressLine } from '../../core/progress-line.js'
import { toStderr, toStdout } from '../../core/terminal.js'
import { proofCrops } from '../../daemon/wiring/drawn-faces.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import { type Manifest, sha256Of } from '../../lib/model/manifest.js'
import {
  type OnnxModel,
  planQuantisation,
  type QuantisePlan,
  quantiseModel,
  readModel,
  signatureOf,
  writeModel
} from '../../lib/onnx/index.js'
import { openSession } from '../../lib/ort/provider.js'
import { findPictures } from '../../lib/picture/find-pictures.js'
import { readCrop } from '../../lib/picture/read.js'
import { inWords, type PrecisionStatus, startClassifier } from '../../stages/classify/index.js'
import { calibrate } from './calibrate.js'

export interface QuantiseOptions {
  manifest: string
  crops: string | undefined
  out: string | undefined
  force: boolean | undefined
}

const usage = 'painlens models quantise'
/** More crops widen the ranges no further. */
const mostCrops = 300
const fewestCrops = 16
/** So many that cannot be read are named. */
const mostNamed = 5
/** So many of them are judged by both, at the end. */
const mostCompared = 60

/**
 * Writes the int8 file and its manifest, once it has judged crops like the float32 file.
 * @returns 0
 * @throws UsageError, InputError (no crops), ModelError (what cannot be quantised, or judges otherwise), DiskError; the signal's
 *   reason. No file is left then
 */
export async function modelsQuantiseCommand(options: QuantiseOptions, signal: AbortSignal): Promise<number> {
  const { crops: folder } = options
  if (folder === undefined)
    throw new UsageError('PL-OPTION-VALUE', '--crops DIR is missing: faces to find the ranges by', usage, {
      fix: 'See painlens models quantise --help.'
    })
  const manifest = await loadManifest(options.manifest)
  const target = await targetOf(options, manifest)
  const crops = await readCrops(folder, manifest, signal)
  const temporary = await mkdtemp(join(tmpdir(), 'painlens-quantise-'))
  try {
    const { model, plan } = await planOf(manifest, temporary)
    toStderr(`${plan.layers.size} layers in 8 bits; in float32: ${plan.left.join(', ')}\n`)
    const running = { folder: temporary, threads: availableParallelism(), signal }
    const onProgress = progressLine('crops', toStderr)
    const ranges = await calibrate({ manifest, model, plan, crops, onProgress, ...running })
    await writeModel(target.part, quantiseModel(model, plan, ranges, manifest.file))
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  try {
    const sha256 = await sha256Of(target.part)
    const both = { ...manifest, int8: { file: target.part, sha256 } }
    const found = await comparison(both, crops, signal)
    if (found.problem !== null) throw new ModelError('PL-PRECISION-DIFFERS', found.problem.message, target.file)
    // Pictures that are no faces agree on themselves; each start asks these.
    const drawn = await comparison(both, await proofCrops(manifest), signal)
    if (drawn.problem !== null)
      throw new ModelError('PL-PRECISION-DIFFERS', ofDrawn(drawn.problem.message), target.file)
    // Another run may have written there meanwhile.
    await targetOf(options, manifest)
    await writeBoth(target, manifest, sha256)
    toStdout(`${printable(target.manifest)}: ${inWords(found.compared!)}\n`)
    return 0
  } finally {
    await rm(target.part, { force: true })
  }
}

/**
 * Where both go: beside the manifest unless said otherwise. All that stands in the way is told before the work begins.
 * @throws UsageError, DiskError
 */
async function targetOf({ out, force }: QuantiseOptions, { path, file }: Manifest) {
  const target = resolve(out ?? `${path.slice(0, path.length - extname(path).length)}-int8.yaml`)
  if (!/\.ya?ml$/i.test(target))
    throw new UsageError('PL-OPTION-VALUE', `--out ${JSON.stringify(out)} does not end in .yaml`, usage, {
      fix: 'Name the new manifest; its int8 file goes beside it, with .onnx in the place of .yaml.'
    })
  const folder = dirname(target)
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new DiskError('PL-MODEL-UNWRITABLE', `nothing can be written there: ${messageOf(error)}`, folder)
  })
  const model = `${target.slice(0, target.length - extname(target).length)}.onnx`
  const sources = await Promise.all([path, file].map(statOf))
  for (const each of [target, model]) await refuseTaken(each, sources, force === true)
  // An older result stays until the new one is proved.
  return { manifest: target, file: model, part: `${model}.${process.pid}.part` }
}

/** By their inodes: another spelling of a source's path, or a link to it, is the source, too. */
async function refuseTaken(path: string, sources: readonly (Stats | null)[], force: boolean): Promise<void> {
  const found = await statOf(path)
  if (found === null) return
  const refuse = (what: string): never => {
    throw new UsageError('PL-QUANTISE-EXISTS', what, path, force ? { fix: 'Name another file with --out.' } : {})
  }
  if (sources.some((source) => source?.ino === found.ino && source.dev === found.dev)) refuse('it is what is quantised')
  if (!found.isFile()) refuse('it is no regular file')
  if (!force) refuse('there is a file already')
}

const statOf = (path: string): Promise<Stats | null> => stat(path).catch(() => null)

/** Evenly chosen among all that lie there; what cannot be read is told and left out. */
async function readCrops(folder: string, { input }: Manifest, signal: AbortSignal): Promise<Uint8Array[]> {
  const { pictures, passedOver } = await findPictures([folder], '', signal)
  const refused: Error[] = passedOver.flatMap(({ error, fails }) => (fails ? [error] : []))
  const step = Math.max(1, pictures.length / mostCrops)
  const crops: Uint8Array[] = []
  for (let at = 0; at < pictures.length; at += step) {
    try {
      crops.push((await readCrop(pictures[Math.floor(at)]!.path, input, signal)).data)
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      refused.push(error)
    }
  }
  for (const error of refused.slice(0, mostNamed)) toStderr(`painlens: ${printed(error)}\n`)
  if (refused.length > mostNamed) toStderr(`painlens: ${refused.length - mostNamed} more cannot be read.\n`)
  if (crops.length >= fewestCrops) return crops
  const found = crops.length === 0 ? 'no picture that can be read' : `only ${crops.length} pictures that can be read`
  throw new InputError('PL-QUANTISE-CROPS', `it holds ${found}, and ${fewestCrops} are needed`, printable(folder))
}

/**
 * The graph as ONNX Runtime simplifies it (constants folded, batch normalisation merged into convolutions), so that layers stand for
 * themselves; and what of it becomes 8 bits.
 */
async function planOf(manifest: Manifest, folder: string): Promise<{ model: OnnxModel; plan: QuantisePlan }> {
  const { file } = manifest
  const simplified = join(folder, 'simplified.onnx')
  const session = await openSession(file, { provider: 'cpu', threads: 1, writeBasicTo: simplified })
  await session.release()
  const model = await readModel(simplified)
  const { input, output } = signatureOf(model, manifest, file)
  if (input.type !== 'float32')
    throw new ModelError('PL-QUANTISE-MODEL', `its input is ${input.type}, not float32`, file)
  return { model, plan: planQuantisation(model, output.name, file) }
}

/** Opens both as `painlens run` does, and lets both judge some of the crops. */
async function comparison(
  manifest: Manifest,
  crops: readonly Uint8Array[],
  signal: AbortSignal
): Promise<PrecisionStatus> {
  collectGarbage()
  const step = Math.max(1, crops.length / mostCompared)
  const chosen = crops.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step))
  const precision = { choice: 'int8' as const, proofCrops: async () => [...chosen], thresholds: [] }
  const classifier = await startClassifier({ manifest, provider: 'cpu', threads: 0, precision, log: silentLog, signal })
  await classifier.stop()
  return classifier.precision
}

const ofDrawn = (message: string): string =>
  `on faces that painlens draws at each start ${message}; the crops may be other pictures than faces`

/** The int8 file, and the old manifest, comments and all, with both files. An older pair stays where there is no room. */
async function writeBoth(
  { manifest: path, file, part }: { manifest: string; file: string; part: string },
  manifest: Manifest,
  sha256: string
): Promise<void> {
  const document = parseDocument(await readFile(manifest.path, 'utf8'), { logLevel: 'error' })
  const folder = dirname(path)
  document.set('file', relative(folder, manifest.file))
  document.set('int8', { file: relative(folder, file), sha256 })
  try {
    const fill = async (written: FileHandle): Promise<void> => {
      await written.writeFile(document.toString())
      // Only now: a full disk leaves the old pair.
      await rename(part, file)
    }
    await writeWhole(path, fill, { mode: 0o644, replace: true })
  } catch (error) {
    throw new DiskError('PL-MODEL-UNWRITABLE', `the manifest could not be written: ${messageOf(error)}`, path)
  }
}
