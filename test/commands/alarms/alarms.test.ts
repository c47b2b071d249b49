import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type AlarmsOptions, alarmsCommand } from '../../../src/commands/alarms/index.js'
import { parseSince } from '../../../src/commands/parse.js'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { DiskError, UsageError } from '../../../src/core/errors.js'
import { silentLog } from '../../../src/core/log.js'
import { openAlarmLog } from '../../../src/stages/alarm-log/index.js'
import { alarm } from '../../stages/mqtt/rig.js'

let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-alarms-'))
  const log = openAlarmLog({ path: join(folder, 'log'), maxBytes: 1e6, encode: JSON.stringify, log: silentLog })
  const ack = { by: 'nurse \u001b[31m7', at: '2026-01-01T00:00:30.000Z', kind: 'coming' as const }
  const messages: AlarmMessage[] = [
    { ...alarm('p', 0), score: 0.91 },
    {
      ...alarm('c', 0),
      condition: 'camera_lost',
      type: 'technical',
      camera: 'hall',
      score: null,
      threshold: null,
      confirmed: null
    },
    { ...alarm('p', 1), ack, updated: '2026-01-01T00:00:30.000Z' },
    { ...alarm('p', 2, 'end'), ack, score: 0.4, duration_s: 125, updated: '2026-01-01T00:02:05.000Z' }
  ]
  for (const message of messages) log.append(message)
  await log.close()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function run(options: Partial<AlarmsOptions>, width = 1000): Promise<string> {
  const said: string[] = []
  const io = { write: (text: string) => void said.push(text), width }
  expect(
    await alarmsCommand({ config: join(folder, 'painlens.yaml'), ...options }, new AbortController().signal, io)
  ).toBe(0)
  return said.join('')
}
const atLog = () => ({ path: join(folder, 'log') })
const cells = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(/ {2,}/))

test('painlens alarms prints a line for each alarm: how long it lasted, why it ended, who acknowledged it, the highest score', async () => {
  const [title, pain, lost, sum] = cells(await run(atLog()))
  expect(title).toEqual(['onset', 'camera', 'place', 'condition', 'priority', 'lasted', 'ended', 'ack', 'score'])
  expect(pain?.slice(1)).toEqual([
    'a',
    '12',
    'pain',
    'high',
    '2 min 5 s',
    'cleared',
    expect.stringMatching(/^coming by nurse \\x1b\[31m7 at \d\d:\d\d:30$/),
    '0.91'
  ])
  expect(lost?.slice(1)).toEqual(['hall', '12', 'camera_lost', 'high', '2 s …', 'not yet', '-', '-'])
  expect(sum).toEqual(['2 alarms, 1 without an end'])
})

test('an acknowledgement after the end is shown with its name and time, and each one is counted once', async () => {
  const given = { alarm_id: 'p', kind: 'seen', after_end: true } as const
  const log = openAlarmLog({ path: join(folder, 'log'), maxBytes: 1e6, encode: JSON.stringify, log: silentLog })
  log.append({ ...given, by: 'nurse \u009b31m8', at: '2026-01-01T00:20:00.000Z' })
  log.append({
    ...given,
    by: 'lost',
    alarm_id: 'of an alarm that the log no longer has',
    at: '2026-01-01T00:21:00.000Z'
  })
  await log.close()
  const [, pain, , sum] = cells(await run(atLog()))
  expect(pain?.[7]).toMatch(/^seen by nurse \\x9b31m8 at \d\d:\d\d:00 after the end \(2 in all\)$/)
  expect(sum).toEqual(['2 alarms, 1 without an end'])
  const json = await run({ ...atLog(), json: true, camera: 'a', since: Date.UTC(2026, 0, 1, 0, 10) })
  expect(json).toContain('\\u009b31m8')
  expect(JSON.parse(json)).toMatchObject({ by: 'nurse \u009b31m8', after_end: true })
  expect(await run({ ...atLog(), since: Date.UTC(2026, 0, 1, 0, 10) })).toMatch(/pain .*\none alarm, 0 without/s)
})

test('painlens alarms names the end reason of an alarm that ended because another person may have been at the place', async () => {
  const log = openAlarmLog({ path: join(folder, 'log'), maxBytes: 1e6, encode: JSON.stringify, log: silentLog })
  log.append({ ...alarm('u', 1, 'end'), state: 'ended', phase: 'end', reason: 'person_uncertain', camera: 'ward' })
  await log.close()
  const [, line] = cells(await run({ ...atLog(), camera: 'ward' }))
  expect(line).toContain('person_uncertain')
})

test('painlens alarms with --camera and --since lists only the alarms of that camera and since that time', async () => {
  expect(await run({ ...atLog(), camera: 'hall' })).toMatch(/one alarm, 1 without/)
  expect(await run({ ...atLog(), since: Date.UTC(2026, 0, 1, 0, 1) })).toMatch(/one alarm, 0 without/)
  expect(await run({ ...atLog(), since: Date.UTC(2027, 0, 1) })).toBe('no alarms\n')
})

test('painlens alarms refuses a camera that is neither in the config nor in the log, and names the known ones', async () => {
  await expect(run({ ...atLog(), camera: 'nosuch' })).rejects.toThrow(/no camera "nosuch"\. Name one of: a, hall\./)
})

test('painlens alarms fits its table into a terminal of 80 columns, without losing a word', async () => {
  const wide = await run(atLog())
  const narrow = await run(atLog(), 80)
  expect(Math.max(...wide.split('\n').map((line) => line.length))).toBeGreaterThan(80)
  expect(Math.max(...narrow.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  expect(narrow.split(/\s+/)).toEqual(wide.split(/\s+/))
})

test('painlens alarms reads a config without its passwords', async () => {
  const config = join(folder, 'painlens.yaml')
  const cameras = [{ id: 'a', url: `rtsp://u:\${file:/not/there}@h/1` }]
  writeFileSync(config, JSON.stringify({ device: 'd', mqtt: { url: 'mqtt://h' }, cameras, alarm_log: { path: 'log' } }))
  expect(await run({ config })).toContain('2 alarms')
})

test('painlens alarms --json prints each message on a line of its own', async () => {
  const lines = (await run({ ...atLog(), json: true })).trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as AlarmMessage).alarm_id)).toEqual(['p', 'c', 'p', 'p'])
})

