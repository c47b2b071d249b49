import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { type Outbox, openOutbox } from '../../../src/stages/outbox/index.js'
import { clockOf } from '../../support/moments.js'

let folder: string
let outbox: Outbox | null = null
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-notes-'))
})
afterEach(async () => {
  await outbox?.close()
  outbox = null
  rmSync(folder, { recursive: true, force: true })
})

/** Opens the outbox; one that was open is closed before. */
async function open(): Promise<Outbox> {
  await outbox?.close()
  outbox = await openOutbox({
    path: folder,
    maxMessages: 1000,
    expiryMs: 3_600_000,
    log: silentLog,
    clock: clockOf(Date.now)
  })
  return outbox
}
const all = (of: Outbox, start = '') => Object.fromEntries(of.notes(start))

test('a note survives a restart, is replaced by a later one of its key, and is never sent as a message', async () => {
  const first = await open()
  await first.note({ key: 'pause/a', value: { until: 1 } })
  await first.put('alarm', { alarm_id: 'x' }, { note: { key: 'alarm/x', value: { seq: 0 } } })
  await first.note({ key: 'pause/a', value: { until: 2 } })
  await first.note({ key: 'pause/b', value: { until: 3 } })
  await first.note({ key: 'pause/b', value: null })
  const second = await open()
  expect(second.depth()).toBe(1)
  expect(all(second, 'pause/')).toEqual({ a: { until: 2 } })
  expect(all(second, 'alarm/')).toEqual({ x: { seq: 0 } })
  await second.put('alarm', { alarm_id: 'x' }, { note: { key: 'alarm/x', value: null } })
  expect(all(await open())).toEqual({ 'pause/a': { until: 2 } })
  expect((await open()).depth()).toBe(2)
})

test('a damaged note in the database is ignored', async () => {
  const database = new ClassicLevel(folder)
  await database.put('note/alarm/x', '{"torn')
  await database.put('note/alarm/y', '7')
  await database.put('note/alarm/z', 'null')
  await database.close()
  expect(all(await open())).toEqual({})
})

test('after kill -9 the database holds both a message and its note, or neither', async () => {
  for (const rounds of [5, 40, 120]) {
    const script = fileURLToPath(new URL('./put-notes-forever.mjs', import.meta.url))
    const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = new Promise((resolve) => child.once('exit', resolve))
    let lines = 0
    for await (const _ of createInterface({ input: child.stdout })) if (++lines >= rounds) child.kill('SIGKILL')
    await exited
    const after = await open()
    const last = new Map<unknown, number>()
    const abort = new AbortController()
    const draining = after.drain(async ({ payload }) => {
      last.set(payload.alarm_id, Math.max(last.get(payload.alarm_id) ?? 0, payload.seq as number))
      if (after.depth() <= 1) setTimeout(() => abort.abort(), 0)
      return 'confirmed'
    }, abort.signal)
    await draining
    expect(last.size).toBeGreaterThan(0)
    for (const [id, seq] of last) expect(after.notes('alarm/').get(String(id))).toEqual({ seq })
    await after.close()
    outbox = null
  }
})
