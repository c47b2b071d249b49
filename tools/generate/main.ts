/** `npm run generate`: writes every file that says in another form what the code says. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { packageRoot } from '#painlens/core/version.js'
import { generatedFiles } from './files.js'

for (const [name, text] of Object.entries(generatedFiles)) {
  const file = join(packageRoot, name)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text())
}
