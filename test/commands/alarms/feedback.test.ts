import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { printFeedback } from '../../../src/commands/alarms/feedback.js'
import { type AlarmsOptions, alarmsCommand } from '../../../src/commands/alarms/index.js'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { silentLog } from '../../../src/core/log.js'
import { printableLines } from '../../../src/core/printable.js'
import { type AlarmLogEntry, openAlarmLog } from '../../../src/stages/alarm-log/index.js'
import { alarm } from '../../stages/mqtt/rig.js'
import { expectLinear, repeated } from '../../support/growth.js'

/** A log of these entries, and what the command says of it. */
async function logOf(entries: readonly AlarmLogEntry[]) {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-feedback-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const log = openAlarmLog({ path: folder, maxBytes: 1e6, encode: JSON.stringify, log: silentLog })
  for (const entry of entries) log.append(entry)
  await log.close()
  return async (options: Partial<AlarmsOptions> = {}, width = 200): Promise<string> => {
    let said = ''
    const write = (text: string): void => {
      said += text
    }
    const asked = { path: folder, feedback: true, ...options }
    expect(await alarmsCommand(asked, new AbortController().signal, { write, width })).toBe(0)
    return said
  }
}

type Kind = 'coming' | 'seen' | 'false_alarm'

/** An alarm of camera `a`, by the clock of this machine, and what was said of it after its end. */
function told(id: string, onset: Date, said: Kind | null, changes: Partial<AlarmMessage> = {}): AlarmLogEntry[] {
  const times = { onset: onset.toISOString(), updated: onset.toISOString() }
  const end = { ...alarm(id, 1, 'end'), ...times, score: 0.9, ...changes } as AlarmMessage
  if (!said) return [end]
  return [end, { alarm_id: id, by: 'K', at: onset.toISOString(), kind: said, after_end: true }]
}

const evening = (day: number): Date => new Date(2026, 0, day, 22)
const morning = (day: number): Date => new Date(2026, 0, day, 5)
const twoNights = [
  ...told('1', evening(1), 'false_alarm'),
  ...told('2', morning(2), 'false_alarm'),
  ...told('3', morning(2), 'coming'),
  ...told('4', evening(2), 'false_alarm'),
  ...told('5', evening(2), 'seen'),
  ...told('6', evening(2), 'false_alarm'),
  ...told('lost', evening(2), null, {
    ...{ type: 'technical', condition: 'camera_lost', score: null, threshold: null, confirmed: null }
  } as Partial<AlarmMessage>)
]

test('painlens alarms --feedback counts answers by bed and night, and advises by all nights of a bed', async () => {
  const say = await logOf(twoNights)
  const said = await say()
  const rows = said.split('\n').slice(0, 3)
  expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
    ['night', 'camera', 'place', 'alarms', 'false', 'seen', 'no answer'],
    ['2026-01-01', 'a', '12', '3', '2', '0', '1'],
    ['2026-01-02', 'a', '12', '3', '2', '1', '0']
  ])
  expect(said).toContain('a (12): 6 in all, 4 false, 1 seen, 1 without an answer. Many false alarms: if the nurse')
  expect(said).toContain('painlens learns nothing from this by itself')
})

test('painlens alarms --feedback --json prints each night of a bed, and then all of them, with the same advice', async () => {
  const say = await logOf(twoNights)
  const rows = (await say({ json: true }))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(rows).toMatchObject([
    { night: '2026-01-01', from: new Date(2026, 0, 1, 12).toISOString(), camera: 'a', alarms: 3, advice: 'few' },
    { night: '2026-01-02', false_alarm: 2, seen: 1, unanswered: 0, advice: 'few' },
    {
      night: null,
      alarms: 6,
      false_alarm: 4,
      advice: 'reference',
      text: { de: expect.stringMatching(/^Viele/) as string }
    }
  ])
})

test('painlens alarms --feedback advises by the picture, by the resting face and by the threshold where the log shows it', async () => {
  const five = (changes: Partial<AlarmMessage>) =>
    [1, 2, 3, 4, 5].flatMap((i) => told(`p${i}`, evening(1), 'false_alarm', changes))
  const dark = told('dark', evening(1), null, {
    ...{ type: 'technical', condition: 'camera_dark', score: null, threshold: null, duration_s: 3600 }
  } as Partial<AlarmMessage>)
  const adviceOf = async (entries: AlarmLogEntry[]): Promise<string> => {
    const say = await logOf(entries)
    return (JSON.parse((await say({ json: true })).trimEnd().split('\n').at(-1)!) as { advice: string }).advice
  }
  expect(await adviceOf([...five({}), ...dark])).toBe('picture')
  expect(await adviceOf(five({ reference: { effect: 'lowered', score_unreferenced: 0.95 } }))).toBe('renew')
  expect(await adviceOf(five({ score: 0.71, threshold: 0.7 } as Partial<AlarmMessage>))).toBe('threshold')
})

test('painlens alarms --feedback says that there are none, leaves a narrow terminal whole, and shows a hostile camera as text', async () => {
  expect(await (await logOf(told('t', evening(1), 'seen', { condition: 'test' } as Partial<AlarmMessage>)))()).toBe(
    'no alarms for pain\n'
  )
  const say = await logOf(told('p', evening(1), 'seen', { camera: 'a\u001b[31m' } as Partial<AlarmMessage>))
  expect(await say({}, 40)).toContain('a\\x1b[31m')
  expect(await say({})).not.toContain('\u001b[31m')
  expect(await say({ since: evening(3).getTime() })).toBe('no alarms for pain\n')
})

test('lines of a damaged log, whose values are of the wrong types, are left out, and nothing in it steers a terminal', async () => {
  const [whole] = told('whole', evening(1), 'seen') as [AlarmMessage]
  const damaged = [
    { camera: 5 },
    { location: null },
    { location: { ...whole.location, room: { toString: 1 } } },
    { score: '9' },
    { onset: '+275760-09-13T00:00:00.000Z' },
    { ack: { by: {}, at: 5, kind: [] } }
  ]
  const rows = damaged.map(
    (changes, i) => ({ ...whole, alarm_id: `damaged ${i}`, ...changes }) as unknown as AlarmMessage
  )
  const say = await logOf([whole, ...rows, { ...whole, alarm_id: 'odd', camera: '\x1b[2Jb\u202ed' } as AlarmMessage])
  for (const options of [{}, { json: true }, { feedback: false }]) {
    const said = await say(options)
    expect(said).toBe(printableLines(said))
    expect(said).not.toContain('NaN')
  }
  const counted = (await say({ json: true })).trim().split('\n')
  expect(counted.map((line) => (JSON.parse(line) as { alarms: number }).alarms)).toEqual([1, 1, 1, 1])
})

test('the time that it takes to count answers does not grow with the square of the alarms', () => {
  const [message] = told('p', evening(1), null) as [AlarmMessage]
  const alarms = Array.from({ length: 1 << 15 }, () => ({ message, acknowledgements: new Map(), referenced: false }))
  const count = (text: string): void =>
    printFeedback(alarms.slice(0, text.length / 8), { json: true, write: () => undefined, width: 80 })
  expectLinear(count, repeated('x'))
})
