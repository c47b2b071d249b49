import { spawn } from 'node:child_process'
import {
  appendFileSync,
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
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DiskError } from '../../../src/core/errors.js'
import { type Log, silentLog } from '../../../src/core/log.js'
import {
  type AlarmLog,
  type AlarmLogOptions,
  isAcknowledgementEntry,
  openAlarmLog,
  readAlarmLog,
  readPastAlarms
} from '../../../src/stages/alarm-log/index.js'
import { until } from '../../support/slowness.js'
import { alarm } from '../mqtt/rig.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-alarm-log-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const path = () => join(folder, 'alarms')
const newest = () => join(path(), 'alarms.jsonl')
const here = (more: Partial<AlarmLogOptions> = {}) =>
  openAlarmLog({ path: path(), maxBytes: 1e6, encode: JSON.stringify, log: silentLog, ...more })
async function seqs(): Promise<number[]> {
  const found: number[] = []
  for await (const entry of readAlarmLog(path())) if (!isAcknowledgementEntry(entry)) found.push(entry.seq)
  return found
}
async function all<T>(entries: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const entry of entries) found.push(entry)
  return found
}
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index)

describe('the alarm log', () => {
  test('keeps acknowledgements between alarms, and gives ends and acknowledgements alone', async () => {
    const given = {
      alarm_id: 'a',
      by: 'nurse 7',
      at: '2026-01-01T00:05:00.000Z',
      kind: 'seen',
      after_end: true
    } as const
    const told = [alarm('a', 0), alarm('a', 1), alarm('a', 2, 'end'), given, alarm('b', 0)]
    const log = here()
    for (const entry of told) log.append(entry)
    await log.close()
    const broken = [
      '{"alarm_id":"a","after_end":true}',
      '{"alarm_id":"a","after_end":true,"by":7,"kind":"seen","at":"x"}'
    ]
    appendFileSync(newest(), `${broken.join('\n')}\n`)
    expect(await all(readAlarmLog(path()))).toEqual(told)
    expect(await all(readPastAlarms(path()))).toEqual(told.slice(2, 4))
  })

  test('returns every message unchanged after a restart, from files that only its user can read', async () => {
    for (const half of [0, 1]) {
      const log = here()
      for (const seq of upTo(5, half * 5)) log.append(alarm('a', seq))
      await log.close()
    }
    const entries = []
    for await (const entry of readAlarmLog(path())) entries.push(entry)
    expect(entries).toEqual(upTo(10).map((seq) => alarm('a', seq)))
    expect(statSync(newest()).mode & 0o077).toBe(0)
  })

  test('stays within its size limit by deleting the oldest messages', async () => {
    const log = here({ maxBytes: 16_000 })
    for (const seq of upTo(300)) {
      log.append(alarm('a', seq))
      await log.flushed()
    }
    await log.close()
    const sizes = readdirSync(path()).map((name) => statSync(join(path(), name)).size)
    expect(sizes).toHaveLength(8)
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(16_000)
    const kept = await seqs()
    expect(kept.length).toBeGreaterThan(10)
    expect(kept).toEqual(upTo(kept.length, 300 - kept.length))
  })

  test('deletes files older than the eight that it keeps', async () => {
    mkdirSync(path())
    for (const age of upTo(20, 1)) writeFileSync(join(path(), `alarms.${age}.jsonl`), '')
    writeFileSync(newest(), `${JSON.stringify(alarm('a', 0))}\n`)
    const log = here({ maxBytes: 8 })
    log.append(alarm('a', 1))
    await log.close()
    expect(readdirSync(path())).toHaveLength(8)
    expect(await seqs()).toEqual([0, 1])
  })

  test('writes the output of its encoder, which redacts secrets', async () => {
    const log = here({ encode: (message) => JSON.stringify(message).replaceAll('s3cret', '***') })
    log.append({ ...alarm('a', 0), text: { en: 'refused: s3cret', de: 's3cret' } })
    await log.close()
    expect(readFileSync(newest(), 'utf8')).toMatch(/refused: \*\*\*/)
    expect(readFileSync(newest(), 'utf8')).not.toMatch(/s3cret/)
  })
})

