import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AlarmsOptions, alarmsCommand } from '../../src/commands/alarms.js'
import type { AlarmMessage, StatusMessage } from '../../src/core/messages.js'
import { type DaemonProcess, until } from '../support/daemon.js'
import { type Device, nowhere, type RoomCamera, Ward } from '../support/ward.js'

let ward: Ward
let bed: RoomCamera
beforeAll(async () => {
  ward = await Ward.open()
  bed = (await ward.room()).camera
})
afterAll(() => ward.close())

const gone = { id: 'gone', url: nowhere, width: 640, height: 360 }
/** How long an alarm takes to begin is tested elsewhere, without a daemon. */
const soon = { alarm: { onset_s: 1, smoothing_s: 0.2 } }

async function setUp(cameras: object[], changes: object = {}) {
  const device = await ward.device(cameras, { ...soon, ...changes })
  const configure = (others: object[]) => device.configure(others, { ...soon, ...changes })
  return { device, configure, nurse: await device.listen(), start: () => device.start() }
}

async function ended(daemon: DaemonProcess, signal: NodeJS.Signals): Promise<void> {
  daemon.child.kill(signal)
  await daemon.ended
}
/** What `painlens alarms` prints. */
async function listed({ file }: Device, options: Partial<AlarmsOptions>): Promise<string> {
  let text = ''
  const write = (part: string): void => {
    text += part
  }
  expect(await alarmsCommand({ config: file, ...options }, { write, colour: false })).toBe(0)
  return text
}

/** Each alarm is one start, updates and at most one end, numbered without a gap; what came twice counts once. */
function expectWhole(alarms: readonly AlarmMessage[]): void {
  const byId = new Map<string, Map<number, AlarmMessage>>()
  for (const alarm of alarms) {
    const known = byId.get(alarm.alarm_id) ?? new Map<number, AlarmMessage>()
    byId.set(alarm.alarm_id, known.set(alarm.seq, alarm))
  }
  for (const messages of byId.values()) {
    expect([...messages.keys()]).toEqual([...messages.keys()].map((_, index) => index))
    expect([...messages.values()].filter(({ phase }) => phase === 'start')).toHaveLength(1)
    expect([...messages.values()].slice(0, -1).every(({ phase }) => phase !== 'end')).toBe(true)
  }
}

