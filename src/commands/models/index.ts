/** `painlens models list`. */
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { openConfig } from '../../config/open.js'
import { ModelError, messageOf, printed } from '../../core/errors.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { packageRoot } from '../../core/version.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import { checkHash, type Manifest } from '../../lib/model/manifest.js'

export interface ModelsListOptions {
  /** --config: its classifier is listed, too. */
  config?: string | undefined
}

/**
 * Lists the classifiers of the installation, and the one that a config names, wherever it lies; and whether each file matches its manifest.
 * @param folder of the installation
 * @returns 1 when one does not match, or there is no manifest
 * @throws ConfigError, ModelError where a folder cannot be read
 */
export async function modelsListCommand(
  { config }: ModelsListOptions = {},
  folder = join(packageRoot, 'models'),
  write: Write = toStdout
): Promise<number> {
  const named =
    config === undefined ? null : (await openConfig(config, { needsPasswords: false })).config.model.manifest
  const manifests = await manifestsIn(folder)
  if (named !== null && !manifests.includes(named)) manifests.push(named)
  if (manifests.length === 0) {
    write(`no model manifests (*.yaml) in ${folder}\n`)
    return 1
  }
  let wrong = 0
  for (const path of manifests) {
    const isNamed = path === named
    try {
      const manifest = await loadManifest(path)
      if (manifest.int8) await checkHash(manifest.int8.file, manifest.int8.sha256, manifest.path)
      write(describe(manifest, isNamed))
    } catch (error) {
      wrong++
      write(`${relative(process.cwd(), path)}${isNamed ? namedText : ''}\n  wrong: ${printed(error)}\n`)
    }
  }
  return wrong === 0 ? 0 : 1
}

const namedText = ', which the config names'

function describe(manifest: Manifest, isNamed: boolean): string {
  const { name, path, file, int8, labels, alarmLabel, intendedUse, input } = manifest
  const lines = [
    `${name} (${relative(process.cwd(), path)})${isNamed ? namedText : ''}`,
    `  labels: ${labels.join(', ')}; alarm for ${alarmLabel}`,
    `  intended use: ${intendedUse}`,
    `  input: ${input.width}x${input.height} ${input.colour} ${input.layout}`,
    `  file: ${relative(process.cwd(), file)}, hash as in the manifest`,
    ...(int8 ? [`  int8: ${relative(process.cwd(), int8.file)}, hash as in the manifest`] : [])
  ]
  return `${lines.join('\n')}\n`
}

async function manifestsIn(folder: string): Promise<string[]> {
  try {
    const files = await readdir(folder)
    return files
      .filter((file) => file.endsWith('.yaml'))
      .sort()
      .map((file) => join(folder, file))
  } catch (error) {
    throw new ModelError('PL-MODEL-FOLDER', `the folder of models cannot be read (${messageOf(error)})`, folder)
  }
}
