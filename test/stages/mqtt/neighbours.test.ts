import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Moment } from '../../../src/core/clock.js'
import { silentLog } from '../../../src/core/log.js'
import { readHeard } from '../../../src/page/heard.js'
import { Ward } from '../../../src/page/ward.js'
import { hearNeighbours } from '../../../src/stages/mqtt/index.js'
import { health, painAlarm, status } from '../../page/rig.js'
import { startMosquitto } from '../../support/mosquitto.js'
import { until } from '../../support/slowness.js'
import { startStrictBroker } from '../../support/strict-broker.js'

/** What a page with a connection of its own hears of the boxes `a` and `b`. */
function listenAt(
  url: string,
  login: object,
  onMessage: Parameters<typeof hearNeighbours>[0]['onMessage'] = () => undefined
) {
  const refused: string[] = []
  const heard: string[] = []
  let isConnected = false
  const neighbours = hearNeighbours({
    broker: { url, ...login },
    device: 'own',
    purpose: 'page',
    others: ['a', 'b'],
    onMessage: (...told) => {
      heard.push(`${told[0]} ${told[1]}`)
      onMessage(...told)
    },
    onConnectionChange: (connected) => {
      isConnected = connected
    },
    onRefused: (device) => void refused.push(device),
    log: silentLog
  })
  onTestFinished(() => neighbours.stop())
  return { refused, heard, isConnected: () => isConnected, neighbours }
}

it('an answer of another box whose parts are of the wrong types ends nothing', async () => {
  const broker = await startMosquitto()
  onTestFinished(() => broker.remove())
  const { isConnected, neighbours, heard } = listenAt(broker.url, {})
  await until(isConnected, 'the connection')
  const box = await connectAsync(broker.url, { protocolVersion: 5 })
  onTestFinished(() => box.endAsync(true))
  const say = (topic: string, message: unknown) =>
    box.publishAsync(`painlens/a/${topic}`, JSON.stringify(message), { qos: 1 })
  // No such object can be made into text: https://tc39.es/ecma262/#sec-ordinarytoprimitive
  const textless = { toString: 1, valueOf: 1 }
  await box.subscribeAsync('painlens/a/command/resume', { qos: 1 })
  box.on('message', (_, payload) => {
    const { transaction } = JSON.parse(payload.toString()) as { transaction: string }
    void say('response/resume', { transaction, status: 'error', code: textless, error: textless })
  })
  for (const odd of [textless, [textless], null, 5, 'none'])
    await say('response/ack', { transaction: odd, status: 'ok' })
  for (const odd of [null, 5, 'text', []]) await say('response/ack', odd)
  await expect(neighbours.command('a', 'resume', { camera: 'bed' })).rejects.toMatchObject({
    code: 'PL-PAGE-OTHER-BOX',
    what: 'refused'
  })
  await say('status', status('a').message!)
  await until(() => heard.includes('a status'), 'the next message of that box')
})

describe('a page whose broker does not let it read the alarms of a box', () => {
  it('hears of a refused subscription which box that is', async () => {
    const broker = await startStrictBroker({ refuses: (topic) => topic === 'painlens/b/alarm' })
    onTestFinished(() => broker.stop())
    const { refused, isConnected } = listenAt(broker.url, {}, () => undefined)
    await until(isConnected, 'the connection')
    expect(refused).toEqual(['b'])
  })

  it('shows its rooms as unknown where the broker takes the subscription and delivers nothing, as mosquitto does', async () => {
    const broker = await startMosquitto({
      conf: (port, folder) => {
        const acl = join(folder, 'acl')
        const readable = ['a/#', 'b/status', 'b/health', 'b/camera/#'].map((topic) => `topic read painlens/${topic}`)
        const page = ['user page', 'topic write painlens/+/command/refresh', ...readable]
        writeFileSync(acl, [...page, 'user boxes', 'topic readwrite #', ''].join('\n'))
        return `listener ${port} localhost\nallow_anonymous true\nacl_file ${acl}\n`
      }
    })
    onTestFinished(() => broker.remove())
    let now = Date.now()
    const ward = new Ward({ devices: ['own', 'a', 'b'], heatmaps: false, clock: { now: () => now as Moment } })
    const taken: string[] = []
    const { refused, isConnected } = listenAt(broker.url, { username: 'page' }, (...told) => {
      const heard = readHeard(...told)
      if (heard && ward.take(heard)) taken.push(`${heard.device} ${heard.kind}`)
    })
    await until(isConnected, 'the connection')
    const boxes = await connectAsync(broker.url, { protocolVersion: 5, username: 'boxes' })
    onTestFinished(() => boxes.endAsync(true))
    const say = (topic: string, message: object) =>
      boxes.publishAsync(`painlens/${topic}`, JSON.stringify(message), { qos: 1 })
    for (const box of ['a', 'b']) {
      await say(`${box}/status`, status(box).message!)
      await say(`${box}/alarm`, { ...painAlarm('p', 0, 'bed'), published: new Date().toISOString() })
      await say(`${box}/health`, health({ bed: {} }, { activeAlarms: 1 }))
    }
    await until(() => taken.includes('b health'), 'the health of both')
    expect(refused).toEqual([])
    expect(taken).toContain('a alarm')
    expect(taken).not.toContain('b alarm')
    now += 15_001
    const room = (box: string) => ward.rows().get(`room/${box}/bed`)
    expect(room('a')).toMatchObject({ lamp: 'pain' })
    expect(room('b')).toMatchObject({ lamp: 'unknown', why: 'alarms_unheard' })
  })
})
