import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AlarmMessage, CameraStateMessage } from '../../src/contract/messages.js'
import { expectWhole } from '../support/nurse.js'
import { patience, until } from '../support/slowness.js'
import { nowhere, type RoomCamera, Ward } from '../support/ward.js'

let ward: Ward
let bed: RoomCamera
beforeAll(async () => {
  ward = await Ward.open()
  bed = await ward.room()
})
afterAll(() => ward.close())

const gone = { id: 'gone', url: nowhere, width: 640, height: 360 }

/** A short onset: its duration is tested elsewhere, without a daemon. */
const soon = { alarm: { onset_s: 1, smoothing_s: 0.2 } }

async function setUp(cameras: object[], changes: object = {}) {
  const device = await ward.device(cameras, { ...soon, ...changes })
  const configure = (others: object[]) => device.configure(others, { ...soon, ...changes })
  return { device, configure, nurse: await device.listen(), start: () => device.start() }
}

describe('a pause for care', { timeout: patience(120_000) }, () => {
  it('publishes its end, can be extended but not shortened, survives kill -9 and a reload, and expires', async () => {
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
    await killed.end('SIGKILL')

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
    await nurse.alarm('pain', 'start')
    const order = nurse.told.flatMap(({ topic, json }) => {
      if (topic === 'camera/bed/state') return [(json as CameraStateMessage).state]
      return topic === 'alarm' && (json as AlarmMessage).phase === 'start' ? ['alarm'] : []
    })
    expect(order.indexOf('ok')).toBeGreaterThan(order.indexOf('paused'))
    expect(order.indexOf('alarm'), 'no alarm during the pause').toBeGreaterThan(order.indexOf('ok'))
    await again.end('SIGTERM')
    nurse.forget()
    const third = start()
    await nurse.state('bed', 'ok', 40_000)
    expect(nurse.states('bed').some((told) => told?.state === 'paused')).toBe(false)
    await third.end('SIGTERM')
  })
})

describe('MQTT commands', { timeout: patience(120_000) }, () => {
  it('that are invalid are answered with an error; a flood of them stops neither commands nor alarms, and leaves few test alarms in the log', async () => {
    const { device, nurse, start } = await setUp([bed])
    const daemon = start()
    const startedAt = performance.now()
    const pain = await nurse.alarm('pain', 'start', 40_000)
    const bad: readonly (readonly [name: string, payload: string, error: RegExp])[] = [
      ['ack', '{"alarm_id":', /^the payload is no JSON\. Send a JSON object/],
      ['ack', '{"alarm_id":"x"}', /by/],
      ['ack', JSON.stringify({ alarm_id: pain.alarm_id, by: 'n', kind: 'clear' }), /kind/],
      ['pause', '{"camera":"bed","duration_s":1e9}', /duration_s/],
      ['pause', '{"camera":"bed","duration":60}', /a key that pause does not take; known are .*duration_s/],
      ['resume', '[]', /^the payload is no JSON object/],
      ['reboot', '{}', /^there is no command of that name; known are ack/],
      ['test_alarm', '{"camera":"__proto__"}', /no camera of that name/]
    ]
    for (const [name, payload, error] of bad) {
      nurse.forget()
      await nurse.send(name, payload)
      const answer = await until(() => nurse.told.find(({ topic }) => topic === `response/${name}`)?.json, name)
      expect(answer).toMatchObject({ status: 'error', error: expect.stringMatching(error) })
    }
    expect((await nurse.command('test_alarm', { camera: 'bed', seconds: 1 })).status).toBe('ok')
    expect(await nurse.alarm('test', 'start')).toMatchObject({ test: true, priority: 'low', camera: 'bed' })
    expect(await nurse.alarm('test', 'end')).toMatchObject({ test: true, reason: 'test' })
    nurse.forget()
    const floods = ['ack', 'refresh', 'test_alarm', 'pause', 'nonsense'].flatMap((name) =>
      ['{', '{}', '{"camera":"bed"}', `"${'x'.repeat(20_000)}"`].map((payload) => [name, payload] as const)
    )
    const sends: Promise<unknown>[] = []
    for (let round = 0; round < 100; round++)
      for (const [name, payload] of floods) sends.push(nurse.send(name, payload))
    await Promise.all(sends)
    // Commands beyond 64 waiting ones are not answered; once the queue is empty, commands are answered again.
    const asking = setInterval(() => void nurse.send('resume', '{"camera":"bed","transaction":"after"}'), 250)
    await until(
      () => nurse.told.some(({ topic, json }) => topic === 'response/resume' && json && 'transaction' in json),
      'an answer after the flood',
      60_000
    ).finally(() => clearInterval(asking))
    nurse.forget()
    const testAlarm = () => nurse.command('test_alarm', { camera: 'bed', seconds: 1 })
    let answer = await testAlarm()
    for (let tries = 0; answer.status === 'ok' && tries < 20; tries++) answer = await testAlarm()
    expect(answer).toMatchObject({ status: 'error', code: 'PL-COMMAND-TOO-MANY' })
    await nurse.alarm('pain', 'start')
    expect(daemon.child.exitCode).toBeNull()
    await daemon.end('SIGTERM')
    expect(daemon.output()).not.toMatch(/\n\s+at /)
    const logged = (await device.alarms({ json: true }))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as AlarmMessage)
    expectWhole(logged)
    const tests = logged.filter(({ condition, phase }) => condition === 'test' && phase === 'start')
    expect(tests.length).toBeLessThanOrEqual(10 + (performance.now() - startedAt) / 30_000)
  })

  it("to refresh, like a reconnect, publish all states and active alarms again; the outage's alarm has its duration", async () => {
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
    await daemon.end('SIGTERM')
  })
})