describe('an alarm log with a damaged line', () => {
  test('cut at any byte, yields all messages before and after the cut', async () => {
    const whole = upTo(3).map((seq) => `${JSON.stringify(alarm('ä', seq))}\n`)
    const bytes = Buffer.from(whole.join(''))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length }), async (cut) => {
        rmSync(path(), { recursive: true, force: true })
        mkdirSync(path())
        writeFileSync(newest(), bytes.subarray(0, cut))
        const before = bytes.subarray(0, cut).toString('latin1').split('\n').length - 1
        expect((await seqs()).slice(0, before)).toEqual(upTo(before))
        const log = here()
        log.append(alarm('ä', 7))
        await log.close()
        expect(await seqs()).toEqual([...upTo(before), 7])
        for (const line of readFileSync(newest(), 'utf8').trimEnd().split('\n')) JSON.parse(line)
      }),
      { numRuns: 60 }
    )
  })

  test('larger than one read block, with or without a line end, yields the messages around it', async () => {
    mkdirSync(path())
    writeFileSync(newest(), 'x'.repeat(200_000))
    const lines: string[] = []
    const log = here({ log: { ...silentLog, warn: (fields) => void lines.push(JSON.stringify(fields)) } })
    log.append(alarm('a', 0))
    await log.close()
    expect(await seqs()).toEqual([0])
    expect(lines.join()).toContain('"bytes":200000')
    writeFileSync(newest(), `${JSON.stringify(alarm('a', 1))}\n${'y'.repeat(200_000)}`)
    const again = here()
    again.append(alarm('a', 2))
    await again.close()
    expect(await seqs()).toEqual([1, 2])
  })

  test('with any lines that are not alarms, yields the alarms only', async () => {
    mkdirSync(path())
    const junk = fc.oneof(fc.string(), fc.json(), fc.constantFrom('null', '7', '{}', '{"alarm_id":1}', '\0\0\0'))
    await fc.assert(
      fc.asyncProperty(fc.array(junk), async (lines) => {
        writeFileSync(newest(), [...lines, JSON.stringify(alarm('a', 5)), ''].join('\n'))
        expect(await seqs()).toEqual([5])
      }),
      { numRuns: 200 }
    )
  })

  test('after kill -9 during writing, yields every line that was on disk', async () => {
    let first = 0
    for (const rounds of [3, 40, 90]) {
      const script = fileURLToPath(new URL('./append-forever.mjs', import.meta.url))
      const child = spawn(process.execPath, [script, path(), String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
      const exited = new Promise((resolve) => child.once('exit', resolve))
      let confirmed = first - 1
      for await (const line of createInterface({ input: child.stdout })) {
        confirmed = Number(line)
        if (confirmed >= first + rounds) child.kill('SIGKILL')
      }
      await exited
      const found = await seqs()
      expect(found.at(-1)).toBeGreaterThanOrEqual(confirmed)
      expect(found).toEqual(upTo(found.length, found[0]!))
      first = found.at(-1)! + 1
    }
  })
})

describe('an alarm log on a disk that refuses writes', () => {
  const recorder = () => {
    const lines: string[] = []
    const log: Log = {
      ...silentLog,
      error: (_, text) => void lines.push(text),
      info: (_, text) => void lines.push(text)
    }
    return { lines, log }
  }

  test('logs that once, does not block, and writes the missed messages when the disk works again', async () => {
    mkdirSync(path())
    symlinkSync('/dev/full', newest())
    const { lines, log } = recorder()
    const alarmLog = here({ log, retryMs: 20 })
    for (const seq of upTo(3)) alarmLog.append(alarm('a', seq))
    await until(() => lines.length > 0, 'word of the disk')
    alarmLog.append(alarm('a', 3))
    await alarmLog.flushed()
    rmSync(newest())
    await until(() => lines.length > 1, 'word of the disk being back')
    await alarmLog.close()
    expect(await seqs()).toEqual(upTo(4))
    expect(lines).toEqual([
      'the alarm log cannot be written; alarms go out all the same',
      'the alarm log is written again'
    ])
  })

  test('keeps the newest thousand lines in memory', async () => {
    writeFileSync(path(), 'a file in the way')
    const { lines, log } = recorder()
    // No write is under way when the disk works again: its lines would not count among the thousand that wait.
    const alarmLog = here({ log, retryMs: 3_600_000 })
    for (const seq of upTo(700)) alarmLog.append(alarm('a', seq))
    await alarmLog.flushed()
    for (const seq of upTo(700, 700)) alarmLog.append(alarm('a', seq))
    rmSync(path())
    await alarmLog.close()
    expect(lines).toHaveLength(2)
    expect(await seqs()).toEqual(upTo(1000, 400))
  })

  test('writes a line appended between the last write and the end of the writer', async () => {
    writeFileSync(path(), 'a file in the way')
    const alarmLog: AlarmLog = here({
      retryMs: 1,
      log: {
        ...silentLog,
        error: () => rmSync(path()),
        // Runs before the code that waits for the writer.
        info: () => queueMicrotask(() => alarmLog.append(alarm('a', 1)))
      }
    })
    alarmLog.append(alarm('a', 0))
    await until(async () => (await seqs().catch(() => [])).length === 2, 'the second line')
    await alarmLog.close()
  })

  test('closes without waiting for the disk', async () => {
    writeFileSync(path(), 'a file in the way')
    const alarmLog = here()
    alarmLog.append(alarm('a', 0))
    await alarmLog.close()
    await expect(seqs()).rejects.toBeInstanceOf(DiskError)
  })
})
