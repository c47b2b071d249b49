/** `npm run hooks` in a repository of its own. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../src/core/version.js'

/** A repository with a changed file, in which `npx` says what it is asked for and ends with that. */
function repository(npxEndsWith: number) {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-hooks-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'npx'), `#!/bin/sh\necho "npx $*"\nexit ${npxEndsWith}\n`, { mode: 0o755 })
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}`, HOME: folder }
  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' })
    return { status, said: stdout + stderr }
  }
  execFileSync('git', ['init', '-q'], { cwd: folder })
  writeFileSync(join(folder, 'a.ts'), 'export const a = 1\n')
  run('git', 'add', 'a.ts')
  return {
    hook: join(folder, '.git/hooks/pre-commit'),
    hooks: (...args: string[]) => run(process.execPath, join(packageRoot, 'scripts/hooks.mjs'), ...args),
    commit: () => run('git', '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-m', 'a')
  }
}

it('npm run hooks installs a hook that lints what is being committed, and a commit with faults is refused', () => {
  const { hooks, commit } = repository(1)
  expect(hooks()).toMatchObject({ status: 0, said: expect.stringContaining('lints before each commit') as string })
  const refused = commit()
  expect(refused.said).toMatch(/npx --no-install biome check --staged --error-on-warnings/)
  expect(refused.status).toBe(1)
})

it('npm run hooks lets a commit without faults through, and --remove takes the hook away', () => {
  const { hook, hooks, commit } = repository(0)
  hooks()
  expect(commit().status).toBe(0)
  expect(hooks('--remove').status).toBe(0)
  expect(existsSync(hook)).toBe(false)
})

it('npm run hooks leaves the hook of another program alone, also with --remove', () => {
  const { hook, hooks } = repository(0)
  writeFileSync(hook, '#!/bin/sh\nexit 0\n')
  expect(hooks()).toMatchObject({ status: 1, said: expect.stringContaining('is another hook') as string })
  hooks('--remove')
  expect(readFileSync(hook, 'utf8')).toBe('#!/bin/sh\nexit 0\n')
})
