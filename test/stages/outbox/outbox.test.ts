import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate as immediately, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { DiskError, NotSent } from '../../../src/core/errors.js'
import { type Log, silentLog } from '../../../src/core/log.js'
import {
  type Outbox,
  type OutboxEntry,
  type OutboxOptions,
  openOutbox,
  type Publish
} from '../../../src/stages/outbox/index.js'
import { clockOf } from '../../support/moments.js'

let folder: string
let now: number
const open: Outbox[] = []
const clock = clockOf(() => now)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-outbox-'))
  now = Date.UTC(2026, 0, 1)
})
afterEach(async () => {
  for (const outbox of open.splice(0)) await outbox.close()
  rmSync(folder, { recursive: true, force: true })
})

async function outboxAt(path: string, more: Partial<OutboxOptions> = {}): Promise<Outbox> {
  const outbox = await openOutbox({ path, maxMessages: 1000, expiryMs: 3_600_000, log: silentLog, clock, ...more })
  open.push(outbox)
  return outbox
}
const here = (more: Partial<OutboxOptions> = {}) => outboxAt(join(folder, 'outbox'), more)
async function closed(outbox: Outbox): Promise<void> {
  open.splice(open.indexOf(outbox), 1)
  await outbox.close()
}

/** Drains until the outbox is empty. */
async function drainAll(outbox: Outbox, publish?: Publish): Promise<OutboxEntry[]> {
  const sent: OutboxEntry[] = []
  const over = new AbortController()
  const draining = outbox.drain(async (entry) => {
    sent.push(entry)
    return (await publish?.(entry)) ?? 'confirmed'
  }, over.signal)
  const watch = setInterval(() => outbox.depth() === 0 && over.abort(), 2)
  await draining.finally(() => clearInterval(watch))
  return sent
}
const numbers = (sent: OutboxEntry[]) => sent.map(({ payload }) => payload.number)
/** Long enough for the outbox to read and send all that it can. */
const turn = () => sleep(50)

