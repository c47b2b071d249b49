import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { loadConfig } from '../../../src/config/index.js'
import { packageRoot } from '../../../src/core/version.js'
import { type Ended, painlens } from '../../support/command-line.js'
import { until } from '../../support/slowness.js'

const main = `${packageRoot}dist/main.js`
const password = `p@ss:w/rd?#%&"' \\`

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-init-'))
  file = join(folder, 'painlens.yaml')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** The command with a pipe as standard input. */
async function init(args: readonly string[], answers = ''): Promise<Ended> {
  const ended = await painlens(['config', 'init', ...args], { input: answers, cwd: folder })
  expect(ended.stdout + ended.stderr).not.toMatch(/^ +at /m)
  return ended
}

const lines = (...answers: string[]): string => answers.map((answer) => `${answer}\n`).join('')
const load = async () => (await loadConfig(file, { env: {} })).config

describe('painlens config init on a pipe', () => {
  it('asks its questions, and writes a config with the passwords in files beside it', async () => {
    const camera = ['room-312', 'rtsp://192.0.2.10/stream1', 'viewer', password, 'Ward 3', '012', '']
    const answers = lines('ward-3', 'Haus "am" See: 2', '192.0.2.2:1884', 'painlens', 'file', password, ...camera, '')
    const options = { input: answers, encoding: 'utf8', cwd: folder } as const
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'config', 'init'], options)
    expect(stderr).toContain('MQTT broker [mqtt://localhost:1883]:')
    expect(stdout).toContain('painlens check --config painlens.yaml')
    expect(status).toBe(0)
    expect(await load()).toMatchObject({
      device: 'ward-3',
      facility: 'Haus "am" See: 2',
      mqtt: { url: 'mqtt://192.0.2.2:1884', username: 'painlens', password },
      cameras: [{ id: 'room-312', location: { ward: 'Ward 3', room: '012', bed: null } }]
    })
    const { password: encoded } = new URL((await load()).cameras[0].url)
    expect(decodeURIComponent(encoded)).toBe(password)
    const text = readFileSync(file, 'utf8')
    expect(text).not.toContain('p@ss')
    expect(stdout + stderr).not.toContain('p@ss')
    for (const name of readdirSync(join(folder, 'secrets')))
      expect(statSync(join(folder, 'secrets', name)).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'secrets')).mode & 0o777).toBe(0o700)
  })

  it('asks again after a wrong answer, and at the end of its input exits with 2 without a file', async () => {
    const wrong = await init([], lines('Ward 3', 'ward-3', '', 'http://x', '', '', 'Room 1', 'room-1', 'room-1'))
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toContain('Allowed is up to 40 of a-z, 0-9 and -')
    expect(wrong.stderr).toContain('found a URL that starts with http://')
    expect(wrong.stderr).toContain('the answers end before "Its URL')
    expect(existsSync(file)).toBe(false)
    expect((await init([], '')).status).toBe(2)
    expect(readdirSync(folder)).toEqual([])
  })

  it('writes a config in which every commented-out key can be uncommented', async () => {
    expect((await init(['--yes', '--device', 'box', '--camera', 'a=rtsp://192.0.2.10/x'])).status).toBe(0)
    const text = readFileSync(file, 'utf8').replace(/^( *)# (?=( *)(#|[a-z_]+:))/gm, '$1')
    writeFileSync(file, text)
    const environment = { env: { CREDENTIALS_DIRECTORY: folder } }
    writeFileSync(join(folder, 'mqtt-password'), 'x')
    const { config } = await loadConfig(file, environment)
    expect(config).toMatchObject({ facility: 'Haus am See', mqtt: { password: 'x' }, alarm: { onset_threshold: 0.7 } })
    expect(config.cameras[0]).toMatchObject({ location: { bed: 'A' }, masks: [expect.anything()] })
  })
})