describe('an alarm that is active', { timeout: 120_000 }, () => {
  it('is acknowledged without being cleared, ended once after kill -9 with its next seq, and after a stop', async () => {
    const { device, nurse, start } = await setUp([bed, gone])
    const killed = start()
    const pain = await nurse.alarm('pain', 'start', 40_000)
    const lost = await nurse.alarm('camera_lost', 'start')
    const answer = await nurse.command('ack', { alarm_id: pain.alarm_id, by: 'nurse 7', kind: 'coming' })
    expect(answer.status).toBe('ok')
    const acked = await nurse.alarm('pain', 'update')
    expect(acked).toMatchObject({ alarm_id: pain.alarm_id, state: 'active', ack: { by: 'nurse 7', kind: 'coming' } })
    expect(await nurse.command('ack', { alarm_id: 'x', by: 'nurse 7' })).toMatchObject({
      status: 'error',
      error: expect.stringMatching(/no active alarm has the id "x"/)
    })
    await ended(killed, 'SIGKILL')
    const left = [pain, lost].map(({ alarm_id }) => alarm_id)
    const endsOfLeft = () => nurse.alarms().filter(({ phase, alarm_id }) => phase === 'end' && left.includes(alarm_id))
    expect(endsOfLeft()).toEqual([])

    const ofKilled = nurse.alarms().length
    const again = start()
    await until(() => endsOfLeft().length >= 2, 'both ends', 40_000)
    const ends = endsOfLeft()
    const last = (id: string) => nurse.alarms().findLast((alarm) => alarm.alarm_id === id && alarm.phase !== 'end')!
    expect(ends.map(({ alarm_id }) => alarm_id).sort()).toEqual(left.sort())
    for (const end of ends) {
      expect(end).toMatchObject({ reason: 'restarted', state: 'ended', late: false, seq: last(end.alarm_id).seq + 1 })
    }
    expect(ends.find(({ condition }) => condition === 'pain')).toMatchObject({
      ack: { by: 'nurse 7' },
      onset: pain.onset
    })
    const isAnew = ({ phase, condition, seq }: AlarmMessage) => phase === 'start' && condition === 'pain' && seq === 0
    const anew = await until(() => nurse.alarms().slice(ofKilled).find(isAnew), 'the pain alarm of the new run')
    expect(left).not.toContain(anew.alarm_id)
    const table = await listed(device, { camera: 'bed' })
    expect(table).toMatch(/bed +12 +pain +high .* restarted +coming by nurse 7/)
    expect(table).toMatch(/[2-9] alarms, [1-9] without an end/)
    await ended(again, 'SIGTERM')
    const stopped = await until(
      () => nurse.alarms().find((alarm) => alarm.alarm_id === anew.alarm_id && alarm.phase === 'end'),
      'the end of the new alarm'
    )
    expect(stopped.reason).toBe('stopped')
    const before = new Set(nurse.alarms().map(({ alarm_id, seq }) => `${alarm_id} ${seq}`))
    const third = start()
    await nurse.command('test_alarm', { camera: 'gone' })
    await nurse.alarm('test', 'end')
    const ofThird = nurse.alarms().filter(({ alarm_id, seq }) => !before.has(`${alarm_id} ${seq}`))
    const endedBefore = [pain, lost, anew].map(({ alarm_id }) => alarm_id)
    expect(ofThird.filter(({ alarm_id }) => endedBefore.includes(alarm_id))).toEqual([])
    await ended(third, 'SIGTERM')
    const goodbye = () => nurse.told.findLast(({ topic }) => topic === 'status')?.json as StatusMessage
    await until(() => goodbye().state === 'offline', 'a goodbye')
    expectWhole(nurse.alarms())
    const logged = (await listed(device, { json: true })).trimEnd().split('\n')
    const told = nurse.alarms().map(({ alarm_id, seq, phase }) => `${alarm_id} ${seq} ${phase}`)
    const kept = logged.map((line) => JSON.parse(line) as AlarmMessage)
    expect(kept.map(({ alarm_id, seq, phase }) => `${alarm_id} ${seq} ${phase}`).sort()).toEqual(
      [...new Set(told)].sort()
    )
  })

  it('ends when its camera is taken out of the config or changed, and its state does not stay behind', async () => {
    // An alarm log that cannot be written holds nothing up.
    const changes = { alarm_log: { path: '/etc/hostname/alarms' } }
    const { device, configure, nurse, start } = await setUp([bed, gone], changes)
    const daemon = start()
    const pain = await nurse.alarm('pain', 'start', 40_000)
    await nurse.alarm('camera_lost', 'start')
    expect(daemon.output()).toContain('the alarm log cannot be written')
    await configure([{ ...bed, location: { room: '13' } }])
    daemon.child.kill('SIGHUP')
    const end = await nurse.alarm('pain', 'end')
    expect(end).toMatchObject({ alarm_id: pain.alarm_id, reason: 'reconfigured' })
    expect(await nurse.alarm('camera_lost', 'end')).toMatchObject({ reason: 'reconfigured' })
    await until(() => nurse.states('gone').at(-1) === null, 'the state to be taken away')
    const moved = await until(
      () => nurse.alarms().find(({ location }) => location.room === '13'),
      'the alarm with its new place'
    )
    expect(moved.phase).toBe('start')
    await ended(daemon, 'SIGTERM')

    // Taken out while painlens is not running.
    await configure([gone])
    const later = start()
    await until(() => nurse.states('bed').at(-1) === null, 'the other state to be taken away')
    const newcomer = await device.listen()
    await until(() => newcomer.states('gone').length > 0, 'the state that is still there')
    expect(newcomer.states('bed')).toEqual([])
    await ended(later, 'SIGTERM')
  })
})

describe('a pause for care', { timeout: 120_000 }, () => {
  it('says until when, is extended but not cut short, survives kill -9 and a reload, and ends by itself', async () => {
    const { configure, nurse, start } = await setUp([bed])
    const killed = start()
    await nurse.alarm('pain', 'start', 40_000)
    const asked = await nurse.command('pause', { camera: 'bed', duration_s: 600 })
    const first = await nurse.state('bed', 'paused')
    expect(asked.data).toEqual({ until: first.until })
    expect(Date.parse(first.until!) - Date.parse(first.since)).toBeGreaterThan(599_000)
    expect(await nurse.alarm('pain', 'end')).toMatchObject({ reason: 'camera_paused' })
    expect((await nurse.command('pause', { camera: 'bed', duration_s: 5 })).data).toEqual({ until: first.until })
    const longer = await nurse.command('pause', { camera: 'bed', duration_s: 900 })
    const { until: end } = longer.data as { until: string }
    expect(Date.parse(end)).toBeGreaterThan(Date.parse(first.until!))
    await until(() => nurse.states('bed').at(-1)?.until === end, 'the new end')
    expect(nurse.states('bed').at(-1)?.since).toBe(first.since)
    await ended(killed, 'SIGKILL')

    nurse.forget()
    const again = start()
    await nurse.state('bed', 'paused')
    expect(nurse.states('bed')).toContainEqual({ state: 'paused', since: first.since, until: end })
    await configure([{ ...bed, fps: 4 }])
    nurse.forget()
    again.child.kill('SIGHUP')
    await until(() => again.output().includes('config read again'), 'the reload')
    await nurse.command('refresh', {})
    await nurse.state('bed', 'paused')
    expect(new Set(nurse.states('bed').map((told) => told?.state))).toEqual(new Set(['paused']))
    expect((await nurse.command('resume', { camera: 'bed' })).status).toBe('ok')
    expect(await nurse.state('bed', 'ok')).not.toHaveProperty('until')

    nurse.forget()
    await nurse.command('pause', { camera: 'bed', duration_s: 1 })
    await nurse.state('bed', 'paused')
    await nurse.state('bed', 'ok')
    expect(nurse.alarms().filter(({ phase }) => phase === 'start')).toHaveLength(0)
    await nurse.alarm('pain', 'start')
    await ended(again, 'SIGTERM')
    nurse.forget()
    const third = start()
    await nurse.state('bed', 'ok', 40_000)
    expect(nurse.states('bed').some((told) => told?.state === 'paused')).toBe(false)
    await ended(third, 'SIGTERM')
  })
})

