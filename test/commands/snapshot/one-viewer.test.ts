import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { checkCameras } from '../../../src/commands/check/camera.js'
import { askRunning } from '../../../src/commands/check/daemon.js'
import { checkCommand } from '../../../src/commands/check/index.js'
import { type SnapshotOptions, snapshotCommand } from '../../../src/commands/snapshot/index.js'
import { loadConfig, openConfig } from '../../../src/config/index.js'
import { Secrets } from '../../../src/core/secrets.js'
import { type DaemonProcess, decoders, isRunning, startPainlensProcess } from '../../support/daemon.js'
import { patience, until } from '../../support/slowness.js'
import { type Device, eventually, type RoomCamera, Ward } from '../../support/ward.js'

/** The left third is masked; the resident's face is in the middle. */
const mask = [
  [0, 0],
  [0.3, 0],
  [0.3, 1],
  [0, 1]
]
const bed = {
  name: 'bed',
  polygon: [
    [0.3, 0.1],
    [0.9, 0.1],
    [0.9, 1],
    [0.3, 1]
  ]
}

let ward: Ward
let camera: RoomCamera & { masks: unknown; zones: unknown }
beforeAll(async () => {
  ward = await Ward.open()
  const room = await ward.room({ quirks: { places: { most: 1, freedAfterMs: 0 } } })
  camera = { ...room, masks: [mask], zones: [bed] }
}, patience(60_000))
afterAll(() => ward.close())

const never = new AbortController().signal

/** All that check prints. */
async function wholeCheck(device: Device): Promise<string> {
  let text = ''
  const write = (part: string): void => {
    text += part
  }
  await checkCommand({ config: device.file }, never, { write, env: {} })
  return text
}

const marks = { ok: '[ ok ]', warn: '[warn]', fail: '[fail]' }

/** What check says of the running painlens and of the cameras, a row each; models and broker take a second of a core each time. */
async function check(device: Device, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const opened = await openConfig(device.file, { env })
  const running = await askRunning(opened, never)
  const cameras = await checkCameras({ config: opened.config, secrets: new Secrets(), running, signal: never })
  return [...running.findings, ...cameras]
    .map(
      ({ state, what, found, fix, code }) =>
        `${marks[state]} ${what} ${found}${fix ? `\n${' '.repeat(23)}→ ${fix} [${code}]` : ''}\n`
    )
    .join('')
}

/** The line of one thing, with its fix. */
const row = (text: string, what: string): string =>
  new RegExp(`^\\[.{4}\\] ${what} .*(?:\\n {10,}.*)*`, 'm').exec(text)?.[0] ?? ''

interface Taken {
  said: string
  png: Buffer
  file: string
}

async function snapshot(device: Device, options: Partial<SnapshotOptions> = {}): Promise<Taken> {
  let said = ''
  const say = (text: string): void => {
    said += text
  }
  const out = join(device.folder, `picture-${Math.random()}.png`)
  const given = { camera: 'bed', config: device.file, out, force: undefined, ...options }
  expect(await snapshotCommand(given, never, { say, env: {} })).toBe(0)
  return { said, png: await readFile(given.out ?? ''), file: out }
}

/** Watching the camera, which then has no place for another viewer. */
async function watching(device: Device): Promise<DaemonProcess> {
  const daemon = device.start()
  await device.ready().catch((error: Error) => {
    throw new Error(`${error.message}\n${daemon.output()}`)
  })
  return daemon
}

/** Pixels of a PNG, without its caption. */
async function pixelsOf(png: Buffer): Promise<{ width: number; at(x: number, y: number): number[] }> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  const at = (x: number, y: number): number[] => [...data.subarray((y * info.width + x) * 3).subarray(0, 3)]
  return { width: info.width, at }
}

/** No secret, room or face: what a test asserts of a mask is that the pixels below it are black. */
async function expectMasked(png: Buffer): Promise<void> {
  // 640x360 is drawn twice as large. Away from the mask's outline and its name.
  const { width, at } = await pixelsOf(png)
  expect(width).toBe(1280)
  for (const x of [30, 120, 300]) for (const y of [60, 200, 600]) expect(at(x, y)).toEqual([0, 0, 0])
  expect(Math.max(...at(430, 60))).toBeGreaterThan(20)
}