describe('painlens config init with options', () => {
  const cameras = ['--camera', `a=rtsp://viewer:${encodeURIComponent(password)}@192.0.2.10/x`, 'b=rtsp://192.0.2.11/y']

  it('asks nothing with --yes, and moves passwords out of URLs', async () => {
    const { status, stderr } = await init(['-y', '--device', 'box', ...cameras, '--room', 'b=7'])
    expect([status, stderr]).toEqual([0, ''])
    const config = await load()
    expect(config.cameras.map(({ id, location }) => [id, location.room])).toEqual([
      ['a', null],
      ['b', '7']
    ])
    expect(config.mqtt.url).toBe('mqtt://localhost:1883')
    expect(decodeURIComponent(new URL(config.cameras[0].url).password)).toBe(password)
    expect(readFileSync(file, 'utf8')).toContain(`viewer:\${file:secrets/camera-a}@`)
  })

  it.each([
    ['credential', `\${credential:mqtt-password}`, /LoadCredential=camera-a:.*secrets\/camera-a/],
    ['env', `\${env:PAINLENS_MQTT_PASSWORD}`, /Set PAINLENS_CAMERA_A in/]
  ])('keeps passwords as %s, and names the steps that remain', async (place, reference, todo) => {
    const { status, stdout } = await init([
      '-y',
      '--secrets',
      place,
      '--broker',
      'mqtt://u:hunter2@b.example',
      ...cameras
    ])
    expect(status).toBe(0)
    expect(stdout).toMatch(todo)
    const text = readFileSync(file, 'utf8')
    expect(text).toContain(reference)
    expect(text + stdout).not.toMatch(/hunter2|p%40ss/)
    expect(existsSync(join(folder, 'secrets'))).toBe(place === 'credential')
  })

  it('started by install.sh in / prints absolute paths, and no steps for the service', async () => {
    const options = {
      cwd: '/',
      encoding: 'utf8',
      env: { ...process.env, PAINLENS_INSTALLING: '1' }
    } as const
    const args = ['config', 'init', '-y', '--config', file, '--secrets', 'credential', ...cameras]
    const { stdout } = spawnSync(process.execPath, [main, ...args], options)
    expect(stdout).toContain(`${file}\n`)
    expect(stdout).toMatch(new RegExp(`^Written: ${folder}/`))
    expect(stdout).not.toMatch(/LoadCredential|Now/)
  })

  it('writes passwords into the config only if requested, readable by its owner only', async () => {
    expect(
      (await init(['-y', '--secrets', 'plain', '--broker', 'mqtt://u:hunter2@b.example', ...cameras])).status
    ).toBe(0)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const config = await load()
    expect(config.mqtt).toMatchObject({ username: 'u', password: 'hunter2' })
    expect(decodeURIComponent(new URL(config.cameras[0].url).password)).toBe(password)
  })

  it('names the file for a password that no option gives', async () => {
    const { status, stdout } = await init(['-y', '--broker-user', 'painlens', ...cameras])
    expect(status).toBe(0)
    expect(stdout).toMatch(/Put the password into .*secrets\/mqtt-password/)
    expect(readFileSync(file, 'utf8')).toContain(`\${file:secrets/mqtt-password}`)
  })

  it('asks only for values that no option gives', async () => {
    const given = [
      '--facility',
      'Haus',
      '--broker',
      '192.0.2.2',
      '--broker-user',
      '',
      ...cameras.slice(0, 1),
      'a=rtsp://h/x'
    ]
    const { status, stderr } = await init(given, lines('box'))
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^This box's name[^:]*: $/)])
    expect((await load()).device).toBe('box')
  })

  it.each([
    [['-y'], /a camera .* is missing/],
    [['-y', '--device', 'Ward 3', ...cameras], /--device: Allowed is up to 40/],
    [['-y', '--camera', 'a'], /--camera: an "=" is missing/],
    [['-y', '--camera', 'a=rtsp://u:hunter2@'], /--camera a: found a URL without a valid host/],
    [['-y', '--secrets', 'cloud', ...cameras], /"cloud" is no place for passwords/],
    [['-y', '--room', 'z=1', ...cameras], /--room: there is no camera "z"/],
    [['-y', '--camera', 'a=rtsp://h/x', 'a=rtsp://h/y'], /a different id for each camera/],
    [['-y', '--colour', 'blue'], /unknown option/]
  ])('refuses the arguments %j', async (args, message) => {
    const { status, stderr } = await init(args)
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('hunter2')
    expect(status).toBe(2)
    expect(readdirSync(folder)).toEqual([])
  })

  it('overwrites nothing without --force', async () => {
    writeFileSync(file, 'mine')
    const refused = await init(['-y', ...cameras])
    expect([refused.status, readFileSync(file, 'utf8')]).toEqual([2, 'mine'])
    expect(refused.stderr).toMatch(/there is a file already\. Name another .* --force\. \[PL-INIT-EXISTS\]\n$/)
    expect((await init(['-y', '--force', ...cameras])).status).toBe(0)
    expect((await load()).cameras).toHaveLength(2)
    rmSync(file)
    expect((await init(['-y', ...cameras])).stderr).toContain('secrets/camera-a: there is a file already')
    expect(existsSync(file)).toBe(false)
  })

  it('reports a path that cannot be written', async () => {
    writeFileSync(file, 'a file')
    const { status, stderr } = await init(['-y', '-c', join(file, 'x.yaml'), '--camera', 'a=rtsp://h/x'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/cannot be written \(.*\)\. Name a folder that you may write to/)
  })
})

/** The command on a terminal of its own, which util-linux's `script` makes. */
function onTerminal(): {
  child: ChildProcess
  said: () => string
  type: (text: string) => void
  ended: Promise<number | null>
} {
  const command = `'${process.execPath}' '${main}' config init`
  const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd: folder, stdio: 'pipe' })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stdout.on('data', (data: Buffer) => (text += data.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, said: () => text, type: (line) => void child.stdin.write(line), ended }
}

describe('painlens config init on a terminal', () => {
  it('does not show a password while it is typed', async () => {
    const { said, type, ended } = onTerminal()
    const answers: [string, string][] = [
      ["This box's name", 'ward-3'],
      ['The care home', ''],
      ['MQTT broker', ''],
      ['User name at the broker', 'painlens'],
      ['Where passwords go', ''],
      ['Its password', 'hunter2'],
      ['First camera', 'room-312'],
      ['Its URL', 'rtsp://192.0.2.10/stream1'],
      ['User name at the camera', ''],
      ['Ward', ''],
      ['Room', '312'],
      ['Bed', ''],
      ['Next camera', '']
    ]
    for (const [question, answer] of answers) {
      await until(() => said().includes(question), question)
      type(`${answer}\r`)
    }
    expect(await ended, said()).toBe(0)
    expect(said()).toContain('ward-3')
    expect(said()).not.toContain('hunter2')
    expect(await load()).toMatchObject({ device: 'ward-3', mqtt: { password: 'hunter2' } })
  })

  it('writes nothing when the user gives up with Ctrl-C', async () => {
    const { said, type, ended } = onTerminal()
    await until(() => said().includes("This box's name"), 'the first question')
    type('\u0003')
    expect(await ended).toBe(2)
    expect(said()).toContain('Nothing was written')
    expect(readdirSync(folder)).toEqual([])
  })
})
