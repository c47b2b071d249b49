import { type MakeDirectoryOptions, mkdtempSync, rmSync } from 'node:fs'
import type * as promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../../src/core/clock.js'
import { silentLog } from '../../../src/core/log.js'
import { openOutbox } from '../../../src/stages/outbox/index.js'
import { until } from '../../support/slowness.js'

/** What the system says of a read-only disk; a real one needs a mount. */
let isReadOnly = false
vi.mock('node:fs/promises', async (original) => {
  const own = await original<typeof promises>()
  const mkdir = async (path: string, options: MakeDirectoryOptions) => {
    if (isReadOnly) throw Object.assign(new Error('EROFS'), { code: 'EROFS' })
    return own.mkdir(path, options)
  }
  return { ...own, mkdir }
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-read-only-'))
})
afterEach(() => {
  isReadOnly = false
  rmSync(folder, { recursive: true, force: true })
})

const open = () =>
  openOutbox({
    path: join(folder, 'outbox'),
    maxMessages: 100,
    expiryMs: 3_600_000,
    log: silentLog,
    clock: systemClock,
    retryMs: 20
  })

test('an outbox that is read-only at the start takes alarms in memory, says why, and keeps them once it can be written', async () => {
  isReadOnly = true
  const outbox = await open()
  await outbox.put('alarm', { alarm_id: 'a', late: false })
  expect(outbox.stats()).toMatchObject({
    depth: 1,
    inMemory: 1,
    works: false,
    trouble: { code: 'PL-OUTBOX-READ-ONLY' }
  })
  isReadOnly = false
  await until(() => outbox.stats().inMemory === 0 && outbox.stats().works, 'the outbox writes again')
  await outbox.close()
  const again = await open()
  expect(again.stats()).toMatchObject({ depth: 1, inMemory: 0, works: true })
  await again.close()
})