describe('delivery from the outbox', () => {
  test('sends the messages of each alarm once, oldest first, and removes them from disk', async () => {
    const outbox = await here()
    for (let number = 0; number < 30; number++) await outbox.put('alarm', { alarm_id: `a${number % 4}`, number })
    expect(outbox.depth()).toBe(30)
    const sent = numbers(await drainAll(outbox)) as number[]
    expect(sent.slice(0, 4)).toEqual([0, 1, 2, 3])
    expect([...sent].sort((a, b) => a - b)).toEqual([...Array(30).keys()])
    for (const alarm of [0, 1, 2, 3]) {
      const ofOne = sent.filter((number) => number % 4 === alarm)
      expect(ofOne).toEqual([...ofOne].sort((a, b) => a - b))
    }
    await closed(outbox)
    const again = await here()
    expect(again.depth()).toBe(0)
  })

  test('sends required messages first and background messages last, in order for each alarm', async () => {
    const outbox = await here()
    const put = (alarm_id: string, name: string, options: object = {}) =>
      outbox.put('alarm', { alarm_id, number: `${alarm_id} ${name}` }, options)
    for (const id of ['a', 'b']) {
      await put(id, 'start')
      await put(id, 'explanation', { expendable: true, background: true })
      await put(id, 'update', { expendable: true })
      await put(id, 'end')
    }
    await closed(outbox)
    // From an earlier run's messages, too.
    const sent = numbers(
      await drainAll(await here(), async () => {
        await turn()
        return 'confirmed'
      })
    )
    const isExplanation = (name: unknown) => String(name).endsWith('explanation')
    // Whether an update of one alarm or the end of the other comes next is a matter of which is confirmed first.
    expect(sent.slice(0, 2)).toEqual(['a start', 'b start'])
    for (const id of ['a', 'b'])
      expect(sent.filter((name) => String(name).startsWith(id) && !isExplanation(name))).toEqual([
        `${id} start`,
        `${id} update`,
        `${id} end`
      ])
    expect(sent.filter(isExplanation)).toEqual(['a explanation', 'b explanation'])
  })

  test('sends a background message after earlier ones of its alarm, without delaying later ones', async () => {
    const outbox = await here()
    const sent: unknown[] = []
    const open: (() => void)[] = []
    const over = new AbortController()
    const draining = outbox.drain(async ({ payload }) => {
      sent.push(payload.number)
      await new Promise<void>((resolve) => open.push(resolve))
      return 'confirmed'
    }, over.signal)
    await outbox.put('alarm', { alarm_id: 'a', number: 0 })
    for (const number of [1, 2]) await outbox.put('explanation', { alarm_id: 'a', number }, { background: true })
    await expect.poll(() => sent).toEqual([0])
    await turn()
    expect(sent).toEqual([0])
    open[0]!()
    await expect.poll(() => sent).toEqual([0, 1])
    await outbox.put('alarm', { alarm_id: 'a', number: 3 })
    await outbox.put('alarm', { alarm_id: 'b', number: 4 })
    await expect.poll(() => sent).toEqual([0, 1, 3, 4])
    for (const answer of open.splice(1)) answer()
    await expect.poll(() => sent).toEqual([0, 1, 3, 4, 2])
    over.abort()
    for (const answer of open) answer()
    await draining
  })

  test('does not hold a background message up behind one of another topic that the broker refuses for now', async () => {
    const outbox = await here()
    const put = (topic: string, number: number) => outbox.put(topic, { alarm_id: 'a', number }, { background: true })
    for (const [number, topic] of ['explanation', 'acknowledgement', 'explanation', 'acknowledgement'].entries())
      await put(topic, number)
    const tried: unknown[] = []
    const over = new AbortController()
    const draining = outbox.drain(async ({ topic, payload }) => {
      tried.push(payload.number)
      if (topic === 'explanation') throw new Error('refused for now')
      return 'confirmed'
    }, over.signal)
    await expect.poll(() => outbox.depth()).toBe(2)
    expect(tried).toEqual([0, 1, 3])
    over.abort()
    await draining
  })

  test('keeps a message that was never sent, after any number of lost connections', async () => {
    const outbox = await here()
    await outbox.put('alarm', { alarm_id: 'a', number: 0 }, { expendable: true })
    const neverSent = () => outbox.drain(() => Promise.reject(new NotSent('cut')), new AbortController().signal)
    for (let time = 0; time < 30; time++) await expect(neverSent()).rejects.toThrow('cut')
    expect(numbers(await drainAll(outbox))).toEqual([0])
    expect(outbox.stats().refused).toBe(0)
  })

  test("keeps the order per alarm_id for any delay of the broker's answers", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 40 }), async (messages) => {
        const path = mkdtempSync(join(folder, 'run-'))
        const outbox = await outboxAt(path)
        await Promise.all(messages.map(([id], number) => outbox.put('alarm', { alarm_id: `a${id}`, number })))
        const underWay = new Set<unknown>()
        const confirmed: OutboxEntry[] = []
        await drainAll(outbox, async (entry) => {
          const id = entry.payload.alarm_id
          expect(underWay.has(id)).toBe(false)
          underWay.add(id)
          await new Promise((resolve) => setTimeout(resolve, messages[entry.payload.number as number]?.[1]))
          underWay.delete(id)
          confirmed.push(entry)
          return 'confirmed'
        })
        for (let id = 0; id < 4; id++) {
          const expected = messages.flatMap(([of], number) => (of === id ? [number] : []))
          expect(numbers(confirmed.filter(({ payload }) => payload.alarm_id === `a${id}`))).toEqual(expected)
        }
        await closed(outbox)
      }),
      { numRuns: 15 }
    )
  })

  test('sends a message that is put at any moment after the write of the previous one', async () => {
    const outbox = await here()
    const over = new AbortController()
    const draining = outbox.drain(async () => 'confirmed', over.signal)
    for (let ticks = 0; ticks < 40; ticks++) {
      await outbox.put('alarm', { alarm_id: 'a', ticks })
      for (let tick = 0; tick < ticks; tick++) await null
    }
    while (outbox.depth() > 0) await new Promise((resolve) => setTimeout(resolve, 2))
    over.abort()
    await draining
  })

  test('sends messages that are put while it runs', async () => {
    const outbox = await here()
    const over = new AbortController()
    const sent: OutboxEntry[] = []
    const draining = outbox.drain(async (entry) => {
      sent.push(entry)
      return 'confirmed'
    }, over.signal)
    await outbox.put('alarm', { alarm_id: 'a', number: 0 })
    await outbox.put('explanation', { alarm_id: 'a', number: 1 })
    while (outbox.depth() > 0) await new Promise((resolve) => setTimeout(resolve, 2))
    over.abort()
    await draining
    expect(sent.map(({ topic, payload }) => `${topic} ${payload.number}`)).toEqual(['alarm 0', 'explanation 1'])
  })

  test('keeps unconfirmed messages, and rejects with the cause of the interruption', async () => {
    const outbox = await here()
    for (let number = 0; number < 5; number++) await outbox.put('alarm', { alarm_id: 'a', number })
    const broken = async (entry: OutboxEntry) => {
      if (entry.payload.number === 2) throw new Error('the line is cut')
      return 'confirmed' as const
    }
    await expect(outbox.drain(broken, new AbortController().signal)).rejects.toThrow('the line is cut')
    expect(outbox.depth()).toBe(3)
    expect(numbers(await drainAll(outbox))).toEqual([2, 3, 4])
  })

  test('drops a message that the broker refuses, and counts it', async () => {
    const outbox = await here()
    await outbox.put('alarm', { alarm_id: 'a', number: 0 })
    await drainAll(outbox, async () => 'refused')
    expect(outbox.stats()).toMatchObject({ depth: 0, refused: 1 })
  })
})