describe('commands', { timeout: 120_000 }, () => {
  it('that are bad get an error for an answer, and a flood of them does no harm', async () => {
    const { device, nurse, start } = await setUp([bed])
    const daemon = start()
    const pain = await nurse.alarm('pain', 'start', 40_000)
    const bad: readonly (readonly [name: string, payload: string, error: RegExp])[] = [
      ['ack', '{"alarm_id":', /no JSON/],
      ['ack', '{"alarm_id":"x"}', /by/],
      ['ack', JSON.stringify({ alarm_id: pain.alarm_id, by: 'n', kind: 'clear' }), /kind/],
      ['pause', '{"camera":"bed","duration_s":1e9}', /duration_s/],
      ['pause', '{"camera":"bed","duration":60}', /duration/],
      ['resume', '[]', /expected/i],
      ['reboot', '{}', /there is no command "reboot"/],
      ['test_alarm', '{"camera":"__proto__"}', /no camera "__proto__"/]
    ]
    for (const [name, payload, error] of bad) {
      nurse.forget()
      await nurse.send(name, payload)
      const answer = await until(() => nurse.told.find(({ topic }) => topic === `response/${name}`)?.json, name)
      expect(answer).toMatchObject({ status: 'error', error: expect.stringMatching(error) })
    }
    nurse.forget()
    const floods = ['ack', 'refresh', 'test_alarm', 'pause', 'nonsense'].flatMap((name) =>
      ['{', '{}', '{"camera":"bed"}', `"${'x'.repeat(20_000)}"`].map((payload) => [name, payload] as const)
    )
    const sends: Promise<unknown>[] = []
    for (let round = 0; round < 100; round++)
      for (const [name, payload] of floods) sends.push(nurse.send(name, payload))
    await Promise.all(sends)
    // What comes on top of 64 waiting commands is not answered; once they are through, everything is.
    const asking = setInterval(() => void nurse.send('resume', '{"camera":"bed","transaction":"after"}'), 250)
    await until(
      () => nurse.told.some(({ topic, json }) => topic === 'response/resume' && json && 'transaction' in json),
      'an answer after the flood',
      60_000
    ).finally(() => clearInterval(asking))
    nurse.forget()
    expect((await nurse.command('test_alarm', { camera: 'bed' })).status).toBe('ok')
    expect(await nurse.alarm('test', 'start')).toMatchObject({ test: true, priority: 'low', camera: 'bed' })
    expect(await nurse.alarm('test', 'end')).toMatchObject({ test: true, reason: 'test' })
    await nurse.alarm('pain', 'start')
    expect(daemon.child.exitCode).toBeNull()
    await ended(daemon, 'SIGTERM')
    expect(daemon.output()).not.toMatch(/\n\s+at /)
    expectWhole(
      (await listed(device, { json: true }))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as AlarmMessage)
    )
  })

  it('to refresh bring every state and every active alarm again; so does a broker that comes back, with how long it was away', async () => {
    const { device, nurse, start } = await setUp([bed, gone])
    const daemon = start()
    const pain = await nurse.alarm('pain', 'start', 40_000)
    await writeFile(device.file, 'device: [')
    daemon.child.kill('SIGHUP')
    const rejected = await nurse.alarm('config_rejected', 'start')
    const hasAll = () =>
      [pain, rejected].every(({ alarm_id }) => nurse.alarms().some((alarm) => alarm.alarm_id === alarm_id)) &&
      ['bed', 'gone'].every((camera) => nurse.states(camera).length > 0) &&
      nurse.told.some(({ topic }) => topic === 'status')
    nurse.forget()
    await nurse.command('refresh', {})
    await until(hasAll, 'all of it')

    await ward.broker.kill()
    await until(() => daemon.output().includes('"broker_lost"'), 'painlens to miss the broker', 60_000)
    nurse.forget()
    await ward.broker.start()
    const away = await nurse.alarm('broker_lost', 'start', 60_000)
    expect(away).toMatchObject({ type: 'technical', priority: 'low', camera: null })
    expect(Date.parse(away.updated) - Date.parse(away.onset)).toBeGreaterThanOrEqual(10_000)
    const back = await nurse.alarm('broker_lost', 'end', 40_000)
    expect(back).toMatchObject({ alarm_id: away.alarm_id, reason: 'cleared', seq: 1, onset: away.onset })
    expect(back.duration_s).toBeGreaterThanOrEqual(10)
    expect(back.text.en).toMatch(/^Connection to the broker is back: it was away for \d+ s$/)
    await until(hasAll, 'all of it again')
    await ended(daemon, 'SIGTERM')
  })
})
