import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../core/version.js'
import { jsonSchema } from './json-schema.js'
import { referencePage } from './reference.js'

/** What the schema says, by file of the package. */
export const generatedFiles: Readonly<Record<string, () => string>> = {
  'config/painlens.schema.json': () => `${JSON.stringify(jsonSchema, null, 2)}\n`,
  'docs/config.md': referencePage
}

/** Writes the editors' schema and the reference page. */
export async function generate(root = packageRoot): Promise<void> {
  for (const [name, text] of Object.entries(generatedFiles)) {
    const file = join(root, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text())
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await generate()
