/** One box shows a ward of 20 others through the broker that they share. */
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RoomRow, Row, TakingRow } from '../../src/page/wire.js'
import { health, logIn, painAlarm, post, room, status } from '../page/rig.js'
import { explanation } from '../stages/mqtt/rig.js'
import { freePort } from '../support/mosquitto.js'
import { patience, until } from '../support/slowness.js'
import { nowhere, Ward } from '../support/ward.js'

const boxes = Array.from({ length: 20 }, (_, i) => `box-${i}`)
const beds = Array.from({ length: 8 }, (_, i) => `bed-${i}`)
const token = 'ward-token-0123456789'

let ward: Ward
beforeAll(async () => {
  ward = await Ward.open()
})
afterAll(() => ward.close())

/** The boxes' side of the broker: what they retain, and the commands that they get. */
async function connectBoxes(): Promise<{
  client: MqttClient
  commands: string[]
  say: (topic: string, message: object) => Promise<unknown>
}> {
  const client = await connectAsync(ward.broker.url, { protocolVersion: 5 })
  onTestFinished(() => client.endAsync(true))
  const say = (topic: string, message: object, retain = false) =>
    client.publishAsync(`painlens/${topic}`, JSON.stringify(message), { qos: 1, retain })
  for (const box of boxes) {
    const cameras = Object.fromEntries(beds.map((bed) => [bed, { location: room(bed) }]))
    await say(`${box}/status`, status(box).message!, true)
    await say(`${box}/health`, health(cameras), true)
    for (const bed of beds)
      await say(`${box}/camera/${bed}/state`, { state: 'ok', since: new Date().toISOString() }, true)
  }
  const commands: string[] = []
  client.on('message', (topic, payload) => {
    const [, box, , name] = topic.split('/')
    const { transaction, ...args } = JSON.parse(payload.toString()) as Record<string, unknown>
    commands.push(`${box} ${name} ${JSON.stringify(args)}`)
    const error = { code: 'PL-COMMAND-NO-CAMERA', error: 'there is no camera "gone"' }
    const refused = args.camera === 'gone' ? { status: 'error', ...error } : { status: 'ok' }
    if (name !== 'refresh') void say(`${box}/response/${name}`, { transaction, ...refused })
  })
  await client.subscribeAsync('painlens/+/command/+', { qos: 1 })
  return { client, commands, say }
}

/** The rows that the page tells a viewer. */
async function rowsOf(url: string, cookie: string): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>()
  const leaving = new AbortController()
  onTestFinished(() => leaving.abort())
  const answer = await fetch(`${url}/api/events`, { headers: { cookie }, signal: leaving.signal })
  const read = async (): Promise<void> => {
    let text = ''
    for await (const chunk of answer.body!) {
      const events = (text + Buffer.from(chunk as Uint8Array).toString()).split('\n\n')
      text = events.pop()!
      for (const event of events.filter((one) => one.startsWith('event: rows'))) {
        const told = JSON.parse(event.slice(event.indexOf('data: ') + 6)) as { rows: Record<string, Row | null> }
        for (const [key, row] of Object.entries(told.rows)) row ? rows.set(key, row) : rows.delete(key)
      }
    }
  }
  void read().catch(() => undefined)
  return rows
}

describe('the page of one box for a ward', { timeout: patience(120_000) }, () => {
  it('shows 20 boxes with 8 cameras each, sends them commands, and takes a dead one for unknown', async () => {
    const { commands, say } = await connectBoxes()
    const port = await freePort()
    const page = { enabled: true, port, tokens: { ward: token }, path: 'page', devices: boxes }
    const device = await ward.device([{ id: 'own', url: nowhere }], { page })
    const daemon = device.start()
    await until(() => daemon.output().includes('the page is served'), 'the page', 60_000)
    const url = `http://127.0.0.1:${port}`
    const cookie = await logIn(url, token)
    const rows = await rowsOf(url, cookie)
    const lamps = () => [...rows.values()].flatMap((row) => (row.kind === 'room' ? [row.why ?? row.lamp] : []))
    await until(() => lamps().filter((lamp) => lamp === 'watched').length === 160, '160 rooms')
    expect(lamps()).toHaveLength(161)
    await until(() => boxes.every((box) => commands.includes(`${box} refresh {}`)), 'that each is asked for its alarms')

    const alarm = { ...painAlarm('p', 0, 'bed-3'), published: new Date().toISOString() }
    await say('box-7/alarm', alarm)
    await say('box-7/explanation', { ...explanation, alarm_id: 'p' })
    await until(() => rows.get('room/box-7/bed-3')?.kind === 'room' && lamps().includes('pain'), 'the pain')
    await until(() => (rows.get('alarm/box-7/p') as { why?: unknown })?.why, 'the reason')
    const sent = (path: string, body: object) => post(url, path, body, { cookie })
    expect((await sent('/api/acknowledge', { device: 'box-7', alarm: 'p', kind: 'coming' })).status).toBe(200)
    expect(commands).toContain('box-7 ack {"alarm_id":"p","by":"Schwester K.","kind":"coming"}')
    const refused = await sent('/api/pause', { device: 'box-7', camera: 'gone', minutes: 5 })
    expect([refused.status, await refused.json()]).toEqual([
      409,
      expect.objectContaining({ code: 'PL-COMMAND-NO-CAMERA', error: 'there is no camera "gone"' })
    ])
    await say('box-6/camera/bed-2/reference', { available: true, zones: [], references: [] })
    await until(() => (rows.get('room/box-6/bed-2') as RoomRow).reference, 'that a resting face can be taken')
    expect((await sent('/api/reference', { device: 'box-6', camera: 'bed-2', zone: null })).status).toBe(200)
    await until(
      () => (rows.get('taking/box-6/bed-2') as TakingRow | undefined)?.outcome === 'taken',
      'the resting face'
    )
    expect(commands.find((one) => one.startsWith('box-6 reference'))).toMatch(
      /^box-6 reference \{"camera":"bed-2","seconds":30,"by":"Schwester K\.","remove":false,"not_after":"\d{4}-/
    )
    expect((await sent('/api/pause', { device: 'box-7/#', camera: 'bed-3', minutes: 5 })).status).toBe(409)

    for (const garbage of ['{', '[]', 'null', '{"state":"on"}', '{"cameras":{}}', '{"alarm_id":7}'])
      for (const topic of ['status', 'health', 'alarm', 'explanation', 'acknowledgement', 'camera/bed-0/state'])
        await say(`box-8/${topic}`, JSON.parse(garbage === '{' ? '"{"' : garbage) as object)
    await say('box-9/status', status('box-9', 'offline').message!)
    await until(() => lamps().filter((lamp) => lamp === 'box_off').length === 8, 'the dead box')
    // One shows pain, and one has a state that this version does not know.
    expect(lamps().filter((lamp) => lamp === 'watched')).toHaveLength(150)

    await ward.broker.kill()
    await until(() => lamps().filter((lamp) => lamp === 'broker_away').length === 160, 'the broker')
    await daemon.end('SIGTERM')
  })
})
