import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { packageRoot } from '../../../src/core/version.js'
import { patience } from '../../support/slowness.js'
import { backup, leftovers, makeBox, restore, stateOf, temporaryFolder } from './rig.js'

/** Kills its process at the n-th synchronous change of a name: those of the exchange. */
const killAt = (n: number): string =>
  `data:text/javascript,${encodeURIComponent(`
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    let left = ${n}
    for (const name of ['renameSync', 'linkSync']) {
      const real = fs[name]
      fs[name] = (...args) => {
        if (left-- === 0) process.kill(process.pid, 'SIGKILL')
        return real(...args)
      }
    }
    syncBuiltinESMExports()`)}`

it(
  'a restore that is killed at any of its steps leaves the old state or, once completed, the new one',
  async () => {
    const folder = await temporaryFolder()
    const saved = await makeBox(join(folder, 'saved'), 'saved')
    const file = join(folder, 'saved.tar.gz')
    await backup(file, saved)
    const other = await makeBox(join(folder, 'other'), 'other')
    const oldFile = join(folder, 'old.tar.gz')
    await backup(oldFile, other)
    const [before, after] = [await stateOf(other), await stateOf(saved)]
    const ends: string[] = []
    for (let n = 0, killed = true; killed; n++) {
      const words = ['--import', killAt(n), join(packageRoot, 'dist/main.js'), 'restore', file, '--config', other]
      const { signal, status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
      killed = signal === 'SIGKILL'
      if (!killed) expect(status, stderr).toBe(0)
      // Only where the journal is there is there something to complete.
      await restore(undefined, other).catch((error: { code?: string }) =>
        expect(error.code).toBe('PL-RESTORE-UNREADABLE')
      )
      const state = await stateOf(other)
      const isNew = readFileSync(other, 'utf8').includes('device: saved')
      expect(state, `killed at step ${n}`).toEqual(isNew ? after : before)
      ends.push(isNew ? 'new' : 'old')
      // What a killed one has left does not keep the next one from its work.
      await restore(oldFile, other)
      expect(await stateOf(other)).toEqual(before)
      expect(leftovers(other)).toEqual([])
    }
    expect(ends.length).toBeGreaterThan(8)
    expect(new Set(ends)).toEqual(new Set(['old', 'new']))
  },
  patience(120_000)
)

it(
  'on a full disk a backup leaves no file, and a restore leaves what was there, with one sentence each',
  async () => {
    const folder = await temporaryFolder()
    const saved = await makeBox(join(folder, 'saved'), 'saved')
    const other = await makeBox(join(folder, 'other'), 'other')
    const [file, none] = [join(folder, 'saved.tar.gz'), join(folder, 'none.tar.gz')]
    await backup(file, saved)
    const before = await stateOf(other)
    // A file of more than so many KiB cannot be written: EFBIG, as ENOSPC on a full disk.
    const limited = (kib: number, ...words: string[]) =>
      spawnSync(
        'bash',
        ['-c', `ulimit -f ${kib}; exec "$0" "$@"`, process.execPath, join(packageRoot, 'dist/main.js'), ...words],
        { encoding: 'utf8' }
      )
    const unsaved = limited(1, 'backup', none, '--secrets', '--models', '--config', saved)
    expect([unsaved.status, unsaved.stderr]).toEqual([1, expect.stringMatching(/^.*\[PL-BACKUP-UNWRITABLE\]\n$/)])
    expect(existsSync(none)).toBe(false)
    // The first fails while it unpacks; the second at the new outbox.
    for (const kib of [0, 1, 2]) {
      const { status, stderr } = limited(kib, 'restore', file, '--config', other)
      expect([status, stderr]).toEqual([1, expect.stringMatching(/^.*\[PL-RESTORE-DISK\]\n$/)])
      expect(await stateOf(other)).toEqual(before)
      expect(leftovers(other)).toEqual([])
    }
  },
  patience(60_000)
)
