import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../src/core/version.js'
import buildFirst from './build-first.js'
import { patience } from './support/slowness.js'

const minutes = patience(60_000)

/** A checkout without dist, and without sources: the build's own files, and `paths` of this one. */
function checkout(...paths: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-build-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const path of ['package.json', 'tsconfig.json', 'tools/tsconfig.json', 'scripts', ...paths])
    cpSync(join(packageRoot, path), join(folder, path), { recursive: true })
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

const build = (folder: string) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: folder, encoding: 'utf8' })
  return { status, stderr }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

it(
  'a source that does not compile fails the build, each time, and with it every test run',
  () => {
    // A few files: the compiler takes the same way as with all of them.
    const folder = checkout()
    write(join(folder, 'src/core/version.ts'), 'export const broken: number = "x"\n')
    write(join(folder, 'src/main.ts'), "export { broken } from './core/version.js'\n")
    write(join(folder, 'tools/a.ts'), 'export const a = 1\n')
    for (let i = 0; i < 2; i++)
      expect(build(folder)).toMatchObject({ status: 1, stderr: expect.stringMatching(/version\.ts.*TS2322/) })
    const before = process.cwd()
    process.chdir(folder)
    onTestFinished(() => process.chdir(before))
    expect(buildFirst).toThrow(/TS2322/)
  },
  3 * minutes
)

it('packages that are installed are not installed again where their marker ends in a line break, as echo writes it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-setup-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const at = (path: string) => join(folder, path)
  cpSync(join(packageRoot, 'scripts/setup.mjs'), at('scripts/setup.mjs'))
  write(at('package-lock.json'), '{}\n')
  write(at('bin/npm'), '#!/bin/sh\necho "npm $1"\nexit 3\n')
  chmodSync(at('bin/npm'), 0o755)
  const setup = (marker: string) => {
    write(at('node_modules/.painlens-lock'), marker)
    const env = { ...process.env, PATH: `${at('bin')}:${process.env.PATH}` }
    const { status, stderr } = spawnSync(process.execPath, ['scripts/setup.mjs', 'packages'], {
      ...{ cwd: folder, env, encoding: 'utf8' }
    })
    return { status, stderr }
  }
  const hash = createHash('sha256').update('{}\n').digest('hex')
  for (const marker of [hash, `${hash}\n`, ` ${hash}\r\n`]) expect(setup(marker)).toEqual({ status: 0, stderr: '' })
  // What is installed is of another lock file.
  expect(setup(`${hash.replace(/./, (first) => (first === '0' ? '1' : '0'))}\n`)).toMatchObject({
    ...{ status: 1, stderr: expect.stringContaining('npm ci') as string }
  })
})

it(
  'what was compiled of a source that has gone, or moved to another folder, is gone after the next build',
  () => {
    const folder = checkout()
    const at = (path: string) => join(folder, path)
    write(at('src/old/a.ts'), 'export const a = 1\n')
    write(at('src/b.ts'), 'export const b = 1\n')
    write(at('tools/old/c.ts'), 'export const c = 1\n')
    expect(build(folder)).toEqual({ status: 0, stderr: '' })
    const outputs = ['dist/old/a.js', 'dist/old/a.d.ts', 'dist/old/a.js.map', 'tools/dist/old/c.js']
    for (const path of outputs) expect(existsSync(at(path)), path).toBe(true)
    rmSync(at('src/old'), { recursive: true })
    rmSync(at('tools/old'), { recursive: true })
    write(at('src/new/a.ts'), 'export const a = 1\n')
    write(at('tools/new/c.ts'), 'export const c = 1\n')
    expect(build(folder)).toEqual({ status: 0, stderr: '' })
    for (const path of outputs) expect(existsSync(at(path)), path).toBe(false)
    for (const path of ['dist/b.js', 'dist/new/a.js', 'tools/dist/new/c.js'])
      expect(existsSync(at(path)), path).toBe(true)
  },
  3 * minutes
)

it(
  "the page's script is made anew when a file beside its folder changes that it holds, and not for another one",
  () => {
    const web = 'src/page/web'
    const folder = checkout(`${web}/tsconfig.json`, `${web}/vite.config.mjs`)
    const at = (path: string) => join(folder, path)
    write(at('tools/a.ts'), 'export const a = 1\n')
    write(at('src/page/server.ts'), 'export const port = 1\n')
    write(at('src/page/wire.ts'), "export { title } from '../contract/title.js'\n")
    write(at('src/contract/title.ts'), "export const title = 'before'\n")
    write(at(`${web}/index.html`), '<script type="module" src="/main.ts"></script>\n')
    write(at(`${web}/main.ts`), "import { title } from '../wire.js'\ndocument.title = title\n")
    const titles = () => {
      expect(build(folder)).toEqual({ status: 0, stderr: '' })
      const assets = at('dist/page/web/assets')
      return readdirSync(assets).map((name) => /before|after|moved/.exec(readFileSync(join(assets, name), 'utf8'))?.[0])
    }
    const builtAt = () => statSync(at('dist/page/web/.built')).mtimeMs
    expect(titles()).toEqual(['before'])
    const before = builtAt()
    write(at('src/page/server.ts'), 'export const port = 2\n')
    expect(titles()).toEqual(['before'])
    expect(builtAt()).toBe(before)
    write(at('src/contract/title.ts'), "export const title = 'after'\n")
    expect(titles()).toEqual(['after'])
    rmSync(at('src/contract'), { recursive: true })
    write(at('src/core/title.ts'), "export const title = 'moved'\n")
    write(at('src/page/wire.ts'), "export { title } from '../core/title.js'\n")
    expect(titles()).toEqual(['moved'])
  },
  3 * minutes
)
