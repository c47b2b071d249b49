/** The lock of a folder for results, as a kill or a power cut leaves it. */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { birthOf } from '../../src/core/processes.js'
import { claimFolder } from '../../src/study/files.js'

let folder: string
let lock: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-claim-'))
  lock = join(folder, '.running')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const own = `${process.pid} ${birthOf(process.pid)}`

describe('the lock of a folder', () => {
  it('keeps others out until it is released', async () => {
    const claim = await claimFolder(folder)
    expect(readFileSync(lock, 'utf8')).toBe(own)
    await expect(claimFolder(folder)).rejects.toMatchObject({
      code: 'PL-STUDY-FOLDER',
      what: `painlens study is at work in it already (process ${process.pid})`
    })
    await claim.release()
    expect(existsSync(lock)).toBe(false)
  })

  it.each([
    ['of an earlier boot', () => own.replace(/ .* /, ' 7c2f3e9a-0000-4000-8000-000000000000 ')],
    [
      'of an earlier process with the same id, as in a container that was started again',
      () => own.replace(/\d+$/, '1')
    ],
    ['of a process that is gone', () => '4194999 x 1'],
    ['that was cut short before it had a word', () => '']
  ])('%s holds nothing', async (_, text) => {
    writeFileSync(lock, text())
    const claim = await claimFolder(folder)
    expect(readFileSync(lock, 'utf8')).toBe(own)
    await claim.release()
  })

  it.each([
    ['is gone', '4194999 x 1'],
    ['was killed before it had written a word', '']
  ])('of a process that %s is taken by one of several runs that find it', async (_, text) => {
    for (let round = 0; round < 20; round++) {
      writeFileSync(lock, text)
      const claims = await Promise.allSettled(Array.from({ length: 8 }, () => claimFolder(folder)))
      const taken = claims.flatMap((claim) => (claim.status === 'fulfilled' ? [claim.value] : []))
      expect(taken).toHaveLength(1)
      expect(readFileSync(lock, 'utf8')).toBe(own)
      await taken[0]!.release()
      expect(readdirSync(folder)).toEqual([])
    }
  })

  it('of a removal that a kill cut short holds nothing, and is removed, too', async () => {
    const stale = '4194999 x 1'
    writeFileSync(lock, stale)
    writeFileSync(`${lock}-${createHash('sha256').update(stale).digest('hex').slice(0, 16)}`, '4194998 x 1')
    const claim = await claimFolder(folder)
    expect(readdirSync(folder)).toEqual(['.running'])
    await claim.release()
  })

  it('of an earlier version, which has a process id alone, holds while a process has that id', async () => {
    writeFileSync(lock, String(process.pid))
    await expect(claimFolder(folder)).rejects.toMatchObject({ code: 'PL-STUDY-FOLDER' })
    writeFileSync(lock, '4194999')
    await (await claimFolder(folder)).release()
  })
})
