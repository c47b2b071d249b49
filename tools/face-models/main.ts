/** Builds the face models into a folder, models/face unless one is given: node tools/dist/face-models/main.js [FOLDER] */
import { join, relative } from 'node:path'
import { messageOf } from '#painlens/core/errors.js'
import { packageRoot } from '#painlens/core/version.js'
import { type BuildProgress, buildFaceModels } from './build.js'

const states: Record<BuildProgress['state'], string> = { writing: 'written', current: 'there already, and right' }

try {
  await buildFaceModels({
    outDir: process.argv[2] ?? join(packageRoot, 'models/face'),
    onProgress: ({ file, state }) => process.stdout.write(`${relative(process.cwd(), file)}: ${states[state]}\n`)
  })
} catch (error) {
  process.stderr.write(`face models: ${messageOf(error)}\n`)
  process.exitCode = 1
}
