/** `painlens provider install`, `status` and `rollback`: which build of ONNX Runtime inference runs on. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openConfig } from '../../config/index.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { packageRoot } from '../../core/version.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import { asItCame, damagedFiles, installArchive, readMarker, rollBack } from '../../provider/change.js'
import { describeBuild } from '../../provider/manifest.js'
import { type Place, providerPlace } from '../../provider/place.js'

/** What to prove a build with. */
export interface ModelChoice {
  /** The manifest of the classifier. */
  model?: string
  /** Or the config that names it. */
  config?: string
}

export interface ProviderInstallOptions extends ModelChoice {
  archive: string
  /** `--no-proof`: false where the provider cannot be tried, such as without a GPU. */
  proof: boolean
}

const restart = 'A painlens that runs keeps what it has loaded: sudo systemctl restart painlens'

/**
 * Puts an archive of deploy/jetson/onnxruntime/build.sh in place of onnxruntime-node's own build, if the classifier runs on it.
 * @throws what `installArchive`, `loadManifest` and `openConfig` throw
 */
export async function providerInstallCommand(
  options: ProviderInstallOptions,
  signal: AbortSignal,
  write: Write = toStdout
): Promise<number> {
  const model = options.proof ? await modelOf(options) : null
  const say = (line: string): void => write(`${line}\n`)
  return ended(signal, say, async () => {
    const changed = await installArchive(resolve(options.archive), { model, say, signal })
    say(changed ? 'It is in place. The build before is kept: painlens provider rollback' : 'It was in place already.')
    if (changed) say(restart)
  })
}

/** Brings back the build before the last change. */
export async function providerRollbackCommand(
  options: ModelChoice,
  signal: AbortSignal,
  write: Write = toStdout
): Promise<number> {
  const model = await modelOf(options)
  const say = (line: string): void => write(`${line}\n`)
  return ended(signal, say, async () => {
    await rollBack({ model, say, signal })
    say('It is in place again. What it replaced is kept: painlens provider rollback')
    say(restart)
  })
}

/**
 * Says which build is in place, which is kept, and whether the files are whole.
 * @returns 1 when they are not, or a change is under way
 */
export async function providerStatusCommand(write: Write = toStdout, place: Place = providerPlace()): Promise<number> {
  const whole = await describe('in place', place.current, place, write)
  if (existsSync(place.previous)) await describe('kept', place.previous, place, write)
  const changing = existsSync(place.journal)
  if (changing)
    write('A change is under way, or was cut short: run this with sudo when no other painlens provider runs.\n')
  return whole && !changing ? 0 : 1
}

async function describe(what: string, folder: string, place: Place, write: Write): Promise<boolean> {
  const marker = readMarker(folder)
  const damaged = marker ? await damagedFiles(folder, marker) : []
  write(`${what}: ${marker ? `${describeBuild(marker)}; installed ${marker.installed}` : asItCame(place)}\n`)
  write(`  ${folder}\n`)
  if (damaged.length > 0) write(`  damaged: ${damaged.join(', ')}; install the archive again\n`)
  return damaged.length === 0
}

/** Ctrl-C is no error: what was begun has been undone. */
async function ended(signal: AbortSignal, say: (line: string) => void, act: () => Promise<void>): Promise<number> {
  try {
    await act()
    return 0
  } catch (error) {
    if (!signal.aborted) throw error
    say('Stopped; nothing was changed.')
    return 1
  }
}

/** Looked at before anything is touched. */
async function modelOf({ model, config }: ModelChoice): Promise<string> {
  const named = model ?? (config && (await openConfig(config, { needsPasswords: false })).config.model.manifest)
  return (await loadManifest(named ?? join(packageRoot, 'models/pain-demo.yaml'))).path
}