test('painlens alarms prints no error when its reader closes the pipe early', async () => {
  const log = openAlarmLog({ path: join(folder, 'log'), maxBytes: 1e7, encode: JSON.stringify, log: silentLog })
  for (let seq = 0; seq < 900; seq++) log.append(alarm('many', seq))
  await log.close()
  const main = resolve(import.meta.dirname, '../../../dist/main.js')
  const command = `"${process.execPath}" "${main}" alarms --path "${join(folder, 'log')}" --json | head -n 1`
  const { stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
  expect(JSON.parse(stdout)).toMatchObject({ alarm_id: 'p', seq: 0 })
  expect(stderr).toBe('')
})

test("painlens alarms reads the config's log, and reports a folder that does not exist", async () => {
  writeFileSync(
    join(folder, 'painlens.yaml'),
    'device: d\nmqtt: { url: "mqtt://localhost" }\ncameras: [{ id: a, url: "rtsp://localhost/a" }]\nalarm_log: { path: log }\n'
  )
  expect(await run({})).toMatch(/2 alarms/)
  await expect(run({ path: join(folder, 'nowhere') })).rejects.toThrow(/there is no alarm log.*--path/)
  await expect(run({ path: join(folder, 'nowhere') })).rejects.toBeInstanceOf(DiskError)
})

test('--since accepts durations, dates and times, and refuses other text', () => {
  const now = Date.UTC(2026, 5, 1, 12)
  expect(['45s', '90m', '12h', '7d'].map((text) => (now - parseSince(text, '--since', now)) / 60_000)).toEqual([
    0.75, 90, 720, 10_080
  ])
  expect(parseSince('2026-01-31', '--since')).toBe(new Date(2026, 0, 31).getTime())
  expect(parseSince('2026-01-31T06:00:00Z', '--since')).toBe(Date.UTC(2026, 0, 31, 6))
  for (const text of ['', '7', '7w', 'yesterday', '-3h', '2026-13-40'])
    expect(() => parseSince(text, '--since')).toThrow(UsageError)
})
