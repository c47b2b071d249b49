import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { packageRoot } from '../../src/core/version.js'
import { temporaryFolder, write } from './install-rig.js'

const ignored = new Set(['node_modules', 'dist', '.git', 'models', 'src', 'docs'])

/** Each shell script of the repository, by its name or its first line. */
function scripts(folder = packageRoot): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ignored.has(entry.name) ? [] : scripts(path)
    return entry.isFile() && (entry.name.endsWith('.sh') || /^#!.*\b(ba)?sh\b/.test(readFileSync(path, 'utf8')))
      ? [path]
      : []
  })
}

const shellcheck = (...files: string[]) => {
  const { status, stdout, stderr, error } = spawnSync('shellcheck', ['-x', ...files], { encoding: 'utf8' })
  expect(error, 'install it: sudo apt-get install shellcheck').toBeUndefined()
  return { status, output: stdout + stderr }
}

it('shellcheck has no complaint about any shell script', () => {
  const found = scripts()
  for (const name of [
    'deploy/jetson/install.sh',
    'deploy/jetson/lib/release.sh',
    'deploy/jetson/bin/painlens',
    '.ci/run'
  ])
    expect(found).toContain(join(packageRoot, name))
  expect(shellcheck(...found)).toEqual({ status: 0, output: '' })
})

it('shellcheck reports a planted mistake', () => {
  const bad = write(join(temporaryFolder(), 'bad.sh'), '#!/bin/bash\nrm $1\n')
  expect(shellcheck(bad).output).toContain('SC2086')
})

it('every bash script stops at the first failure', () => {
  for (const file of scripts().filter((path) => readFileSync(path, 'utf8').startsWith('#!/usr/bin/env bash')))
    expect(readFileSync(file, 'utf8'), file).toMatch(/^set -euo pipefail$/m)
})
