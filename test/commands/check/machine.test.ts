import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { checkClock, checkDisk, checkPasswords } from '../../../src/commands/check/machine.js'
import { parseConfig } from '../../../src/config/index.js'
import { Secrets } from '../../../src/core/secrets.js'
import { clockOf } from '../../support/moments.js'

const clock = clockOf(() => Date.UTC(2026, 5, 1, 12))
const missing = async (): Promise<never> => Promise.reject(new Error('no such program'))

describe('the check of the clock', () => {
  it('takes the first answer that the system gives, and names the command that turns synchronisation on', async () => {
    expect(await checkClock(clock, [missing, async () => null, async () => true, async () => false])).toEqual([
      { state: 'ok', what: 'clock', found: '2026-06-01T12:00:00.000Z, synchronised' }
    ])
    expect(await checkClock(clock, [async () => false])).toMatchObject([
      { state: 'warn', found: expect.stringContaining('not synchronised'), fix: expect.stringContaining('set-ntp') }
    ])
  })

  it('warns where the system does not tell whether the clock is synchronised', async () => {
    expect(await checkClock(clock, [missing, async () => null])).toMatchObject([
      { state: 'warn', code: 'PL-CLOCK-UNKNOWN' }
    ])
  })

  it('fails for a clock in 1970 even if it counts as synchronised', async () => {
    expect(
      await checkClock(
        clockOf(() => 1000),
        [async () => true]
      )
    ).toMatchObject([{ state: 'fail', found: expect.stringContaining('1970-01-01') }])
  })

  it('gets an answer from the real machine', async () => {
    const [finding] = await checkClock()
    expect(['ok', 'warn']).toContain(finding.state)
  })
})

describe('the check of the disk', () => {
  const config = async () => {
    const text = `device: d
outbox: { path: ${tmpdir()} }
alarm_log: { path: ${tmpdir()} }
mqtt: { url: "mqtt://h" }
cameras: [{ id: bed-12, url: "rtsp://h/" }]`
    return (await parseConfig(text, '/etc/painlens.yaml')).config
  }
  const found = async (megabytes: number) => {
    const [outbox] = await checkDisk({ config: await config() }, async () => megabytes * 1e6)
    return outbox
  }

  it('fails below 50 MB, where nothing fits any more', async () => {
    expect(await found(49.9)).toMatchObject({ state: 'fail', code: 'PL-DISK-FULL' })
    expect(await found(50)).not.toMatchObject({ state: 'fail' })
  })

  it('warns below 500 MB, where a day without a broker may not fit', async () => {
    expect(await found(499.9)).toMatchObject({ state: 'warn', code: 'PL-DISK-LOW' })
    expect(await found(500)).toMatchObject({ state: 'ok', found: expect.stringContaining('500 MB free') })
  })

  it('asks the real disk for its space', async () => {
    const [outbox] = await checkDisk({ config: await config() })
    expect(outbox.found).toMatch(/writable.*, \d+ MB free$/)
  })
})

async function findingsFor(password: string): Promise<string[]> {
  const text = `device: d
facility: Haus am See
mqtt: { url: "mqtt://h", username: u, password: "${password}" }
cameras: [{ id: bed-12, url: "rtsp://h/", location: { room: "1234" } }]`
  const { config, secrets: found } = await parseConfig(text, '/etc/painlens.yaml')
  const secrets = new Secrets()
  for (const value of found) secrets.add(value)
  const running = { daemon: null, findings: [] }
  const findings = await checkPasswords({ config, secrets, running, signal: new AbortController().signal })
  return findings.map(({ state, found }) => `${state}: ${found}`)
}

it.each([
  ['correct horse', 'without a warning', []],
  ['abc', 'as too short', [expect.stringContaining('warn: one has less than 4 characters')]],
  ['1234', 'as a part of a room', [expect.stringContaining('warn: one is a part of a room')]],
  ['am See', 'as a part of the name of the facility', [expect.stringContaining('warn: one is a part of a room')]]
])('the check of the password %j passes it %s', async (password, _, expected) => {
  expect(await findingsFor(password)).toEqual(expected)
})
