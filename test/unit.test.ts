import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../src/core/version.js'
import { unitTests } from './unit.js'

describe('the unit tests', () => {
  it('are files that there are, each once', () => {
    expect(unitTests.filter((file) => !existsSync(join(packageRoot, file)))).toEqual([])
    expect(new Set(unitTests).size).toBe(unitTests.length)
  })

  it('can start no process, by whichever way', async () => {
    expect(execFileSync('true')).toHaveLength(0)
    await import('./support/no-processes.js')
    const { spawnSync, exec, execSync, fork, execFile } = await import('node:child_process')
    for (const start of [spawn, spawnSync, exec, execSync, fork, execFile, execFileSync])
      expect(() => (start as (file: string) => unknown)('true'), start.name).toThrow('a unit test starts no process')
  })
})