test('an expendable message is dropped with the tenth disconnect, not before', async () => {
  const outbox = await here()
  await outbox.put('explanation', { alarm_id: 'a' }, { expendable: true })
  const left: number[] = []
  for (let time = 0; time < 10; time++) {
    const over = new AbortController()
    const watch = setInterval(() => outbox.depth() === 0 && over.abort(), 2)
    await outbox.drain(() => Promise.reject(new Error('hung up')), over.signal).catch(() => undefined)
    clearInterval(watch)
    left.push(outbox.depth())
  }
  expect(left).toEqual([...Array<number>(9).fill(1), 0])
})

test('at most eight messages are under way at once', async () => {
  const outbox = await here()
  for (let number = 0; number < 20; number++) await outbox.put('alarm', { alarm_id: `a${number}` })
  const [underWay, most] = [new Set<() => void>(), [] as number[]]
  const over = new AbortController()
  const draining = outbox.drain(
    () =>
      new Promise((done) => {
        const confirm = () => {
          underWay.delete(confirm)
          done('confirmed')
        }
        underWay.add(confirm)
        most.push(underWay.size)
      }),
    over.signal
  )
  while (outbox.depth() > 0) {
    await turn()
    for (const confirm of underWay) confirm()
  }
  over.abort()
  await draining
  expect(Math.max(...most)).toBe(8)
})

test('a message that the broker refuses for now is sent again after five seconds, not before', async () => {
  const outbox = await here()
  await outbox.put('alarm', { alarm_id: 'a' })
  let sent = 0
  const over = new AbortController()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const draining = outbox.drain(async () => (sent++ === 0 ? 'later' : 'confirmed'), over.signal)
  // The timer of its rest.
  while (vi.getTimerCount() === 0) await immediately()
  vi.advanceTimersByTime(5000)
  await turn()
  expect(sent).toBe(1)
  vi.advanceTimersByTime(1)
  while (outbox.depth() > 0) await immediately()
  expect(sent).toBe(2)
  over.abort()
  await draining
})

test('after repeated disconnects an expendable message is dropped, a required one is kept', async () => {
  const outbox = await here()
  await outbox.put('explanation', { alarm_id: 'a', number: 0 }, { expendable: true })
  await outbox.put('alarm', { alarm_id: 'b', number: 1 })
  const hangUp = () => outbox.drain(() => Promise.reject(new Error('hung up')), new AbortController().signal)
  for (let round = 0; round < 30; round++) await hangUp().catch(() => undefined)
  expect(outbox.stats()).toMatchObject({ depth: 1, refused: 1 })
  expect(numbers(await drainAll(outbox))).toEqual([1])
})

describe('an old message in the outbox', () => {
  test('a message that waited for more than 10 s says that it is late', async () => {
    const outbox = await here()
    await outbox.put('alarm', { alarm_id: 'a', late: false })
    now += 1
    await outbox.put('alarm', { alarm_id: 'just not', late: false })
    now += 10_000
    await outbox.put('alarm', { alarm_id: 'b', late: false })
    await outbox.put('explanation', { alarm_id: 'b' })
    const sent = await drainAll(outbox)
    expect(sent.map(({ late, payload }) => [payload.alarm_id, late, payload.late])).toEqual([
      ['a', true, true],
      ['just not', false, false],
      ['b', false, false],
      ['b', false, undefined]
    ])
  })

  test('a message left by an earlier run says that it is late', async () => {
    const before = await here()
    await before.put('alarm', { alarm_id: 'a', number: 7, late: false })
    await closed(before)
    const outbox = await here()
    expect(outbox.depth()).toBe(1)
    await outbox.put('alarm', { alarm_id: 'a', number: 8, late: false })
    const sent = await drainAll(outbox)
    expect(sent.map(({ payload }) => [payload.number, payload.late])).toEqual([
      [7, true],
      [8, false]
    ])
  })

  test('an expired message is dropped, logged and counted', async () => {
    const lines: string[] = []
    const log: Log = { ...silentLog, warn: (fields, text) => void lines.push(`${text} ${JSON.stringify(fields)}`) }
    const outbox = await here({ expiryMs: 60_000, log })
    await outbox.put('alarm', { alarm_id: 'old' })
    now += 60_000
    await outbox.put('alarm', { alarm_id: 'new' })
    const sent = await drainAll(outbox)
    expect(sent.map(({ payload, expiresAt }) => [payload.alarm_id, expiresAt - now])).toEqual([['new', 60_000]])
    expect(outbox.stats().expired).toBe(1)
    expect(lines.join()).toMatch(/expired.*"alarm_id":"old".*"waited_s":60/)
  })
})

