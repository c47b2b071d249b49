import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { commandSchemas } from '../../../src/contract/commands.js'
import { commandNames, type ResponseMessage } from '../../../src/contract/messages.js'
import { baseTopic, topicOf, topics } from '../../../src/contract/topics.js'
import { silentLog } from '../../../src/core/log.js'
import { Secrets } from '../../../src/core/secrets.js'
import { CommandQueue } from '../../../src/stages/mqtt/commands.js'
import { addressOf, connectOptions, explainConnectError } from '../../../src/stages/mqtt/connect.js'
import { ObservationLimiter } from '../../../src/stages/mqtt/live-state.js'
import { defaultDelays, delayMs } from '../../../src/stages/mqtt/reconnect.js'
import { alarm, explanation, health, noCommands } from './rig.js'

describe('connectOptions', () => {
  const will = { state: 'offline', session: 's', version: '1', at: 'now' } as const

  test('turns every default of mqtt.js that is wrong for alarms', () => {
    const options = connectOptions({ url: 'mqtt://host', device: 'box', protocolVersion: 5, will })
    expect(options).toMatchObject({
      protocolVersion: 5,
      clean: false,
      clientId: 'painlens-box',
      reconnectPeriod: 0,
      queueQoSZero: false,
      keepalive: 30,
      port: 1883,
      properties: { sessionExpiryInterval: 3600 },
      will: { topic: 'painlens/box/status', qos: 1, retain: true, properties: { willDelayInterval: 5 } }
    })
    expect(JSON.parse(String(options.will?.payload))).toEqual(will)
  })

  test('has no MQTT 5 properties for 3.1.1', () => {
    const options = connectOptions({ url: 'mqtt://host', device: 'box', protocolVersion: 4, will })
    expect([options.properties, options.will?.properties]).toEqual([undefined, undefined])
  })

  test('a check leaves no session and has a name of its own', () => {
    const options = connectOptions({
      url: 'mqtt://h',
      device: 'box',
      protocolVersion: 5,
      clean: true,
      clientId: 'check'
    })
    expect(options).toMatchObject({ clean: true, clientId: 'check', properties: { sessionExpiryInterval: 0 } })
    expect(options.will).toBeUndefined()
  })

  test('takes credentials from the URL where they are not given apart, and never shows them', () => {
    const url = 'mqtts://user:p%40ss%3Aw%2Frd@[::1]:8884'
    const options = connectOptions({ url, device: 'box', protocolVersion: 5 })
    expect(options).toMatchObject({
      host: '::1',
      port: 8884,
      username: 'user',
      password: 'p@ss:w/rd',
      rejectUnauthorized: true
    })
    expect(connectOptions({ url, password: 'other', device: 'box', protocolVersion: 5 }).password).toBe('other')
    expect(addressOf(url)).toBe('mqtts://[::1]:8884')
  })
})

test('a WebSocket address keeps its path', () => {
  const options = connectOptions({
    url: 'wss://u:p@host/mqtt?x=1',
    device: 'box',
    protocolVersion: 5,
    tls: { serverName: 's' }
  })
  expect(options).toMatchObject({
    protocol: 'wss',
    port: 443,
    path: '/mqtt?x=1',
    servername: 's',
    rejectUnauthorized: true
  })
  expect(connectOptions({ url: 'mqtt://host/x', device: 'box', protocolVersion: 5 })).not.toHaveProperty('path')
})

test('every known trouble says what and what to do; unknown ones pass their text on', () => {
  for (const code of ['ECONNREFUSED', 'CERT_HAS_EXPIRED', 1, 4, 5, 132, 134, 135]) {
    const { what, fix } = explainConnectError(Object.assign(new Error('raw'), { code }))
    expect(what).not.toMatch(/raw|\.$/)
    expect(fix).toMatch(/\.$/)
  }
  expect(explainConnectError(new Error('odd')).what).toContain('odd')
  expect(explainConnectError(Object.assign(new Error('odd'), { code: 'ERR_SSL_SOMETHING' })).kind).toBe('tls')
})

test('the backoff grows from 1 to 30 s, is never at the same moment for all, and is slower for a refusal', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, random) => {
      const delay = delayMs(defaultDelays, failures, 'network', () => random)
      expect(delay).toBeGreaterThanOrEqual(1000)
      expect(delay).toBeLessThanOrEqual(30_000)
      expect(delayMs(defaultDelays, failures, 'auth', () => random)).toBeGreaterThanOrEqual(30_000)
    })
  )
  expect(delayMs(defaultDelays, 0, 'network', () => 0)).toBe(1000)
  expect(delayMs(defaultDelays, 9, 'network', () => 0.999)).toBeGreaterThan(29_000)
  expect(delayMs(defaultDelays, 9, 'network', () => 0)).not.toBe(delayMs(defaultDelays, 9, 'network', () => 1))
})

