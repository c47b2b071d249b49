/** What becomes of a command when what it prints, or logs, is read by no process any more or finds its disk full. */
import { type ChildProcess, execFile, execFileSync, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { createIdentity, renderPortrait } from '../../src/show/render/index.js'
import { openAlarmLog } from '../../src/stages/alarm-log/index.js'
import { alarm } from '../stages/mqtt/rig.js'
import { descendants, isRunning } from '../support/daemon.js'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { Nurse } from '../support/nurse.js'
import { until } from '../support/slowness.js'
import { writeTinyModel } from '../support/tiny-model.js'

const main = resolve(import.meta.dirname, '../../dist/main.js')
/** As a shell says of a program that SIGPIPE ended. */
const endedByPipe = 141

let folder: string
let broker: Mosquitto
let config: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-streams-'))
  broker = await startMosquitto()
  config = join(folder, 'painlens.yaml')
  const camera = '{ id: room-12, url: "rtsp://127.0.0.1:1/bed" }'
  const { data, width, height } = await renderPortrait({ identity: createIdentity(12), units: {}, faceSize: 150 })
  for (const name of ['face', 'again', 'once-more'])
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(folder, `${name}.png`))
  const log = openAlarmLog({ path: join(folder, 'log'), maxBytes: 1e7, encode: JSON.stringify, log: silentLog })
  for (let seq = 0; seq < 900; seq++) log.append(alarm('many', seq))
  await log.close()
  // What painlens opens takes seconds of a core, and says no more of its streams.
  const little = `model: { manifest: "${await writeTinyModel(folder)}" }\nexplanation: { enabled: false }\n`
  writeFileSync(config, `device: ward-2\nmqtt: { url: "${broker.url}" }\ncameras: [${camera}]\n${little}`)
})
afterAll(async () => {
  await broker.remove()
  rmSync(folder, { recursive: true })
})

/** Runs shell code in which $painlens is the command and $folder the test's folder. */
async function shell(code: string): Promise<{ status: number; stdout: string; stderr: string }> {
  const script = `set -o pipefail; cd "${folder}"; painlens() { "${process.execPath}" "${main}" "$@"; }; ${code}`
  const outcome = promisify(execFile)('bash', ['-c', script])
  return outcome.then(
    (said) => ({ status: 0, ...said }),
    ({ code: status, stdout, stderr }) => ({ status, stdout, stderr })
  )
}

describe('a command whose reader leaves', () => {
  it.each([
    ['check', 'check -c painlens.yaml'],
    ['alarms', 'alarms --path log --json'],
    ['explain', 'explain face.png again.png once-more.png --out explained'],
    ['demo', 'demo --seconds 60']
  ])('ends without a message, as if by SIGPIPE: %s', async (_, command) => {
    const { status, stdout, stderr } = await shell(`painlens ${command} | head -n 1`)
    expect(stderr).toMatch(command.startsWith('explain') ? /^painlens: stopped after \d of 3 pictures\.\n$/ : /^$/)
    expect(stdout.split('\n')).toHaveLength(2)
    expect(status).toBe(endedByPipe)
  })

  it('ends without a message, as if by SIGPIPE, when it has more to say: simulate, once its camera is watched', async () => {
    const watch = 'ffmpeg -v error -rtsp_transport tcp -i "$url" -frames:v 3 -f null - </dev/null >/dev/null 2>&1 &'
    const leave = `read -r line; url=\${line##*\\"url\\":\\"}; url=\${url%%\\"*}; ${watch}`
    const { status, stderr } = await shell(`painlens simulate --json --rtsp-port 0 --seconds 60 | ( ${leave} )`)
    expect(stderr).toBe('')
    expect(status).toBe(endedByPipe)
  })

  it('ends as if by SIGPIPE where the reader leaves after the command has said all it had to say', async () => {
    const { status, stdout, stderr } = await shell('painlens alarms --path log --json | (sleep 2; head -n 1)')
    expect(stderr).toBe('')
    expect(stdout.split('\n')).toHaveLength(2)
    expect(status).toBe(endedByPipe)
  })

  it('has exit code 0 where its output was complete before: --help', async () => {
    const { status, stderr } = await shell('painlens check --help | head -n 1')
    expect(stderr).toBe('')
    expect([0, endedByPipe]).toContain(status)
  })
})

