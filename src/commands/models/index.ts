/** `painlens models list`. */
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ModelError, messageOf, printed } from '../../core/errors.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { packageRoot } from '../../core/version.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import { checkHash, type Manifest } from '../../lib/model/manifest.js'

/**
 * Lists the classifiers in the folder of models, and whether each file matches its manifest.
 * @returns 1 when one does not match, or the folder has no manifest
 */
export async function modelsListCommand(
  folder = join(packageRoot, 'models'),
  write: Write = toStdout
): Promise<number> {
  const manifests = (await filesIn(folder)).filter((file) => file.endsWith('.yaml')).sort()
  if (manifests.length === 0) {
    write(`no model manifests (*.yaml) in ${folder}\n`)
    return 1
  }
  let wrong = 0
  for (const file of manifests) {
    try {
      const manifest = await loadManifest(join(folder, file))
      if (manifest.int8) await checkHash(manifest.int8.file, manifest.int8.sha256, manifest.path)
      write(describe(manifest))
    } catch (error) {
      wrong++
      write(`${file}\n  wrong: ${printed(error)}\n`)
    }
  }
  return wrong === 0 ? 0 : 1
}

function describe(manifest: Manifest): string {
  const { name, path, file, int8, labels, alarmLabel, intendedUse, input } = manifest
  const lines = [
    `${name} (${relative(process.cwd(), path)})`,
    `  labels: ${labels.join(', ')}; alarm for ${alarmLabel}`,
    `  intended use: ${intendedUse}`,
    `  input: ${input.width}x${input.height} ${input.colour} ${input.layout}`,
    `  file: ${relative(process.cwd(), file)}, hash as in the manifest`,
    ...(int8 ? [`  int8: ${relative(process.cwd(), int8.file)}, hash as in the manifest`] : [])
  ]
  return `${lines.join('\n')}\n`
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    throw new ModelError('PL-MODEL-FOLDER', `the folder of models cannot be read (${messageOf(error)})`, folder)
  }
}
