/** `npm run dev` in a small project of its own: beside the tests of this one, its compiler would write what they run. */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../src/core/version.js'
import { descendants, isRunning } from './support/daemon.js'
import { patience, until } from './support/slowness.js'

const config = `import { defineConfig } from 'vitest/config'
const project = (name, include) => ({ test: { name, include } })
export default defineConfig({
  cacheDir: 'cache',
  test: { pool: 'forks', projects: [project('unit', ['test/*.test.ts']), project('rest', ['test/rest/*.test.ts'])] }
})
`
const options = { outDir: 'dist', rootDir: 'src', module: 'nodenext', target: 'es2022', strict: true, types: [] }
const testOf = (name: string, result: number): string => `import { expect, it } from 'vitest'
import { ${name} } from '../src/${name}.js'
it('${name} is tested', () => expect(${name}(20)).toBe(${result}))
`

/** A clean clone with two sources and a test of each. */
function project(): string {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-dev-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of ['src', 'test', 'scripts']) mkdirSync(join(folder, name))
  for (const name of ['dev.mjs', 'build.mjs']) cpSync(join(packageRoot, 'scripts', name), join(folder, 'scripts', name))
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'))
  const files = {
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({ compilerOptions: options, include: ['src'] }),
    'vitest.config.js': config,
    '.gitignore': 'node_modules\ndist\ncache\n',
    'src/half.ts': 'export const half = (x: number): number => x / 2\n',
    'src/twice.ts': 'export const twice = (x: number): number => x * 2\n',
    'test/half.test.ts': testOf('half', 10),
    'test/twice.test.ts': testOf('twice', 40)
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...args], { cwd: folder })
  git('init', '-q')
  git('add', '.')
  git('commit', '-qm', 'first')
  return folder
}

it('npm run dev greets with few lines, runs the tests of a changed file, and leaves no process after Ctrl-C', {
  timeout: patience(120_000)
}, async () => {
  const folder = project()
  // In a process group of its own, as a shell starts it.
  const child = spawn(process.execPath, ['scripts/dev.mjs'], {
    cwd: folder,
    detached: true,
    stdio: 'pipe',
    env: { ...process.env, NO_COLOR: '1' }
  })
  onTestFinished(() => {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
  })
  const ended = new Promise((done) => child.once('close', done))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const hears = (what: RegExp) =>
    until(() => what.test(said), String(what), 40_000).catch((error: Error) => {
      throw new Error(`${error.message}\n${said}`)
    })
  await hears(/Watching for file changes/)
  await hears(/No affected test files found[\s\S]*Waiting for file changes/)
  expect(said.trimEnd().split('\n').length, said).toBeLessThan(12)

  said = ''
  writeFileSync(join(folder, 'src/half.ts'), 'export const half = (x: number): number => x / 4\n')
  await hears(/half is tested[\s\S]*1 failed/)
  said = ''
  writeFileSync(join(folder, 'src/half.ts'), 'export const half = (x: number): number => x * 0.5\n')
  await hears(/Test Files +1 passed/)
  expect(said).not.toContain('twice')

  const members = [child.pid!, ...descendants(child.pid!)]
  expect(members.length).toBeGreaterThanOrEqual(3)
  process.kill(-child.pid!, 'SIGINT')
  await ended
  // The helpers of vitest end when they notice that it has gone.
  await until(() => !members.some(isRunning), 'the end of all its processes', 5000)
})