describe('the bound of the outbox', () => {
  test('a full outbox drops expendable messages first, then the oldest', async () => {
    const outbox = await here({ maxMessages: 3 })
    await outbox.put('alarm', { alarm_id: 'a', number: 0 })
    await outbox.put('alarm', { alarm_id: 'b', number: 1 }, { expendable: true })
    await outbox.put('alarm', { alarm_id: 'c', number: 2 })
    await outbox.put('alarm', { alarm_id: 'd', number: 3 })
    await outbox.put('alarm', { alarm_id: 'e', number: 4 })
    expect(outbox.stats()).toMatchObject({ depth: 3, evicted: 2 })
    expect(numbers(await drainAll(outbox))).toEqual([2, 3, 4])
  })
})

describe('the folder of the outbox', () => {
  test('messages that put has confirmed survive kill -9, in order per alarm', async () => {
    const path = join(folder, 'killed')
    let first = 0
    for (const rounds of [7, 60]) {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('./put-forever.mjs', import.meta.url)), path, String(first)],
        {
          stdio: ['ignore', 'pipe', 'inherit']
        }
      )
      const exited = new Promise((resolve) => child.once('exit', resolve))
      let confirmed = first - 1
      for await (const line of createInterface({ input: child.stdout })) {
        confirmed = Number(line)
        if (confirmed >= first + rounds) child.kill('SIGKILL')
      }
      await exited
      const outbox = await outboxAt(path)
      const sent = numbers(await drainAll(outbox)) as number[]
      await closed(outbox)
      expect(sent.length).toBeGreaterThan(confirmed - first)
      // Every message once, and those of one alarm in their order; alarms do not wait for one another.
      expect([...sent].sort((a, b) => a - b)).toEqual(sent.map((_, index) => first + index))
      for (const alarm of [0, 1, 2]) {
        const ofOne = sent.filter((number) => number % 3 === alarm)
        expect(ofOne).toEqual([...ofOne].sort((a, b) => a - b))
      }
      first += sent.length
    }
  })

  test('a folder in use by another process is refused', async () => {
    await here()
    await expect(here()).rejects.toThrow(/in use by another process.*Stop the other painlens/)
    await expect(here()).rejects.toBeInstanceOf(DiskError)
  })

  test('a file at the path of the folder is refused', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(outboxAt(join(folder, 'file'))).rejects.toThrow(/a file is where the outbox folder should be/)
    await expect(outboxAt(join(folder, 'file/outbox'))).rejects.toBeInstanceOf(DiskError)
  })

  test.skipIf(process.getuid?.() === 0)('a folder without permission is refused', async () => {
    chmodSync(folder, 0o500)
    await expect(here()).rejects.toThrow(/no permission/)
    chmodSync(folder, 0o700)
  })

  test('a folder that LevelDB cannot open is refused', async () => {
    mkdirSync(join(folder, 'outbox', 'LOCK'), { recursive: true })
    await expect(here()).rejects.toThrow(/outbox/)
    await expect(here()).rejects.toBeInstanceOf(DiskError)
  })

  test('a damaged database is repaired at the start', async () => {
    const outbox = await here()
    await outbox.put('alarm', { alarm_id: 'a' })
    await closed(outbox)
    const path = join(folder, 'outbox')
    writeFileSync(join(path, 'CURRENT'), 'nonsense')
    for (const file of readdirSync(path)) if (file.startsWith('MANIFEST')) writeFileSync(join(path, file), 'nonsense')
    const lines: string[] = []
    const log: Log = { ...silentLog, warn: (_, text) => void lines.push(text) }
    const repaired = await here({ log })
    expect(lines).toContain('the outbox is damaged; repairing it')
    await repaired.put('alarm', { alarm_id: 'b' })
    expect((await drainAll(repaired)).map(({ payload }) => payload.alarm_id)).toContain('b')
  })

  test('after the disk fails, alarms are sent from memory, in order', async () => {
    const outbox = await here()
    await outbox.put('alarm', { alarm_id: 'a', number: 0 })
    // From here on all disk access fails.
    await outbox.close()
    await outbox.put('alarm', { alarm_id: 'b', number: 1 })
    await outbox.put('alarm', { alarm_id: 'b', number: 2 })
    expect(outbox.stats()).toMatchObject({ depth: 3, inMemory: 2, works: false })
    const sent: OutboxEntry[] = []
    const over = new AbortController()
    const draining = outbox.drain(async (entry) => {
      sent.push(entry)
      if (sent.length === 2) over.abort()
      return 'confirmed'
    }, over.signal)
    await draining
    expect(numbers(sent)).toEqual([1, 2])
    expect(outbox.depth()).toBe(1)
  })
})
