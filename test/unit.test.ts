import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../src/core/version.js'
import { slowest } from './order.js'
import { unitTests } from './unit.js'

it.each([
  ['unit tests', unitTests],
  ['slowest files', slowest]
])('the list of %s has files that exist, each once', (_, files) => {
  expect(files.filter((file) => !existsSync(join(packageRoot, file)))).toEqual([])
  expect(new Set(files).size).toBe(files.length)
})

describe('the unit tests', () => {
  it('cannot start a process, with any function of Node.js', async () => {
    expect(execFileSync('true')).toHaveLength(0)
    await import('./support/no-processes.js')
    const { spawnSync, exec, execSync, fork, execFile } = await import('node:child_process')
    for (const start of [spawn, spawnSync, exec, execSync, fork, execFile, execFileSync])
      expect(() => (start as (file: string) => unknown)('true'), start.name).toThrow('a unit test starts no process')
  })
})
