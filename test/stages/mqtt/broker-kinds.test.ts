import { rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { PortInUseError } from '../../../src/core/errors.js'
import { startBroker } from '../../../src/show/demo/broker.js'
import { explainConnectError } from '../../../src/stages/mqtt/connect.js'
import { makeCertificates } from '../../support/certificates.js'
import { freePort, type MosquittoOptions, startMosquitto } from '../../support/mosquitto.js'
import { Deadline, until } from '../../support/slowness.js'
import { alarm, listen, noCommands, type Rig, type RigOptions, startRig } from './rig.js'

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})
async function mosquitto(options: MosquittoOptions) {
  const broker = await startMosquitto(options)
  cleanUp.push(() => broker.remove())
  return broker
}
async function start(url: string, more?: Partial<RigOptions>): Promise<Rig> {
  const rig = await startRig(url, more)
  cleanUp.push(() => rig.stop())
  return rig
}
const trouble = async (rig: Rig) => {
  await until(() => rig.mqtt.stats().trouble !== null, 'trouble')
  return rig.mqtt.stats().trouble
}

describe('a broker with passwords', () => {
  const password = 'p@ss:w/rd?#%&"\''

  test('lets the right one in, given apart or in the URL', async () => {
    const broker = await mosquitto({ users: { painlens: password } })
    const apart = await start(broker.url, { broker: { url: broker.url, username: 'painlens', password } })
    await until(() => apart.mqtt.connected(), 'connected')
    await apart.mqtt.stop()
    const url = broker.url.replace('//', `//painlens:${encodeURIComponent(password)}@`)
    const inUrl = await start(url)
    await until(() => inUrl.mqtt.connected(), 'connected')
    expect(inUrl.lines.join('\n')).not.toContain(encodeURIComponent(password))
  })

  test('refuses the wrong one: said once with what to do, and asked again less often', async () => {
    const broker = await mosquitto({ users: { painlens: password } })
    const wrong = { url: broker.url, username: 'painlens', password: 'wrong' }
    const rig = await start(broker.url, { broker: wrong, backoff: { minMs: 1, maxMs: 2, refusedMs: 60_000 } })
    expect(await trouble(rig)).toEqual({
      code: 'PL-BROKER-LOGIN',
      what: 'the broker refuses user name or password',
      fix: expect.stringContaining('mqtt.username and mqtt.password')
    })
    await until(() => broker.log().includes('not authorised'), 'the line of the broker')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(broker.log().match(/not authorised/g)).toHaveLength(1)
    expect(rig.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1)
    expect(rig.lines.join()).not.toContain('wrong"')
  })
})

