/**
 * `npm run planted`: what docs/develop/changes.md says is true. Each change is planted in its first place only, in a copy of the
 * repository; the type check and the quick tests have to name every other place.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '#painlens/core/version.js'
import { copyOfRepository } from '../repository-copy.js'
import { type Plant, plants } from './plants.js'

/** Those that name places which are no code; together they take a few seconds. */
const quickTests = ['test/config/generated', 'test/config/keys', 'test/contract/con', 'test/commands/command']

/** Without the build: what is planted need not compile. */
const vitestConfig = `import { defineConfig } from 'vitest/config'
export default defineConfig({
  resolve: { alias: [{ find: /^#painlens\\/(.*)\\.js$/, replacement: import.meta.dirname + '/src/$1.ts' }] },
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000 }
})
`

/** What a program of node_modules says, and how long it takes. */
function run(folder: string, script: string, args: readonly string[]): { text: string; seconds: number } {
  const startedAt = performance.now()
  const { stdout, stderr } = spawnSync(process.execPath, [join('node_modules', script), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' }
  })
  return { text: `${stdout}\n${stderr}`, seconds: (performance.now() - startedAt) / 1000 }
}

/** @returns the places that nothing named */
function tryPlant(folder: string, { what, edits, byCompiler, byTests }: Plant): string[] {
  const before = new Map(edits.map(({ file }) => [file, readIfThere(join(folder, file))]))
  for (const { file, change } of edits) writeFileSync(join(folder, file), change(before.get(file) ?? ''))
  try {
    const compiler = run(folder, 'typescript/bin/tsc', ['-p', 'test'])
    const tests = run(folder, 'vitest/vitest.mjs', ['run', '--root', folder, ...quickTests])
    const failures = tests.text.split('\n').filter((line) => /^\s*(FAIL|×|→|[-+] )|rror:/.test(line))
    const missed = [
      ...byCompiler.filter((place) => !compiler.text.includes(place)),
      ...byTests.filter((place) => !failures.some((line) => line.includes(place)))
    ]
    const times = `compiler ${compiler.seconds.toFixed(1)} s, tests ${tests.seconds.toFixed(1)} s`
    process.stdout.write(`${missed.length === 0 ? 'ok  ' : 'FAIL'} ${what} (${times})\n`)
    for (const place of [...byCompiler, ...byTests])
      process.stdout.write(`       ${missed.includes(place) ? 'not named' : 'named'}: ${place}\n`)
    return missed
  } finally {
    for (const [file, text] of before) {
      if (text === null) rmSync(join(folder, file), { force: true })
      else writeFileSync(join(folder, file), text)
    }
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

const folder = copyOfRepository(packageRoot)
writeFileSync(join(folder, 'vitest.config.ts'), vitestConfig)
const clean = run(folder, 'typescript/bin/tsc', ['-p', 'test'])
const sound = run(folder, 'vitest/vitest.mjs', ['run', '--root', folder, ...quickTests])
process.stdout.write(`without a plant: compiler ${clean.seconds.toFixed(1)} s, tests ${sound.seconds.toFixed(1)} s\n`)
if (/error TS|FAIL/.test(clean.text + sound.text))
  throw new Error(`nothing is planted yet:\n${clean.text}${sound.text}`)
const missed = plants.flatMap((plant) => tryPlant(folder, plant))
process.exitCode = missed.length === 0 ? 0 : 1
