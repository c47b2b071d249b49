import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commandNames } from '../../src/contract/messages.js'
import { InputError } from '../../src/core/errors.js'
import { createLog } from '../../src/core/log.js'
import { Secrets } from '../../src/core/secrets.js'
import type { WatchedCamera } from '../../src/daemon/line/watched-camera.js'
import { Reporter } from '../../src/daemon/report/reporter.js'
import { commandHandlers } from '../../src/daemon/wiring/commands.js'
import { createAlarms } from '../../src/stages/alarm/index.js'
import { CommandQueue } from '../../src/stages/mqtt/commands.js'
import { encode } from '../../src/stages/mqtt/index.js'
import { alarmDefaults } from '../support/alarm-defaults.js'
import { clockOf, moment } from '../support/moments.js'

const t0 = Date.UTC(2026, 0, 1)
const testAlarm = 'alarm-0'

/** A command as a sender chooses it. */
interface Sent {
  name: string
  payload: string
  responseTopic?: string
}

/** All that leaves a box with this password that gets these commands, in bytes, and its log. */
async function box(password: string | null, sent: readonly Sent[]): Promise<{ told: string[]; log: string }> {
  const secrets = new Secrets()
  secrets.add(password ?? undefined)
  const told: string[] = []
  const tell = (where: string) => (message: object) => void told.push(`${where} ${encode(message, secrets)}`)
  const lines: string[] = []
  const log = createLog('debug', secrets, (line) => void lines.push(line))
  let now = t0
  let id = 0
  const clock = clockOf(() => now)
  const location = { facility: null, ward: null, room: '12', bed: null }
  const alarms = createAlarms({
    ...{ ...alarmDefaults, facility: null, model: null, clock, cameras: { bed: location } },
    newId: () => `alarm-${id++}`
  })
  const none = (): undefined => undefined
  const reporter = new Reporter({
    ...{ alarms, log, clock, references: null, explanations: null },
    mqtt: {
      ...{ cameraPain: none, observation: none, cameraState: none, refresh: none },
      putAlarmInOutbox: async (message) => tell('alarm')(message),
      putAcknowledgementInOutbox: async (message) => tell('acknowledgement')(message)
    },
    alarmLog: { append: tell('alarm log') },
    float32: { confirm: async () => null },
    measured: { frame: none, alarm: none }
  })
  const camera = {
    config: { id: 'bed', zones: [{ name: 'pillow' }] },
    pause: (until: number) => until,
    resume: none,
    stats: () => ({ state: 'ok' })
  } as unknown as WatchedCamera
  const references = {
    take: async ({ zone, by }: { zone: string | null; by: string }) => {
      tell('reference')({ references: [{ zone, by, since: '2026-01-01T00:00:00.000Z' }] })
      return { since: '2026-01-01T00:00:00.000Z', zone, frames: 100, shift: 1 }
    },
    remove: async () => Promise.reject(new InputError('PL-REFERENCE-NONE', 'there is none', 'camera bed'))
  }
  const queue = new CommandQueue({
    base: 'b',
    handlers: commandHandlers({
      ...{ alarms, reporter, references, clock },
      cameras: new Map([['bed', camera]]),
      recalled: Promise.resolve()
    }),
    secrets,
    log,
    answer: async (topic, message, properties) =>
      void told.push(`${topic} ${encode(message, secrets)} ${JSON.stringify(properties)}`)
  })
  const take = async ({ name, payload, responseTopic }: Sent): Promise<void> => {
    const properties = { responseTopic, correlationData: Buffer.from('1') }
    const packet = { cmd: 'publish', topic: '', payload: '', qos: 1, dup: false, retain: false, properties } as const
    queue.take(`b/command/${name}`, Buffer.from(payload), packet)
    await queue.idle()
    now += 2000
    reporter.send(alarms.tick(moment(now)))
  }
  await take({ name: 'test_alarm', payload: '{"camera":"bed","seconds":4}' })
  for (const one of sent) await take(one)
  return { told, log: lines.join('') }
}

/** Each command with all that it takes. */
const whole: Readonly<Record<(typeof commandNames)[number], object>> = {
  ack: { transaction: 't', alarm_id: testAlarm, by: 'nurse 7', kind: 'seen' },
  pause: { transaction: 't', camera: 'bed', duration_s: 900, by: 'nurse 7' },
  resume: { transaction: 't', camera: 'bed', by: 'nurse 7' },
  test_alarm: { transaction: 't', camera: 'bed', seconds: 30, priority: 'low' },
  refresh: { transaction: 't' },
  reference: { transaction: 't', camera: 'bed', zone: 'pillow', by: 'nurse 7', not_after: '2026-01-01T01:00:00Z' }
}

/** Every place of a command that a sender writes into, with its guess there. */
function guessesOf(guess: string): Sent[] {
  const quoted = JSON.stringify(guess)
  const inCommands = commandNames.flatMap((name): Sent[] => {
    const payload = JSON.stringify(whole[name])
    const values = Object.keys(whole[name]).map((key) => JSON.stringify({ ...whole[name], [key]: guess }))
    return [
      ...values.map((one) => ({ name, payload: one })),
      ...[guess, quoted, `[${quoted}]`, `{${quoted}: 1}`, `{"a": ${guess}`, `{"a" at position ${guess}`].map((one) => ({
        ...{ name, payload: one }
      })),
      { name, payload, responseTopic: `answers/${guess}` }
    ]
  })
  return [...inCommands, { name: guess, payload: '{}' }, { name: guess, payload: '{}', responseTopic: 'b/alarm' }]
}

describe('a sender that guesses a password', () => {
  it.each(['Kamera-312!x', 'a"b\\c', '4711', '2026'])(
    'gets the same bytes for %j whether it is one or not, while the log redacts it',
    async (guess) => {
      for (const one of guessesOf(guess)) {
        const [right, wrong] = [await box(guess, [one, one]), await box(null, [one, one])]
        expect(right.told, JSON.stringify(one)).toEqual(wrong.told)
        expect(right.told.length).toBeGreaterThan(4)
        expect(right.log.replaceAll('2026-', '')).not.toContain(guess)
      }
      // Else the log would show nothing of what it redacts, and the comparison of it would say nothing.
      const [unknown] = [await box(null, guessesOf(guess))]
      expect(unknown.log).toContain(JSON.stringify(guess).slice(1, -1))
    }
  )

  it.each([
    ['the length of a payload', '20000', { name: 'refresh', payload: 'x'.repeat(20_000) }],
    ['the place of a flaw', '4711', { name: 'refresh', payload: `{${' '.repeat(4709)}x` }],
    ['how many keys are unknown', '1234', { name: 'refresh', payload: manyKeys(1234) }],
    ['the end of a pause', '00:15', { name: 'pause', payload: '{"camera":"bed","duration_s":898}' }]
  ])('gets the same bytes where %s makes the guess', async (_, guess, sent) => {
    expect((await box(guess, [sent])).told).toEqual((await box(null, [sent])).told)
  })

  it('gets the same bytes for any text in any place', async () => {
    const places = guessesOf('\u0001').length
    const text = fc.string({ unit: fc.constantFrom(...'Zq7"\\/%-µ🔑 '), minLength: 4, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(text, fc.nat(places - 1), async (guess, place) => {
        const sent = guessesOf(guess)[place]!
        expect((await box(guess, [sent])).told).toEqual((await box(null, [sent])).told)
      }),
      { numRuns: 60 }
    )
  })
})

function manyKeys(count: number): string {
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [i.toString(36), 1])))
}