test('observations: never two of a track within a second, whatever comes', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 1, max: 3 }), fc.nat(700)))
  fc.assert(
    fc.property(steps, (steps) => {
      const limiter = new ObservationLimiter()
      const last = new Map<string, number>()
      let now = 0
      for (const [camera, track, ms] of steps) {
        now += ms
        const key = `${camera}${track}`
        const due = now - (last.get(key) ?? Number.NEGATIVE_INFINITY) >= 1000
        expect(limiter.allows(camera, track, now)).toBe(due)
        if (due) last.set(key, now)
      }
    })
  )
})

test('whatever comes in as a command is answered once and throws nothing', async () => {
  const name = fc.oneof(fc.constantFrom(...commandNames), fc.string({ maxLength: 30 }))
  const json = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .record(
        {
          transaction: fc.oneof(fc.string(), fc.integer()),
          camera: fc.string(),
          by: fc.string(),
          alarm_id: fc.string()
        },
        { requiredKeys: [] }
      )
      .map((v) => JSON.stringify(v))
  )
  await fc.assert(
    fc.asyncProperty(name, json, async (name, text) => {
      const answers: [string, ResponseMessage][] = []
      const answer = async (topic: string, message: ResponseMessage) => void answers.push([topic, message])
      const desk = new CommandQueue({ base: 'b', handlers: noCommands, answer, secrets: new Secrets(), log: silentLog })
      desk.take(`b/command/${name}`, Buffer.from(text), {
        cmd: 'publish',
        topic: '',
        payload: '',
        qos: 1,
        dup: false,
        retain: false
      })
      await desk.idle()
      expect(answers).toHaveLength(1)
      expect(answers[0]?.[0]).toMatch(/^b\/response\/[\w-]+$/)
      expect(answers[0]?.[1].status).toMatch(/^(ok|error)$/)
    }),
    { numRuns: 500 }
  )
})

test('a command does not wait for the answer to the one before, which the broker has not confirmed', async () => {
  const handled: string[] = []
  const handlers = { ...noCommands, pause: async ({ camera }: { camera: string }) => void handled.push(camera) }
  const confirm: (() => void)[] = []
  const answer = () => new Promise<void>((resolve) => void confirm.push(resolve))
  const desk = new CommandQueue({ base: 'b', handlers, answer, secrets: new Secrets(), log: silentLog })
  const packet = { cmd: 'publish', topic: '', payload: '', qos: 1, dup: false, retain: false } as const
  desk.take('b/command/pause', Buffer.from('{"camera":"a"}'), packet)
  await expect.poll(() => handled).toEqual(['a'])
  desk.take('b/command/pause', Buffer.from('{"camera":"b"}'), packet)
  await expect.poll(() => handled).toEqual(['a', 'b'])
  for (const each of confirm) each()
  await desk.idle()
})

test('the trial message of painlens check is not taken for a command and gets no answer', async () => {
  const answers: string[] = []
  const answer = async (topic: string) => void answers.push(topic)
  const desk = new CommandQueue({ base: 'b', handlers: noCommands, answer, secrets: new Secrets(), log: silentLog })
  const packet = { cmd: 'publish', topic: '', payload: '', qos: 1, dup: false, retain: false } as const
  for (const name of ['check', 'checks']) desk.take(`b/command/${name}`, Buffer.from('{}'), packet)
  await desk.idle()
  expect(answers).toEqual(['b/response/checks'])
})

describe('docs/integrate/mqtt.md', () => {
  const page = readFileSync(new URL('../../../docs/integrate/mqtt.md', import.meta.url), 'utf8')

  test('its table of topics is the one in the code', () => {
    for (const [kind, { qos, retain }] of Object.entries(topics)) {
      const shown = topicOf('base', kind as keyof typeof topics, kind === 'response' ? '<name>' : '<id>')
      expect(page).toContain(`| \`${shown}\` | ${qos} | ${retain ? 'yes' : 'no'} |`)
    }
    expect(page).toContain(baseTopic('<device>'))
  })

  test('its examples have the fields that are really published', () => {
    const example = (heading: string) => {
      const block = page.split(`## base/${heading}\n`)[1]?.split('```json\n')[1]?.split('```')[0]
      return JSON.parse(block ?? 'missing') as object
    }
    const keys = (value: object) => Object.keys(value).sort()
    const { heatmap: _, ...plain } = explanation
    expect(keys(example('alarm'))).toEqual(keys(alarm('a', 0)))
    expect(keys(example('explanation'))).toEqual(keys(plain))
    expect(keys(example('health'))).toEqual(keys(health))
  })

  test('its example of each command is taken', () => {
    for (const name of commandNames) {
      const example = new RegExp(`command/${name}\`[^]*?\`\`\`json\\n([^\`]+)\`\`\``).exec(page)?.[1]
      expect(() => commandSchemas[name].parse(JSON.parse(example ?? 'missing'))).not.toThrow()
    }
  })
})
