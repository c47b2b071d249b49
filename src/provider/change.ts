/** Replaces the build of ONNX Runtime that onnxruntime-node loads, if the new one is proved; the old one is kept. */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { DiskError, messageOf, ProviderError } from '../core/errors.js'
import { sha256Of } from '../lib/model/manifest.js'
import type { ProviderName } from '../lib/ort/provider-names.js'
import { beginChange, exchange, keepChange, undoChange } from './journal.js'
import { type ArchiveManifest, describeBuild, type Marker, parseMarker } from './manifest.js'
import { type Place, providerPlace } from './place.js'
import type { ProvedRun } from './proof-process.js'
import { type Blame, compareOutputs, runProof } from './prove.js'
import { markerName, readArchiveManifest, unpack } from './unpack.js'

export interface ChangeOptions {
  /** The manifest of the classifier that the new build has to run; null to skip the proof, as while an image is built. */
  model: string | null
  /** onnxruntime-node's native files; painlens's own unless given. */
  place?: Place
  /** Called with each step, one line at a time. */
  say: (line: string) => void
  signal?: AbortSignal
}

/**
 * Replaces the files that onnxruntime-node loads by an archive's. They are proved where they are unpacked, so that an
 * unproved build is never in place, and again in place, as painlens will load them.
 * @returns false if the archive's files are in place already (they are proved again)
 * @throws InputError (the archive), ProviderError (it does not work here, or there is another change), DiskError
 *   (no room, no permission), without a change
 */
export async function installArchive(archive: string, options: ChangeOptions): Promise<boolean> {
  const { place = providerPlace(), signal, say } = options
  const manifest = await readArchiveManifest(archive, place, signal)
  say(describeBuild(manifest))
  const blame = { where: archive, fix: remedyFor(manifest) }
  if (await isInPlace(manifest, place)) {
    await proveRuns(place.current, manifest.providers, null, { ...options, blame })
    return false
  }
  await change(place, 'archive', { ...options, blame }, async () => {
    say('unpacking')
    await unpack(archive, place, manifest, signal)
    return manifest.providers
  })
  return true
}

/**
 * Restores the build before the last change, proved likewise; the current one is kept in its stead.
 * @throws ProviderError (no build is kept, or it no longer works), DiskError, without a change
 */
export async function rollBack(options: ChangeOptions): Promise<void> {
  const { place = providerPlace(), say } = options
  if (!existsSync(place.previous))
    throw new ProviderError('PL-INSTALL-NO-PREVIOUS', 'no build before this one is kept', place.previous)
  const marker = readMarker(place.previous)
  say(marker ? describeBuild(marker) : asItCame(place))
  const blame = {
    where: place.previous,
    fix: 'The build that was there stays in place. Install the archive that you want instead.'
  }
  await change(place, 'previous', { ...options, blame }, async () => {
    renameSync(place.previous, place.staged)
    return marker?.providers ?? ['cpu']
  })
}

type Proving = ChangeOptions & { blame: Blame }

async function change(
  place: Place,
  from: 'archive' | 'previous',
  options: Proving,
  stage: () => Promise<readonly ProviderName[]>
): Promise<void> {
  begin(place, from)
  try {
    const providers = await stage()
    const reference = await referenceRun(place, options)
    options.say(options.model === null ? 'not proved here; painlens proves it at each start' : 'proving it')
    await proveRuns(place.staged, providers, reference, options)
    exchange(place)
    await proveRuns(place.current, providers, reference, { ...options, say: () => undefined })
    keepChange(place)
  } catch (error) {
    undoChange(place)
    throw explained(error, place)
  }
}

function begin(place: Place, from: 'archive' | 'previous'): void {
  let begun: boolean
  try {
    begun = beginChange(place, from)
  } catch (error) {
    throw explained(error, place)
  }
  if (!begun)
    throw new ProviderError(
      'PL-INSTALL-BUSY',
      'another painlens is changing the provider, or has left a change that this user cannot undo',
      place.journal
    )
}

/** A refusal of the system as a sentence. */
function explained(error: unknown, place: Place): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (!code || !syscall) return error
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
  return denied
    ? new DiskError('PL-INSTALL-PERMISSION', `this user may not change it (${code})`, place.folder)
    : new DiskError('PL-INSTALL-DISK', `it cannot be changed (${messageOf(error)})`, place.folder)
}

/** The CPU's outputs by the current build, which has been proved; null if it is broken. */
async function referenceRun(place: Place, { model, blame, signal }: Proving): Promise<ProvedRun | null> {
  if (model === null) return null
  try {
    const [run] = await runProof({ ...where(place.current), model, providers: ['cpu'] }, { blame, signal })
    return run!
  } catch (error) {
    if (error instanceof ProviderError && error.code !== 'PL-INSTALL-CONFINED') return null
    throw error
  }
}

/** Runs an inference on each provider, and compares it with the CPU's of the previous build and of this one. */
async function proveRuns(
  folder: string,
  providers: readonly ProviderName[],
  reference: ProvedRun | null,
  { model, blame, say, signal }: Proving
): Promise<void> {
  if (model === null) return
  const others = providers.filter((provider) => provider !== 'cpu')
  const request = { ...where(folder), model, providers: ['cpu', ...others] as const }
  const [cpu, ...rest] = await runProof(request, { blame, signal, say })
  for (const run of [cpu!, ...rest]) {
    const difference = compareOutputs(run, reference ?? cpu!, blame)
    const nodes = Object.entries(run.nodes).map(([name, count]) => `${count} on ${name}`)
    const shown = difference === 0 ? 'outputs as before' : `outputs within ${difference.toExponential(1)} of the CPU's`
    say(`${run.provider}: nodes ${nodes.join(', ')}; ${shown}; ${run.milliseconds.toFixed(1)} ms`)
  }
}

/** For the folder that onnxruntime-node loads from, its own search for the files is proved too. */
const where = (folder: string) => ({ folder, redirect: folder !== providerPlace().current })

function remedyFor({ cuda, cudnn, tensorrt, jetpack }: ArchiveManifest): string {
  const kept = 'Nothing was changed.'
  if (!cuda) return `${kept} Build the archive again on this machine.`
  const libraries = [`CUDA ${cuda}`, cudnn && `cuDNN ${cudnn}`, tensorrt && `TensorRT ${tensorrt}`].filter(Boolean)
  const source = jetpack ? `, which come with JetPack ${jetpack} (sudo apt install nvidia-jetpack)` : ''
  return `${kept} Install ${libraries.join(' and ')}${source}, or build the archive on this machine.`
}

/** Whether onnxruntime-node loads exactly the files of a manifest, undamaged. */
async function isInPlace(manifest: ArchiveManifest, place: Place): Promise<boolean> {
  const marker = readMarker(place.current)
  if (!marker || JSON.stringify(marker.files) !== JSON.stringify(manifest.files)) return false
  return (await damagedFiles(place.current, marker)).length === 0
}

/** The files that differ from the marker beside them. */
export async function damagedFiles(folder: string, marker: Marker): Promise<string[]> {
  const damaged: string[] = []
  for (const [name, { sha256 }] of Object.entries(marker.files))
    if ((await sha256Of(join(folder, name)).catch(() => null)) !== sha256) damaged.push(name)
  return damaged
}

/** @returns null for onnxruntime-node's own build */
export function readMarker(folder: string): Marker | null {
  try {
    return parseMarker(readFileSync(join(folder, markerName), 'utf8'))
  } catch {
    return null
  }
}

export const asItCame = ({ version }: Place): string => `ONNX Runtime ${version} as onnxruntime-node brings it`
