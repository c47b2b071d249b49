import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { AlarmMessage, StatusMessage } from '../../src/contract/messages.js'
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

/** What is retained for Home Assistant: the components of the one device; null where its message was taken away. */
async function listenAsHomeAssistant(): Promise<() => Record<string, object> | null | undefined> {
  const client = await connectAsync(ward.broker.url)
  onTestFinished(() => client.endAsync(true))
  let heard: Record<string, object> | null | undefined
  client.on('message', (_, bytes) => {
    heard = bytes.length === 0 ? null : (JSON.parse(String(bytes)) as { components: Record<string, object> }).components
  })
  await client.subscribeAsync('homeassistant/device/+/config', { qos: 1 })
  return () => heard
}

describe('an active alarm', { timeout: patience(120_000) }, () => {
  it('stays active when acknowledged, and is ended once after kill -9, with its next seq, and on stop', async () => {
    const { device, nurse, start } = await setUp([bed, gone])
    const killed = start()
    const pain = await nurse.alarm('pain', 'start', 40_000)
    const lost = await nurse.alarm('camera_lost', 'start')
    await until(() => nurse.pain('bed').at(-1)?.suspected === true, 'the state of pain')
    expect(nurse.pain('bed').at(-1)).toMatchObject({ alarm_ids: [pain.alarm_id] })
    expect(nurse.pain('gone').at(-1)).toMatchObject({ suspected: null })
    const answer = await nurse.command('ack', { alarm_id: pain.alarm_id, by: 'nurse 7', kind: 'coming' })
    expect(answer.status).toBe('ok')
    const acked = await nurse.alarm('pain', 'update')
    expect(acked).toMatchObject({ alarm_id: pain.alarm_id, state: 'active', ack: { by: 'nurse 7', kind: 'coming' } })
    expect(await nurse.command('ack', { alarm_id: 'x', by: 'nurse 7' })).toMatchObject({
      status: 'error',
      code: 'PL-COMMAND-NO-ALARM',
      error: expect.stringMatching(/no active alarm has that id/)
    })
    const during = { alarm_id: pain.alarm_id, by: 'nurse 7', kind: 'coming', after_end: false }
    await until(() => nurse.acknowledgements().length === 1, 'the acknowledgement')
    expect(nurse.acknowledgements()).toMatchObject([{ ...during, at: acked.ack!.at }])
    await killed.end('SIGKILL')
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
    // It came after the end, and the run that said the start is gone.
    const late = { alarm_id: pain.alarm_id, by: '\u001b[2Jnurse 8', kind: 'false_alarm' }
    expect(await nurse.command('ack', late)).toMatchObject({ status: 'ok' })
    await until(() => nurse.acknowledgements().length === 2, 'the late acknowledgement')
    expect(nurse.acknowledgements()[1]).toMatchObject({ ...late, by: '\\x1b[2Jnurse 8', after_end: true })
    const isAnew = ({ phase, condition, seq }: AlarmMessage) => phase === 'start' && condition === 'pain' && seq === 0
    const anew = await until(() => nurse.alarms().slice(ofKilled).find(isAnew), 'the pain alarm of the new run')
    expect(left).not.toContain(anew.alarm_id)
    const table = await device.alarms({ camera: 'bed' })
    expect(table).toMatch(
      /bed +12 +pain +high .* restarted +false_alarm by \\x1b\[2Jnurse 8 at .* after the end \(2 in all\)/
    )
    expect(table).toMatch(/[2-9] alarms, [1-9] without an end/)
    await again.end('SIGTERM')
    const stopped = await until(
      () => nurse.alarms().find((alarm) => alarm.alarm_id === anew.alarm_id && alarm.phase === 'end'),
      'the end of the new alarm'
    )
    expect(stopped.reason).toBe('stopped')
    const before = new Set(nurse.alarms().map(({ alarm_id, seq }) => `${alarm_id} ${seq}`))
    const third = start()
    await nurse.command('test_alarm', { camera: 'gone', seconds: 1 })
    await nurse.alarm('test', 'end')
    // Only the alarm log knows of it now; what the last one was it knows, too.
    expect(await nurse.command('ack', late)).toMatchObject({ status: 'ok' })
    expect(await nurse.command('ack', { ...late, kind: 'seen' })).toMatchObject({ status: 'ok' })
    await until(() => nurse.acknowledgements().length === 3, 'the other late acknowledgement')
    expect(nurse.acknowledgements()[2]).toMatchObject({ alarm_id: pain.alarm_id, kind: 'seen', after_end: true })
    const ofThird = nurse.alarms().filter(({ alarm_id, seq }) => !before.has(`${alarm_id} ${seq}`))
    const endedBefore = [pain, lost, anew].map(({ alarm_id }) => alarm_id)
    expect(ofThird.filter(({ alarm_id }) => endedBefore.includes(alarm_id))).toEqual([])
    await third.end('SIGTERM')
    const goodbye = () => nurse.told.findLast(({ topic }) => topic === 'status')?.json as StatusMessage
    await until(() => goodbye().state === 'offline', 'a goodbye')
    expectWhole(nurse.alarms())
    const logged = (await device.alarms({ json: true })).trimEnd().split('\n')
    const told = nurse.alarms().map(({ alarm_id, seq, phase }) => `${alarm_id} ${seq} ${phase}`)
    const kept = logged.map((line) => JSON.parse(line) as AlarmMessage).filter((entry) => 'phase' in entry)
    expect(kept.map(({ alarm_id, seq, phase }) => `${alarm_id} ${seq} ${phase}`).sort()).toEqual(
      [...new Set(told)].sort()
    )
  })

  it("ends when its camera is removed from the config or changed, and a removed camera's state is cleared", async () => {
    // An alarm log that cannot be written does not delay alarms.
    const mqtt = { url: ward.broker.url, home_assistant: { enabled: true } }
    const changes = { alarm_log: { path: '/etc/hostname/alarms' }, mqtt }
    const home = await listenAsHomeAssistant()
    const { device, configure, nurse, start } = await setUp([bed, gone], changes)
    const daemon = start()
    const pain = await nurse.alarm('pain', 'start', 40_000)
    await nurse.alarm('camera_lost', 'start')
    await until(() => home()?.gone_pain, 'the entities of both cameras')
    expect(home()?.gone_pain).toHaveProperty('state_topic')
    expect(daemon.output()).toContain('the alarm log cannot be written')
    await configure([{ ...bed, location: { room: '13' } }])
    daemon.child.kill('SIGHUP')
    const end = await nurse.alarm('pain', 'end')
    expect(end).toMatchObject({ alarm_id: pain.alarm_id, reason: 'reconfigured' })
    expect(await nurse.alarm('camera_lost', 'end')).toMatchObject({ reason: 'reconfigured' })
    await until(() => nurse.states('gone').at(-1) === null, 'the state to be taken away')
    await until(() => nurse.pain('gone').at(-1) === null, 'the state of pain to be taken away')
    expect(home()?.gone_pain).toEqual({ platform: 'binary_sensor' })
    expect(home()?.bed_pain).toHaveProperty('name', 'Pain suspected, room 13')
    const moved = await until(
      () => nurse.alarms().find(({ location }) => location.room === '13'),
      'the alarm with its new place'
    )
    expect(moved.phase).toBe('start')
    await daemon.end('SIGTERM')

    // Removed while painlens is not running, and Home Assistant switched off.
    await device.configure([gone], { ...soon, alarm_log: changes.alarm_log })
    const later = start()
    await until(() => nurse.states('bed').at(-1) === null, 'the other state to be taken away')
    await until(() => home() === null, 'the message for Home Assistant to be taken away')
    const newcomer = await device.listen()
    await until(() => newcomer.states('gone').length > 0, 'the state that is still there')
    expect(newcomer.states('bed')).toEqual([])
    await later.end('SIGTERM')
  })
})