describe('a command whose reader is slow', () => {
  it('ends when the reader has taken all of its output, which is more than a pipe holds', async () => {
    const { status, stdout } = await shell('painlens alarms --path log --json | (sleep 2; wc -l)')
    expect([status, stdout.trim()]).toEqual([0, '900'])
  })

  it('ends by a signal, though its output was not read', async () => {
    const stdio: StdioOptions = ['ignore', 'pipe', 'inherit']
    const child = spawn(process.execPath, [main, 'alarms', '--path', join(folder, 'log'), '--json'], { stdio })
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child.stdout!, 'readable')
    expect([0, 1]).toContain(await ended(child))
  })
})

describe('a command that writes to a full disk', () => {
  it.each([
    ['--help', '--help'],
    ['check', 'check -c painlens.yaml'],
    ['alarms', 'alarms --path log'],
    ['explain', 'explain face.png --out full'],
    ['models list', 'models list'],
    ['demo', 'demo --seconds 60']
  ])('prints one line of error and exits with 1: %s', async (_, command) => {
    const { status, stderr } = await shell(`painlens ${command} >/dev/full`)
    expect(stderr).toMatch(
      /^painlens: standard output: cannot be written \(ENOSPC.*\n(painlens: stopped after 0 of 1 pictures\.\n)?$/
    )
    expect(status).toBe(1)
  })

  it.each([
    ['check', 'check -c painlens.yaml', 1],
    ['alarms', 'alarms --path nowhere', 1],
    ['explain', 'explain nowhere.png', 1],
    ['a config that is none', 'run -c nowhere.yaml', 2]
  ])('keeps its exit code where only standard error is lost: %s', async (_, command, code) => {
    expect((await shell(`painlens ${command} 2>/dev/full`)).status).toBe(code)
  })
})

/** A daemon whose standard error is a file descriptor, or a pipe. */
async function startRun(stderr: number | 'pipe'): Promise<{ child: ChildProcess; nurse: Nurse }> {
  const nurse = await Nurse.listen(broker.url, 'ward-2')
  const child = spawn(process.execPath, [main, 'run', '--config', config], { stdio: ['ignore', 'ignore', stderr] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await until(
    () => nurse.told.some(({ json }) => (json as { state?: string } | null)?.state === 'online'),
    'the daemon'
  )
  return { child, nurse }
}

/** Has the daemon log lines, the last one before it answers. */
async function logLines({ child, nurse }: { child: ChildProcess; nurse: Nurse }): Promise<void> {
  for (let i = 0; i < 3; i++) {
    child.kill('SIGHUP')
    await nurse.command('refresh', {})
  }
}

async function ended(child: ChildProcess): Promise<number | string> {
  const code = new Promise<number | string>((done) => child.once('exit', (exit, signal) => done(exit ?? signal!)))
  child.kill('SIGTERM')
  return code
}

describe('a daemon that cannot log', () => {
  it('goes on watching while the disk is full', async () => {
    const full = openSync('/dev/full', 'w')
    const run = await startRun(full)
    closeSync(full)
    await logLines(run)
    expect(await ended(run.child)).toBe(0)
  })

  it('goes on watching after the reader of its log has exited', async () => {
    const run = await startRun('pipe')
    run.child.stderr!.destroy()
    await logLines(run)
    expect(await ended(run.child)).toBe(0)
  })

  it('logs how many lines were lost once its log has a reader again', async () => {
    const fifo = join(folder, 'log.fifo')
    execFileSync('mkfifo', [fifo])
    const open = () => openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
    const first = open()
    const writer = openSync(fifo, 'w')
    const run = await startRun(writer)
    closeSync(writer)
    closeSync(first)
    await logLines(run)
    const second = open()
    onTestFinished(() => closeSync(second))
    await logLines(run)
    expect(await ended(run.child)).toBe(0)
    const bytes = Buffer.alloc(65_536)
    const lines = bytes.toString('utf8', 0, readSync(second, bytes)).trimEnd().split('\n')
    const lost = lines.map((line) => JSON.parse(line) as { lines?: number }).find((line) => line.lines !== undefined)
    expect(lost!.lines).toBeGreaterThanOrEqual(3)
  })
})

it('a demo whose reader leaves ends together with its camera and its daemon', async () => {
  const child = spawn(process.execPath, [main, 'demo'], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const gone = new Promise<number | null>((done) => child.once('exit', done))
  const started = await until(() => {
    const found = descendants(child.pid!)
    return found.length >= 2 && found
  }, 'camera and daemon')
  child.stdout!.destroy()
  expect(await gone).toBe(endedByPipe)
  for (const pid of started) expect(isRunning(pid), String(pid)).toBe(false)
})
