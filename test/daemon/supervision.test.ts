import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { createNotifier } from '../../src/daemon/health/systemd.js'
import { decoders, isRunning } from '../support/daemon.js'
import { holdWorkers, killWorkers } from '../support/kill-worker.js'
import { patience, until } from '../support/slowness.js'
import { eventually, type FeedCamera, Ward } from '../support/ward.js'

let ward: Ward
let camera: FeedCamera
beforeAll(async () => {
  ward = await Ward.open('pain')
  camera = await ward.feeds(['a'])
})
afterAll(() => ward.close())

/** The messages to systemd, received by test/daemon/health/receiver.py. */
async function fakeSystemd(): Promise<{ fed: () => number; heard: (status: string) => boolean }> {
  const socket = join(await mkdtemp(join(ward.folder, 'notify-')), 'socket')
  const script = join(import.meta.dirname, './health/receiver.py')
  const receiver: ChildProcess = spawn('python3', [script, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  const before = process.env.NOTIFY_SOCKET
  process.env.NOTIFY_SOCKET = socket
  onTestFinished(() => {
    receiver.kill()
    if (before === undefined) delete process.env.NOTIFY_SOCKET
    else process.env.NOTIFY_SOCKET = before
  })
  let fed = 0
  let said = ''
  let listening = false
  createInterface({ input: receiver.stdout! }).on('line', (line) => {
    const { text } = JSON.parse(line) as { text?: string }
    if (text === undefined) listening = true
    else if (text.includes('WATCHDOG=1')) fed++
    else said += text
  })
  await until(() => listening, 'the socket')
  return { fed: () => fed, heard: (status) => said.includes(`STATUS=${status}`) }
}

describe('a worker', () => {
  it('that dies is restarted with an alarm until then; its frames count as dropped; the third death ends painlens', async () => {
    const device = await ward.device([camera('a')])
    const nurse = await device.listen()
    const { fatal } = await device.startHere()
    const metric = (name: string) => device.metric(name)
    await device.ready()
    expect(await killWorkers('detect/worker.js')).toBe(1)
    const start = await nurse.alarm('inference_failed', 'start')
    expect(start.text.en).toMatch(/^Faces cannot be analysed: the face worker: ended with code 7/)
    expect(await nurse.alarm('inference_failed', 'end')).toMatchObject({ alarm_id: start.alarm_id, reason: 'cleared' })
    await eventually(
      () => metric('painlens_worker_restarts_total{part="detect"}'),
      (count) => count === 1,
      'the count'
    )
    await device.ready()
    const frames = await metric('painlens_camera_frames_total{camera="a"}')
    const looked = () => metric('painlens_stage_seconds_count{stage="frame"}')
    const before = await eventually(looked, (count) => count > 0, 'inferences')
    await eventually(looked, (count) => count > before, 'more of them')
    expect(frames).toBeGreaterThan(0)
    expect(fatal).toEqual([])

    for (const round of [2, 3]) {
      expect(await killWorkers('detect/worker.js')).toBe(1)
      if (round === 3) break
      await eventually(
        () => metric('painlens_worker_restarts_total{part="detect"}'),
        (count) => count === round,
        'it'
      )
    }
    await until(() => fatal.length > 0, 'the end')
    expect(fatal[0]!.message).toMatch(/the face worker: was lost 3 times/)
    const dropped = await metric('painlens_camera_dropped_total{camera="a"}')
    await eventually(
      () => metric('painlens_camera_dropped_total{camera="a"}'),
      (now) => now > dropped,
      'drops'
    )
    const said = () => nurse.alarms().filter(({ condition }) => condition === 'inference_failed')
    await until(() => said().filter(({ phase }) => phase === 'start').length === 3, 'word of the third loss')
    expect(said().at(-1)!.text.en).toMatch(/the face worker: was lost 3 times/)
    expect(said().at(-1)!.phase).not.toBe('end')
  })

  it('that is stuck is named and stops the watchdog until it responds', {
    timeout: patience(120_000)
  }, async () => {
    const { fed, heard } = await fakeSystemd()
    const device = await ward.device([camera('a')])
    const nurse = await device.listen()
    const { daemon } = await device.startHere()
    const notifier = createNotifier({ env: { ...process.env, WATCHDOG_USEC: '1000000' }, log: silentLog })
    onTestFinished(() => notifier.stop())
    notifier.startWatchdog(() => daemon.isAlive())
    await device.ready()
    await until(() => fed() >= 2, 'food')
    const goOn = join(device.folder, 'go-on')
    expect(await holdWorkers('detect/worker.js', patience(60_000), 'here', goOn)).toBe(1)
    const stuck = await eventually(
      () => device.ask('/live'),
      // On a busy machine another part may reach its limit first.
      ({ ok, parts }) => !ok && parts.some(({ part }) => part === 'detect'),
      'the end of patience',
      45_000
    )
    // Parts that wait for the stuck one may be named as well, if both reach their limits between two requests.
    expect(stuck.status).toBe(503)
    expect(stuck.parts.find(({ part }) => part === 'detect')?.why).toMatch(/an inference has been under way for \d+ s/)
    expect((await device.ask('/ready')).parts.map(({ part }) => part)).toContain('detect')
    const raised = await nurse.alarm('inference_failed', 'start')
    expect(raised.text.en).toMatch(/detect: an inference has been under way/)
    /** Messages arrive in the order in which they are sent: a status comes after all that was sent before it. */
    const fedAt = async (status: string): Promise<number> => {
      await notifier.status(status)
      await until(() => heard(status), 'the status')
      return fed()
    }
    const before = await fedAt('stuck')
    // Four times the interval of the watchdog.
    await new Promise((resolve) => setTimeout(resolve, 2000))
    expect((await device.ask('/live')).ok).toBe(false)
    expect(await fedAt('still stuck')).toBe(before)
    writeFileSync(goOn, '')
    await eventually(
      () => device.ask('/live'),
      ({ ok }) => ok,
      'life',
      75_000
    )
    await until(() => fed() > before, 'food again')
    await nurse.alarm('inference_failed', 'end')
  })
})

describe('a decoder', () => {
  it('that hangs makes its camera not ready and is replaced, without stopping the watchdog', {
    timeout: patience(90_000)
  }, async () => {
    const device = await ward.device([camera('a')])
    const daemon = device.start()
    await device.ready()
    const [decoder] = decoders(daemon.child.pid!)
    process.kill(decoder!, 'SIGSTOP')
    const answer = await eventually(
      () => device.ask('/ready'),
      ({ ok }) => !ok,
      'not ready'
    )
    expect(answer).toMatchObject({ status: 503, parts: [{ part: 'camera a' }] })
    expect(answer.parts[0]!.why).toMatch(/^(lost|connecting): \S/)
    expect(await device.ask('/live')).toMatchObject({ status: 200, ok: true })
    await device.ready()
    expect(isRunning(decoder!)).toBe(false)
    expect(decoders(daemon.child.pid!)).toHaveLength(1)
    expect(await device.metric('painlens_camera_reconnects_total{camera="a"}')).toBeGreaterThan(0)
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
  })
})

describe('a port of http or of the page that is in use', () => {
  it('does not affect alarms, and is reported by health', { timeout: patience(90_000) }, async () => {
    const taken = Number(new URL(ward.broker.url).port)
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    const page = { enabled: true, port, tokens: { ward: 'ward-token-0123456789' }, path: 'page' }
    const device = await ward.device([camera('a')], { http: { port: taken }, page })
    const nurse = await device.listen()
    const daemon = device.start()
    await until(() => daemon.output().includes('painlens runs'), 'the start')
    await nurse.state('a', 'ok')
    await nurse.command('refresh', {})
    const seen = await until(
      () => nurse.health().find(({ http, page, cameras }) => http?.problem && page?.problem && cameras.a),
      'health to say so'
    )
    expect(seen.http).toEqual({
      address: null,
      code: 'PL-HTTP-PORT',
      problem: expect.stringMatching(/the port is in use. Choose another as http.port/)
    })
    expect(seen.page).toEqual({
      address: null,
      code: 'PL-PAGE-PORT',
      problem: expect.stringMatching(/^page on 127\.0\.0\.1:\d+: the port is in use/)
    })
    expect(daemon.output()).toMatch(/HTTP endpoints unavailable; alarms are not affected/)
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
  })
})