describe('TLS', () => {
  test('with our authority and client certificate; refused without either', async () => {
    const certificates = makeCertificates()
    cleanUp.push(async () => rmSync(certificates.folder, { recursive: true }))
    const { ca, server, client } = certificates
    const broker = await mosquitto({ tls: { ca, ...server, requireClientCertificate: true } })
    const { url } = broker

    const good = await start(url, { broker: { url, tls: { ca, ...client } } })
    await until(() => good.mqtt.connected(), 'connected')
    const stranger = await start(url, { broker: { url, tls: { ...client } } })
    expect(await trouble(stranger)).toMatchObject({ code: 'PL-BROKER-UNTRUSTED' })
    const nameless = await start(url, { broker: { url, tls: { ca } } })
    expect(await trouble(nameless)).toMatchObject({ what: 'the broker does not accept our client certificate' })
    const plain = await start(url.replace('mqtts', 'mqtt'))
    expect(await trouble(plain)).toMatchObject({ fix: expect.stringContaining('mqtts://') })
  })

  test('a certificate for another host is refused', async () => {
    const { folder, ca, server } = makeCertificates('elsewhere.example')
    cleanUp.push(async () => rmSync(folder, { recursive: true }))
    const broker = await mosquitto({ tls: { ca, ...server } })
    const rig = await start(broker.url, { broker: { url: broker.url, tls: { ca } } })
    expect(await trouble(rig)).toMatchObject({ what: 'the broker’s certificate is for another host name' })
    const tls = { ca, serverName: 'elsewhere.example' }
    const named = await start(broker.url, { broker: { url: broker.url, clientId: 'named', tls } })
    await until(() => named.mqtt.connected(), 'connected')
  })

  test.each([
    ['expired', 'the broker’s certificate has expired', /Renew it/],
    ['not yet', 'the broker’s certificate is not valid yet', /clock/]
  ] as const)('a certificate that is %s is refused', async (validity, what, fix) => {
    const { folder, ca, server } = makeCertificates('localhost', validity)
    cleanUp.push(async () => rmSync(folder, { recursive: true }))
    const broker = await mosquitto({ tls: { ca, ...server } })
    const rig = await start(broker.url, { broker: { url: broker.url, tls: { ca } } })
    expect(await trouble(rig)).toMatchObject({ what, fix: expect.stringMatching(fix) })
    await rig.mqtt.putAlarmInOutbox(alarm('a0', 0))
    expect(rig.outbox.depth()).toBe(1)
  })

  test('our own certificate, expired or of another authority, is refused by the broker, and it is said which file', async () => {
    const good = makeCertificates()
    const other = makeCertificates()
    const old = makeCertificates('localhost', 'expired')
    for (const { folder } of [good, other, old]) cleanUp.push(async () => rmSync(folder, { recursive: true }))
    const broker = await mosquitto({ tls: { ca: good.ca, ...good.server, requireClientCertificate: true } })
    const stranger = await start(broker.url, { broker: { url: broker.url, tls: { ca: good.ca, ...other.client } } })
    expect(await trouble(stranger)).toEqual({
      code: 'PL-BROKER-CLIENT-CERT',
      what: 'the broker does not accept our client certificate',
      fix: expect.stringContaining('mqtt.tls.cert')
    })
    const trusting = await mosquitto({ tls: { ca: old.ca, ...good.server, requireClientCertificate: true } })
    const rig = await start(trusting.url, { broker: { url: trusting.url, tls: { ca: good.ca, ...old.client } } })
    expect(await trouble(rig)).toEqual({
      code: 'PL-BROKER-CLIENT-CERT-EXPIRED',
      what: 'the broker says that our client certificate has expired',
      fix: expect.stringContaining('mqtt.tls.cert')
    })
  })

  test('on a port without TLS, or with a certificate file that is not there', async () => {
    const broker = await mosquitto({})
    const url = broker.url.replace('mqtt:', 'mqtts:')
    const rig = await start(url)
    expect(await trouble(rig)).toMatchObject({ what: expect.stringMatching(/TLS|closed/) })
    await expect(startRig(url, { broker: { url, tls: { ca: '/nowhere/ca.pem' } } })).rejects.toThrow(
      /mqtt.tls: the certificate or key cannot be read .*nowhere.*Correct the path/
    )
  })
})

test('two with the same client id: each is told what makes a broker hang up', async () => {
  const broker = await mosquitto({})
  const first = await start(broker.url)
  await until(() => first.mqtt.connected(), 'connected')
  const second = await start(broker.url, { backoff: { minMs: 30_000 } })
  await until(() => second.mqtt.connected(), 'second')
  await until(() => first.lines.some((line) => line.includes('the same client id')), 'told')
})

