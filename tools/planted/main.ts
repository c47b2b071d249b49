/**
 * `npm run planted`: what docs/develop/changes.md says is true. Each change is planted in its first place only, in a copy of the
 * repository; the type check and the quick tests have to name every other place. `-- composite metric`: those whose name holds a word.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '#painlens/core/version.js'
import { copyOfRepository } from '../repository-copy.js'
import { type Plant, plants, quickTests } from './plants.js'

/** Without the build: what is planted need not compile. */
const vitestConfig = `import { defineConfig } from 'vitest/config'
export default defineConfig({
  resolve: { alias: [{ find: /^#painlens\\/(.*)\\.js$/, replacement: import.meta.dirname + '/src/$1.ts' }] },
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000 }
})
`

/** What a program of node_modules says, and how long it takes. */
async function run(
  folder: string,
  script: string,
  args: readonly string[]
): Promise<{ text: string; seconds: number }> {
  const startedAt = performance.now()
  const env = { ...process.env, NO_COLOR: '1' }
  const child = spawn(process.execPath, [join('node_modules', script), ...args], { cwd: folder, env })
  const end = (): void => void child.kill()
  process.once('exit', end)
  const said: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk))
  await once(child, 'close')
  process.removeListener('exit', end)
  return { text: Buffer.concat(said).toString(), seconds: (performance.now() - startedAt) / 1000 }
}

/** @returns the places that nothing named */
async function tryPlant(folder: string, { what, edits, byCompiler, byTests }: Plant): Promise<string[]> {
  const before = new Map(edits.map(({ file }) => [file, readIfThere(join(folder, file))]))
  for (const { file, change } of edits) writeFileSync(join(folder, file), change(before.get(file) ?? ''))
  try {
    const compiler = await run(folder, 'typescript/bin/tsc', ['-p', 'test'])
    const tests = await run(folder, 'vitest/vitest.mjs', ['run', '--root', folder, ...quickTests])
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
const clean = await run(folder, 'typescript/bin/tsc', ['-p', 'test'])
const sound = await run(folder, 'vitest/vitest.mjs', ['run', '--root', folder, ...quickTests])
process.stdout.write(`without a plant: compiler ${clean.seconds.toFixed(1)} s, tests ${sound.seconds.toFixed(1)} s\n`)
if (/error TS|FAIL/.test(clean.text + sound.text))
  throw new Error(`nothing is planted yet:\n${clean.text}${sound.text}`)
const missed: string[] = []
const words = process.argv.slice(2)
const asked = plants.filter(({ what }) => words.length === 0 || words.some((word) => what.includes(word)))
for (const plant of asked) missed.push(...(await tryPlant(folder, plant)))
process.exitCode = missed.length === 0 ? 0 : 1
