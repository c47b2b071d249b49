import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandSchemas } from '../../src/contract/commands.js'
import type { AlarmMessage } from '../../src/contract/messages.js'
import { packageRoot } from '../../src/core/version.js'
import { alarm } from '../stages/mqtt/rig.js'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { nodeRed } from '../support/node-red.js'
import { patience, until } from '../support/slowness.js'

const flow = readFileSync(`${packageRoot}docs/integrate/examples/node-red-flow.json`, 'utf8')
const acl = `${packageRoot}docs/integrate/examples/mosquitto.acl`
const users = { 'ward-2': 'box', 'nurse-call': 'call', technician: 'tools' }

/** The flow in a real Node-RED, with the users and the access list of the examples. */
describe.skipIf(nodeRed === null)('the Node-RED flow of the examples', { timeout: patience(60_000) }, () => {
  let folder: string
  let broker: Mosquitto
  let red: ChildProcess
  let box: MqttClient
  let call: MqttClient
  const heard: { topic: string; json: Record<string, unknown> }[] = []
  const on = (topic: string) => heard.filter((one) => one.topic === topic).map(({ json }) => json)
  const calls = () => on('nurse-call/ward-2/call')
  const tickets = () => on('technician/ward-2/ticket')

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'painlens-node-red-'))
    broker = await startMosquitto({ users, config: [`acl_file ${acl}`] })
    const nodes = JSON.parse(flow) as Record<string, unknown>[]
    const here = nodes.map((node) => (node.type === 'mqtt-broker' ? { ...node, port: String(broker.port) } : node))
    const [server] = here.filter(({ type }) => type === 'mqtt-broker')
    writeFileSync(join(folder, 'flow.json'), JSON.stringify(here))
    const credentials = { [String(server!.id)]: { user: 'nurse-call', password: users['nurse-call'] } }
    writeFileSync(join(folder, 'flow_cred.json'), JSON.stringify(credentials))
    writeFileSync(
      join(folder, 'settings.js'),
      `module.exports = { flowFile: 'flow.json', credentialSecret: false, httpAdminRoot: false, httpNodeRoot: false,
        uiHost: '127.0.0.1', uiPort: 0, telemetry: { enabled: false, updateNotification: false } }`
    )
    const args = [nodeRed!, '--userDir', folder, '--settings', join(folder, 'settings.js')]
    red = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [red.stdout!, red.stderr!]) stream.on('data', (data) => (said += String(data)))
    const connect = (user: keyof typeof users) =>
      connectAsync(broker.url, { protocolVersion: 5, username: user, password: users[user] })
    box = await connect('ward-2')
    call = await connect('nurse-call')
    const technician = await connect('technician')
    for (const client of [box, technician]) {
      client.on('message', (topic, bytes) => heard.push({ topic, json: JSON.parse(String(bytes)) }))
    }
    await box.subscribeAsync('painlens/ward-2/command/+', { qos: 1 })
    await technician.subscribeAsync('technician/#', { qos: 1 })
    call.on('message', (topic, bytes) => heard.push({ topic, json: JSON.parse(String(bytes)) }))
    await call.subscribeAsync('nurse-call/+/call', { qos: 1 })
    await until(() => said.includes('Connected to broker'), 'Node-RED at the broker', patience(50_000)).catch(
      (error) => {
        throw new Error(`${String(error)}: ${said}`)
      }
    )
    // Connected is not yet subscribed: its first answer shows that it is.
    const asking = setInterval(() => void say('status', { state: 'online', session: 's1' }), 100)
    await until(() => calls().length > 0, 'the first answer of the flow').finally(() => clearInterval(asking))
    return async () => {
      for (const client of [box, call, technician]) await client.endAsync(true)
    }
  }, patience(90_000))

  afterAll(async () => {
    const gone = new Promise((resolve) => red?.once('exit', resolve))
    if (red?.kill()) await gone
    await broker?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const say = (topic: string, message: object) =>
    box.publishAsync(`painlens/ward-2/${topic}`, JSON.stringify(message), { qos: 1 })
  const camera = { type: 'technical', condition: 'camera_lost', score: null, threshold: null, code: 'PL-CAMERA-LOST' }
  const technical = (seq: number, phase?: AlarmMessage['phase']) => ({ ...alarm('t', seq, phase), ...camera })
  const ofAlarm = (id: string) => calls().filter(({ alarm_id }) => alarm_id === id)

  it('makes one call of an alarm that comes twice, again for a reminder, and ends it as unknown unless it cleared', async () => {
    await say('alarm', alarm('a', 0))
    await say('alarm', alarm('a', 0))
    await say('alarm', alarm('a', 1))
    await say('alarm', { ...alarm('a', 2), reminder: 1 })
    await say('alarm', { ...alarm('a', 3, 'end'), reason: 'track_lost' })
    await say('alarm', alarm('missed', 7))
    await say('alarm', alarm('missed', 8, 'end'))
    await until(() => ofAlarm('missed').length === 2, 'the calls')
    expect(ofAlarm('a').map((one) => one.call)).toEqual(['ring', 'ring', 'end'])
    expect(ofAlarm('a')[0]).toMatchObject({ place: '12', priority: 'high', text: 'Pain suspected', device: 'ward-2' })
    expect(ofAlarm('a')[2]).toMatchObject({ unknown: true })
    expect(ofAlarm('missed')).toMatchObject([{ call: 'ring' }, { call: 'end', unknown: false }])
  })

  it('sends technical alarms to the technician and not to the nurse', async () => {
    await say('alarm', technical(0))
    await say('alarm', technical(1))
    await say('alarm', technical(2, 'end'))
    await until(() => tickets().filter(({ alarm_id }) => alarm_id === 't').length === 2, 'the tickets')
    expect(tickets().filter(({ alarm_id }) => alarm_id === 't')).toMatchObject([
      { state: 'open', condition: 'camera_lost', code: 'PL-CAMERA-LOST' },
      { state: 'closed' }
    ])
    expect(ofAlarm('t')).toEqual([])
  })

  it('brings an acknowledgement back as a command that painlens takes, shows it, and names a refused one', async () => {
    const taken = { alarm_id: 'a', by: 'nurse 7', kind: 'coming' }
    await call.publishAsync('nurse-call/ward-2/taken', JSON.stringify(taken), { qos: 1 })
    const command = await until(() => on('painlens/ward-2/command/ack')[0], 'the command')
    expect(commandSchemas.ack.parse(command)).toMatchObject(taken)
    // Not every nurse call knows who it was.
    await call.publishAsync('nurse-call/ward-2/taken', JSON.stringify({ alarm_id: 'a', by: ' ' }), { qos: 1 })
    const nameless = await until(() => on('painlens/ward-2/command/ack')[1], 'the command')
    expect(commandSchemas.ack.parse(nameless)).toMatchObject({ by: 'nurse call', kind: 'seen' })
    const ack = { by: 'nurse 7', at: '2026-01-01T00:00:03.000Z', kind: 'coming' } as const
    await say('alarm', alarm('b', 0))
    await say('alarm', { ...alarm('b', 1), ack })
    await until(() => ofAlarm('b').length === 2, 'the call, and who took it')
    expect(ofAlarm('b')[1]).toMatchObject({ call: 'taken', by: 'nurse 7' })
    const refusal = { transaction: 'x', status: 'error', code: 'PL-COMMAND-NO-ALARM', error: 'no active alarm' }
    await say('response/ack', refusal)
    const ticket = await until(() => tickets().find(({ alarm_id }) => alarm_id === 'x'), 'the ticket')
    expect(ticket).toMatchObject({ condition: 'acknowledgement_refused', code: 'PL-COMMAND-NO-ALARM' })
  })

  it('says that residents are not watched when painlens goes off, but not for an old last will', async () => {
    const before = calls().length
    await say('status', { state: 'offline', session: 's0' })
    await say('status', { state: 'offline', session: 's1' })
    await until(() => calls().length > before, 'the notice')
    expect(calls().slice(before)).toMatchObject([{ call: 'not_watched', device: 'ward-2' }])
    await until(
      () => tickets().some(({ condition, state }) => condition === 'offline' && state === 'open'),
      'the ticket'
    )
  })
})