describe('a broker that speaks 3.1.1 only', () => {
  test('gets 3.1.1, with the same JSON, commands and all', async () => {
    const broker = await startBroker({ port: 0 })
    cleanUp.push(() => broker.stop())
    const ear = await listen(broker.url, { protocolVersion: 4, properties: undefined })
    cleanUp.push(() => ear.stop())
    const taken: unknown[] = []
    const { mqtt } = await start(broker.url, {
      commands: { ...noCommands, resume: async (args) => void taken.push(args) }
    })
    await until(() => mqtt.connected(), 'connected')
    expect(mqtt.stats()).toMatchObject({ protocolVersion: 4, connections: 1 })
    await mqtt.putAlarmInOutbox(alarm('a0', 0))
    await until(() => ear.on('alarm').length === 1, 'the alarm')
    expect(ear.on('alarm')[0]?.json).toEqual({ ...alarm('a0', 0), published: expect.any(String) })
    await until(() => ear.on('status').length > 0, 'the status')
    expect(ear.on('status')[0]?.json).toMatchObject({ state: 'online' })
    await ear.client.publishAsync('painlens/test/command/resume', '{"camera":"hall"}', { qos: 1 })
    await until(() => ear.on('response/resume').length === 1, 'the answer')
    expect(taken).toEqual([{ camera: 'hall' }])
    await mqtt.stop()
    await until(() => ear.on('status').some(({ json }) => json.state === 'offline'), 'offline')
  })

  test('and hangs up on a version it does not know', async () => {
    const broker = await startBroker({ port: 0 })
    cleanUp.push(() => broker.stop())
    const strict = await hangsUpOnFive(broker.port)
    cleanUp.push(async () => strict.close())
    const address = strict.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const { mqtt } = await start(`mqtt://127.0.0.1:${port}`)
    await until(() => mqtt.connected(), 'connected')
    expect(mqtt.stats().protocolVersion).toBe(4)
  })
})

/** Passes on to a broker only who asks for another version than 5 (byte 8 of CONNECT, after `MQTT` and its length). */
async function hangsUpOnFive(target: number): Promise<Server> {
  const { connect } = await import('node:net')
  const server = createServer((near) => {
    near.on('error', () => undefined)
    near.once('data', (first) => {
      if (first[first.indexOf('MQTT') + 4] === 5) return near.destroy()
      const far = connect(target, '127.0.0.1')
      far.on('error', () => undefined).write(first)
      near.pipe(far).pipe(near)
      return undefined
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

describe('no broker', () => {
  test('something that never answers', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    cleanUp.push(async () => silent.close())
    const address = silent.address()
    const url = `mqtt://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
    const rig = await start(url, { broker: { url, connectTimeoutMs: 100 } })
    expect(await trouble(rig)).toMatchObject({ what: 'the broker does not answer' })
    const stopping = new Deadline(2000)
    await rig.mqtt.stop()
    expect(stopping.isOver(), `stopped after ${stopping}`).toBe(false)
  })

  test.each([
    ['nonsense', /not a URL.*Write mqtt:\/\//],
    ['http://host', /"http:" is not supported/],
    ['mqtt://', /no host|not a URL/]
  ])('%s is no address', async (url, message) => {
    await expect(startRig(url)).rejects.toThrow(message)
  })

  test('a host name that does not exist is reported', async () => {
    expect(explainConnectError(Object.assign(new Error(), { code: 'ENOTFOUND' })).what).toMatch(/no host of this name/)
    const rig = await start('mqtt://no-such-host.invalid')
    expect(await trouble(rig)).toMatchObject({ what: expect.stringMatching(/no host of this name|name service/) })
  })
})

describe('the demo’s broker', () => {
  test('says when its port is taken, and gives it back', async () => {
    const first = await startBroker({ port: await freePort() })
    await expect(startBroker({ port: first.port })).rejects.toBeInstanceOf(PortInUseError)
    await expect(startBroker({ port: first.port })).rejects.toThrow(/--mqtt-port/)
    await first.stop()
    const second = await startBroker({ port: first.port })
    await second.stop()
  })

  test('stops while clients are connected', async () => {
    const broker = await startBroker({ port: 0 })
    const rig = await start(broker.url)
    await until(() => rig.mqtt.connected(), 'connected')
    await broker.stop()
    await until(() => !rig.mqtt.connected(), 'gone')
  })
})
