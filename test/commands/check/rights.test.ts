import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { checkBroker } from '../../../src/commands/check/broker.js'
import { checkHttp } from '../../../src/commands/check/machine.js'
import { type CheckContext, type CheckResult, type Running, warn } from '../../../src/commands/check/result.js'
import { silentLog } from '../../../src/core/log.js'
import { Secrets } from '../../../src/core/secrets.js'
import { startHttp } from '../../../src/daemon/health/http.js'
import { freePort, type Mosquitto, startMosquitto } from '../../support/mosquitto.js'
import { startStrictBroker } from '../../support/strict-broker.js'

const users = ['all', 'deaf', 'mute', 'least'] as const
type User = (typeof users)[number]
/** mosquitto.conf(5): what nothing is said of may neither be read nor written. */
const rights = `
user all
topic readwrite painlens/ward-2/#
user deaf
topic write painlens/ward-2/#
user mute
topic read painlens/ward-2/#
user least
topic read painlens/ward-2/command/+
topic write painlens/ward-2/check
`

let folder: string
let broker: Mosquitto
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-rights-'))
  await writeFile(join(folder, 'acl'), rights)
  const passwords = Object.fromEntries(users.map((user) => [user, 'secret-12']))
  broker = await startMosquitto({ users: passwords, config: [`acl_file ${join(folder, 'acl')}`] })
})
afterAll(async () => {
  await broker.remove()
  await rm(folder, { recursive: true, force: true })
})

const context = (config: object, running: Running = { daemon: null, findings: [] }): CheckContext =>
  ({ config, running, secrets: new Secrets(), signal: new AbortController().signal }) as unknown as CheckContext

async function rightsOf(username: User, protocol: 'auto' | '3.1.1' = 'auto'): Promise<Record<string, CheckResult>> {
  const mqtt = { url: broker.url, username, password: 'secret-12', protocol }
  const found = await checkBroker(context({ device: 'ward-2', mqtt }))
  return Object.fromEntries(found.map((finding) => [finding.what, finding]))
}

describe('painlens check of the rights at the broker', () => {
  it('is ok where the user may read and write every topic of the device', async () => {
    const { broker: publishing, commands } = await rightsOf('all')
    expect(publishing).toMatchObject({ state: 'ok', found: expect.stringContaining('MQTT 5') })
    expect(commands).toMatchObject({ state: 'ok', found: expect.stringContaining('one came through') })
  })

  it.each([
    ['auto', 'fail'],
    ['3.1.1', 'warn']
  ] as const)(
    'reports a missing right to read commands, of which mosquitto sends no error (MQTT %s)',
    async (protocol, state) => {
      const { broker: publishing, commands } = await rightsOf('deaf', protocol)
      expect(publishing?.state).toBe('ok')
      expect(commands).toMatchObject({ state, fix: expect.stringContaining('read painlens/ward-2/command/#') })
    }
  )

  it('fails where the user may not publish', async () => {
    const { broker: publishing, commands } = await rightsOf('mute')
    expect(publishing).toMatchObject({ state: 'fail', fix: expect.stringContaining('write painlens/ward-2/#') })
    expect(publishing?.found).toContain('takes no message on painlens/ward-2/check')
    expect(commands).toBeUndefined()
  })

  it('is ok where the user may not send commands, which painlens does not need', async () => {
    const { commands } = await rightsOf('least')
    expect(commands).toMatchObject({ state: 'ok', found: expect.stringContaining('may send none') })
  })
})

describe("painlens check of the broker's receive maximum", () => {
  const found = async (receiveMaximum: number | undefined, protocol = 'auto') => {
    const strict = await startStrictBroker(receiveMaximum === undefined ? {} : { receiveMaximum })
    onTestFinished(() => strict.stop())
    const [publishing] = await checkBroker(context({ device: 'ward-2', mqtt: { url: strict.url, protocol } }))
    return publishing!
  }

  it('is ok for 10 messages at once, and names the number', async () => {
    expect(await found(10)).toMatchObject({ state: 'ok', found: expect.stringMatching(/MQTT 5, takes 10 at once$/) })
  })

  it('warns of one message at once', async () => {
    expect(await found(1)).toMatchObject({ state: 'warn', fix: expect.stringContaining('max_inflight_messages') })
  })

  it.each([
    [undefined, 'auto', /MQTT 5$/],
    [10, '3.1.1', /MQTT 3.1.1$/]
  ])('names no number where the broker sends none (%s, MQTT %s)', async (receiveMaximum, protocol, text) => {
    expect(await found(receiveMaximum, protocol)).toMatchObject({ state: 'ok', found: expect.stringMatching(text) })
  })
})

describe('painlens check of the port of http', () => {
  const check = async (http: object, running?: Running): Promise<CheckResult> =>
    (await checkHttp(context({ http }, running)))[0]!
  const http = async (changes: object = {}) => ({
    enabled: true,
    host: '127.0.0.1',
    port: await freePort(),
    ...changes
  })

  it('is ok for a free port, and leaves it free', async () => {
    const config = await http()
    for (const _ of [1, 2])
      expect(await check(config)).toMatchObject({ state: 'ok', found: expect.stringContaining('is free') })
  })

  it('fails for a port that a program other than painlens uses', async () => {
    const other = createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'))
    await once(other.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    const found = await check(await http({ port }))
    expect(found).toMatchObject({ state: 'fail', fix: expect.stringContaining('http.port') })
    expect(found.found).toContain('the port is in use')
  })

  it('is ok for a port that the painlens of this config uses, and names one of another config', async () => {
    const config = await http({ token: 'a-token-of-sixteen' })
    const report = () => ({ ok: false, parts: [{ part: 'broker', why: 'not connected', code: null }] })
    const metrics = async () => ({ type: 'text/plain', text: '' })
    const running = await startHttp({ ...config, live: report, ready: report, metrics, log: silentLog })
    onTestFinished(() => running.stop())
    const ours: Running = { daemon: null, findings: [warn('PL-CONTROL-HELD', 'daemon', 'it has the outbox')] }
    expect(await check(config, ours)).toMatchObject({
      state: 'ok',
      found: expect.stringContaining('painlens that is running')
    })
    expect(await check(config)).toMatchObject({
      state: 'warn',
      code: 'PL-HTTP-PORT',
      found: expect.stringContaining('another painlens')
    })
    expect(await check({ ...config, token: 'another-one-of-16' })).toMatchObject({ state: 'fail' })
  })

  it('fails for an address of another machine', async () => {
    expect(await check(await http({ host: '192.0.2.1' }))).toMatchObject({
      state: 'fail',
      fix: expect.stringContaining('http.host')
    })
  })

  it('is ok where http is turned off', async () => {
    expect(await check({ enabled: false })).toMatchObject({ state: 'ok', found: 'turned off' })
  })
})