describe('a camera that allows one viewer, watched by a running painlens', { timeout: patience(120_000) }, () => {
  it('is ok in check by what the daemon sees, and its picture comes from the daemon', async () => {
    const device = await ward.device([camera])
    const daemon = await watching(device)
    const text = await wholeCheck(device)
    expect(row(text, 'daemon')).toMatch(/^\[ ok \] daemon +painlens .* runs as .*, process \d+, .* watches one camera$/)
    const line = row(text, 'camera bed')
    expect(line).toMatch(
      /camera bed +watched by the running painlens, ok for .*; picture 640x360, [\d.]+ fps, last picture [\d.]+ s ago, decoded by ffmpeg/
    )
    // A busy machine gives fewer pictures than the camera is asked for.
    expect(line).toMatch(/^\[ ok \]|\[PL-CAMERA-SLOW\]$/)
    expect(row(text, 'http')).toContain('a painlens that is running answers')

    const { said, png, file } = await snapshot(device)
    expect(said).toContain(`${file} of bed · room 12, `)
    expect(said).toContain('picture 640x360, ok; 1 mask, 1 zone; seen by the running painlens')
    expect(said).toMatch(/ 1: usable; \d+ px wide \([\d.]+ % of the picture's width\).* score [\d.]+, in zone bed/)
    await expectMasked(png)
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
    expect(daemon.output()).toMatch(/"camera":"bed","uid":\d+,.*is given to a technician/)
    // No other file: the daemon writes no picture to the disk.
    expect((await readdir(device.folder)).filter((name) => /png|raw/.test(name))).toHaveLength(1)

    // What was only changed in the file is named; what the daemon sees still counts.
    await device.configure([{ ...camera, fps: 2, masks: [] }])
    const changed = row(await check(device), 'camera bed')
    expect(changed).toMatch(/^\[warn\] camera bed +watched by .*; it has another fps, masks than this config\n/)
    expect(changed).toContain('[PL-CONTROL-OTHER-SETTINGS]')
    expect((await snapshot(device)).said).toContain('The running painlens has another fps, masks than the config')
    await device.configure([{ ...camera, url: camera.url.replace('/bed', '/elsewhere') }])
    const moved = row(await check(device), 'camera bed')
    expect(moved).toMatch(/^\[fail\] camera bed .*; the running painlens has another url \(ok for /)

    // Green lines of a file that the daemon does not read would say nothing of what runs.
    const { config } = await loadConfig(device.file)
    const other = join(device.folder, 'other.yaml')
    const { findings } = await askRunning({ config, file: other, env: {} }, never)
    const found = `it reads ${device.file}, and ${other} was checked`
    expect(findings).toMatchObject([{ state: 'ok' }, { state: 'fail', code: 'PL-CONFIG-OTHER', found }])
    expect(await daemon.end('SIGTERM')).toBe(0)
  })

  it('is opened by check and by snapshot once painlens has stopped', async () => {
    const device = await ward.device([camera])
    const text = await check(device)
    expect(row(text, 'daemon')).toBe('')
    expect(row(text, 'camera bed')).toMatch(/^\[ ok \] camera bed +h264, 640x360, 5 fps, decoded by ffmpeg/)
    const { said, png } = await snapshot(device)
    expect(said).toMatch(/picture 640x360, ok; 1 mask, 1 zone; opened by this command\n {2}1: usable; \d+ px wide/)
    await expectMasked(png)
  })

  it('is shown by a painlens that starts after a killed one, and by none while another process has its runtime folder', async () => {
    const device = await ward.device([camera])
    const killed = await watching(device)
    const left = decoders(killed.child.pid!)
    await killed.end('SIGKILL')
    expect(await readdir(join(device.folder, 'outbox'))).toContain('control.sock')
    // The decoder that the killed one left has to go first.
    await until(() => !left.some(isRunning), 'the camera to be free')
    const daemon = await watching(device)
    expect((await snapshot(device)).said).toContain('seen by the running painlens')

    const runtime = join(ward.folder, 'run')
    await mkdir(runtime, { recursive: true })
    const other = await ward.device([{ ...camera, id: 'other', url: 'rtsp://127.0.0.1:9/x' }])
    const third = await ward.device([{ ...camera, id: 'third', url: 'rtsp://127.0.0.1:9/x' }])
    const env = { RUNTIME_DIRECTORY: runtime }
    const first = startPainlensProcess(['run', '--config', other.file], { env })
    await until(async () => (await readdir(runtime)).includes('control.sock'), 'the first socket')
    const second = startPainlensProcess(['run', '--config', third.file], { env })
    await until(() => second.output().includes('PL-CONTROL-TAKEN'), 'the second painlens to be refused the socket')
    expect(row(await check(other, env), 'daemon')).toContain(`runs as ${other.name},`)
    for (const each of [second, first, daemon]) expect(await each.end('SIGTERM')).toBe(0)
    expect(await readdir(runtime)).toEqual([])
    expect(await readdir(join(device.folder, 'outbox'))).not.toContain('control.sock')
  })

  it('is not shown while it is paused for care', async () => {
    const device = await ward.device([camera])
    const nurse = await device.listen()
    await watching(device)
    await nurse.command('pause', { camera: 'bed', duration_s: 600 })
    await expect(snapshot(device)).rejects.toMatchObject({ code: 'PL-SNAPSHOT-PAUSED' })
    expect(await readdir(device.folder)).not.toContainEqual(expect.stringMatching(/png/))
    expect(row(await check(device), 'camera bed')).toMatch(/^\[.{4}\] camera bed +watched by .*, paused until 20/)
    await nurse.command('resume', { camera: 'bed' })
    await eventually(
      () => snapshot(device),
      ({ said }) => said.includes('seen by the running painlens'),
      'a picture'
    )
  })
})

describe('painlens snapshot', { timeout: patience(120_000) }, () => {
  it('names the configured cameras where the given one is unknown, or none is given', async () => {
    const device = await ward.device([camera, { ...camera, id: 'door' }])
    for (const [wanted, found] of [
      ['x\u001b[31m', 'there is no camera "x\\x1b[31m"'],
      [undefined, 'no camera is named']
    ] as const)
      await expect(snapshot(device, { camera: wanted })).rejects.toMatchObject({
        code: 'PL-SNAPSHOT-CAMERA',
        exitCode: 2,
        message: `painlens snapshot: ${found}. Name one of: bed, door.`
      })
  })

  it('takes the only camera, gives the picture a name of its own in a folder, and overwrites nothing', async () => {
    const device = await ward.device([camera])
    const folder = join(device.folder, 'pictures')
    await mkdir(folder)
    let said = ''
    const say = (text: string): void => {
      said += text
    }
    const options = { camera: undefined, config: device.file, out: folder, force: undefined }
    expect(await snapshotCommand(options, never, { say, env: {} })).toBe(0)
    const names = await readdir(folder)
    expect(names).toEqual([expect.stringMatching(/^bed-20\d\d-\d\d-\d\dT\d\d-\d\d-\d\d\.png$/)])
    const file = join(folder, names[0]!)
    expect(said).toContain(file)

    await writeFile(file, 'mine', { mode: 0o644 })
    await expect(snapshot(device, { out: file })).rejects.toMatchObject({ code: 'PL-SNAPSHOT-EXISTS', exitCode: 2 })
    expect(await readFile(file, 'utf8')).toBe('mine')
    await snapshot(device, { out: file, force: true })
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
    expect(await readdir(folder)).toEqual(names)
    await expect(snapshot(device, { out: join(folder, 'none', 'x.png') })).rejects.toMatchObject({
      code: 'PL-SNAPSHOT-UNWRITABLE'
    })
  })

  it('writes the picture to standard output and its text to standard error, and refuses a terminal', async () => {
    const device = await ward.device([camera])
    const main = join(import.meta.dirname, '../../../dist/main.js')
    const args = [main, 'snapshot', 'bed', '-c', device.file, '-o', '-']
    const { stdout: png, stderr } = await promisify(execFile)(process.execPath, args, {
      encoding: 'buffer',
      maxBuffer: 2 ** 26
    })
    expect(stderr.toString()).toMatch(/^A picture of bed · room 12, .*\n {2}picture 640x360, ok; /)
    await expectMasked(png)
    const options = { camera: 'bed', config: device.file, out: '-', force: undefined }
    await expect(snapshotCommand(options, never, { isTerminal: true, env: {} })).rejects.toMatchObject({
      code: 'PL-SNAPSHOT-TERMINAL'
    })
  })

  it('reports why a camera gives no picture', async () => {
    const device = await ward.device([{ ...camera, url: 'rtsp://127.0.0.1:9/x' }])
    const error = await snapshot(device).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'PL-SNAPSHOT-NO-PICTURE' })
    expect((error as Error).message).toMatch(/^camera bed: gives no picture \(.+\)\. painlens check names/)
  })

  it('names the process that has the outbox, where no painlens can be asked', async () => {
    const device = await ward.device([camera])
    const { ClassicLevel } = await import('classic-level')
    const held = new ClassicLevel(join(device.folder, 'outbox'))
    await held.open()
    onTestFinished(() => held.close())
    const line = row(await check(device), 'daemon')
    expect(line).toMatch(
      new RegExp(`^\\[warn\\] daemon +process ${process.pid} has the outbox .*, and no painlens answers`)
    )
    expect(line).toContain('[PL-CONTROL-HELD]')
  })
})
