import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { checkCameras } from '../../../src/commands/check/camera.js'
import { checkCommand } from '../../../src/commands/check/index.js'
import { checkFaceModels } from '../../../src/commands/check/model.js'
import { type CheckContext, runCheck } from '../../../src/commands/check/result.js'
import { parseConfig, type Service } from '../../../src/config/index.js'
import { silentLog } from '../../../src/core/log.js'
import { Secrets } from '../../../src/core/secrets.js'
import { packageRoot } from '../../../src/core/version.js'
import { faceModelFiles } from '../../../src/lib/face/model-files.js'
import { type Feed, startFeed } from '../../../src/show/simulate/feed.js'
import { type RtspServer, startRtspServer } from '../../../src/show/simulate/rtsp-server.js'
import { faceModelFolder } from '../../support/face-models.js'
import { freePort, type Mosquitto, startMosquitto } from '../../support/mosquitto.js'
import { patience } from '../../support/slowness.js'
import { writeTinyHead, writeTinyModel } from '../../support/tiny-model.js'

const cameraPassword = `p@ss:w/rd?#%&"'`
const brokerPassword = 'broker-hunter2'

let folder: string
let server: RtspServer
let feed: Feed
let broker: Mosquitto
let manifest: string
let httpPort: number

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-check-test-'))
  manifest = await writeTinyModel(folder)
  server = await startRtspServer({
    credentials: { user: 'viewer', password: cameraPassword, scheme: 'digest' },
    log: silentLog
  })
  const frames = { lavfi: 'testsrc=size=320x240:rate=5' }
  feed = await startFeed({
    server,
    path: '/bed',
    codec: 'h264',
    width: 320,
    height: 240,
    fps: 5,
    frames,
    log: silentLog
  })
  broker = await startMosquitto({ users: { painlens: brokerPassword } })
  httpPort = await freePort()
})

afterAll(async () => {
  await feed?.stop()
  await server?.stop()
  await broker?.remove()
  await rm(folder, { recursive: true, force: true })
})

const goodConfig = () => ({
  device: 'check-test',
  mqtt: { url: broker.url, username: 'painlens', password: brokerPassword },
  cameras: [{ id: 'bed', url: feed.url, fps: 5, width: 320, height: 240 }] as object[],
  model: { manifest, face_models: faceModelFolder },
  inference: { provider: 'cpu' },
  http: { port: httpPort }
})

interface Outcome {
  code: number
  text: string
  /** What was said beside the lines. */
  said: string
  /** State by what was looked at. */
  states: Record<string, string>
}

async function check(
  config: object,
  signal = new AbortController().signal,
  io: { service?: Service; width?: number; patienceMs?: number } = {}
): Promise<Outcome> {
  const file = join(folder, 'painlens.yaml')
  await writeFile(file, stringify(config))
  let text = ''
  const write = (part: string): void => {
    text += part
  }
  let said = ''
  const say = (part: string): void => {
    said += part
  }
  const code = await checkCommand({ config: file }, signal, { write, say, env: {}, ...io })
  const rows = [...text.matchAll(/^\[ ?(ok|warn|fail) ?\] (.*?) {2,}/gm)]
  return { code, text, said, states: Object.fromEntries(rows.map(([, state, what]) => [what, state])) }
}

/** The row of one thing, with its fix. */
const row = (text: string, what: string): string =>
  new RegExp(`^\\[.{4}\\] ${what} .*(?:\\n {10,}.*)*`, 'm').exec(text)?.[0] ?? ''

describe('painlens check', () => {
  it('reports a working installation as ok, with what it found, and exits with 0', async () => {
    const subscriber = await connectAsync(broker.url, { username: 'painlens', password: brokerPassword })
    const received: string[] = []
    subscriber.on('message', (topic) => received.push(topic))
    await subscriber.subscribeAsync('#')
    const { code, text, states } = await check(goodConfig())
    await subscriber.endAsync()

    expect(states).toMatchObject({
      config: 'ok',
      ffmpeg: 'ok',
      'camera bed': 'ok',
      model: 'warn',
      explanations: 'ok',
      'face models': 'ok',
      provider: 'ok',
      broker: 'ok',
      commands: 'ok',
      http: 'ok'
    })
    expect(Object.keys(states)).toContain('clock')
    expect(Object.keys(states)).toContain('disk')
    expect(code).toBe(0)
    expect(row(text, 'camera bed')).toMatch(/h264, 320x240, 5 fps/)
    expect(row(text, 'broker')).toContain('confirmed a message, MQTT 5')
    expect(row(text, 'provider')).toContain('ran on cpu')
    expect(row(text, 'model')).toContain('demonstrations only')
    expect(row(text, 'model')).toMatch(/outputs read as logits; of a drawn face in pain it says pain \d/)
    expect(row(text, 'explanations')).toMatch(/sequential_preset_a_flat by .* took \d+ ms; the other engine differs by/)
    // A small message, one as large as an alarm, a command, and one as large as an explanation.
    const topics = ['check', 'check', 'command/check', 'check'].map((topic) => `painlens/check-test/${topic}`)
    expect(received).toEqual(topics)
    expect(broker.log()).toContain('painlens-check-test-check-')
    expect(text).not.toContain(brokerPassword)
    expect(text).not.toContain('p@ss')
    expect(text).not.toContain('p%40ss')
    // Nothing of the trial is left: check may be run by another user than the daemon.
    expect((await readdir(folder)).filter((name) => /data|outbox|\.painlens/.test(name))).toEqual([])
  })

  it('goes on after a failed check, and prints a fix for each failure', async () => {
    await writeFile(join(folder, 'a-file'), '')
    const wrongHash = join(folder, 'wrong.yaml')
    const about = { name: 'x', labels: ['a', 'b'], alarm_label: 'a', file: 'tiny.onnx', sha256: '0'.repeat(64) }
    const input = { layout: 'nchw', width: 16, height: 16, colour: 'bgr', mean: [0, 0, 0] }
    await writeFile(wrongHash, stringify({ ...about, licence: 'x', input, intended_use: 'research' }))
    const good = goodConfig()
    const { code, text, states } = await check({
      ...good,
      mqtt: { ...good.mqtt, password: `wrong-${brokerPassword}` },
      cameras: [
        { id: 'gone', url: feed.url.replace('/bed', '/nowhere') },
        { id: 'locked', url: feed.url.replace(/viewer:.*@/, 'viewer:wrong-secret@') },
        { id: 'off', url: 'rtsp://127.0.0.1:1/x' }
      ],
      model: { manifest: wrongHash, face_models: join(folder, 'nowhere') },
      outbox: { path: join(folder, 'a-file', 'outbox') }
    })
    expect(code).toBe(1)
    expect(states).toMatchObject({
      config: 'ok',
      ffmpeg: 'ok',
      'camera gone': 'fail',
      'camera locked': 'fail',
      'camera off': 'fail',
      model: 'fail',
      'face models': 'fail',
      provider: 'fail',
      broker: 'fail',
      disk: 'fail'
    })
    for (const what of Object.keys(states).filter((name) => states[name] !== 'ok'))
      expect(row(text, what), what).toMatch(/\n +→ .*[.)d] \[PL(-[A-Z0-9]+)+\]$/)
    expect(row(text, 'model')).toContain('SHA-256')
    expect(row(text, 'face models')).toContain('npm run build')
    expect(row(text, 'broker')).toContain('[PL-BROKER-LOGIN]')
    expect(row(text, 'camera locked')).toContain('[PL-CAMERA-LOGIN]')
    expect(text).not.toContain('secret')
    expect(text).not.toContain('hunter2')
    expect(text).not.toMatch(/^ +at /m)
  })

  it('tells of cameras of one server, which gives one stream at a time, that each gives a picture alone', async () => {
    const narrow = await startRtspServer({ log: silentLog, quirks: { places: { most: 1, freedAfterMs: 0 } } })
    const feeds = await Promise.all(
      ['/one', '/two'].map((path) =>
        startFeed({
          ...{ server: narrow, path, codec: 'h264', width: 320, height: 240, fps: 5, log: silentLog },
          frames: { lavfi: 'testsrc=size=320x240:rate=5' }
        })
      )
    )
    onTestFinished(async () => {
      await Promise.all(feeds.map((one) => one.stop()))
      await narrow.stop()
    })
    const cameras = feeds.map(({ url }, i) => ({ id: `c${i}`, url, fps: 5, width: 320, height: 240 }))
    const { config } = await parseConfig(stringify({ ...goodConfig(), cameras }), join(folder, 'narrow.yaml'))
    const running = { daemon: null, findings: [] }
    const context = { config, secrets: new Secrets(), running, signal: new AbortController().signal }
    const results = await checkCameras(context)
    expect(results.map(({ state }) => state).sort()).toEqual(['fail', 'ok'])
    const refused = results.find(({ state }) => state === 'fail')!
    expect(refused.code).toBe('PL-CAMERA-VIEWERS')
    expect(refused.found).toMatch(/too many viewers; alone it gives h264, 320x240/)
    expect(refused.fix).toContain('opens all cameras of 127.0.0.1:')
  })

  it.each(['ffmpeg', 'gstreamer'])(
    'names the shape of a picture whose stream turns and squeezes it, decoded by %s',
    async (decoder) => {
      const about = { server, path: `/${decoder}`, codec: 'h264', width: 704, height: 576, fps: 5 } as const
      const frames = { lavfi: 'testsrc=size=704x576:rate=5' }
      // FFmpeg's filter turns the second picture first.
      const shape = { sampleAspect: '16/11', turnedBy: 90, keyFrameEvery: 1 } as const
      const turned = await startFeed({ ...about, ...shape, frames, log: silentLog })
      onTestFinished(() => turned.stop())
      const cameras = [
        { id: 'told', url: turned.url, fps: 5, decoder },
        { id: 'upright', url: turned.url, fps: 5, decoder, rotation: 0, aspect: '4:3' }
      ]
      const { text } = await check({ ...goodConfig(), cameras, explanation: { enabled: false } })
      expect(row(text, 'camera told')).toContain('h264, 704x576, pixels 16:11, turned by 90°, shown as 576x1024, ')
      expect(row(text, 'camera upright')).toContain('h264, 704x576, pixels 16:11, shown as 768x576, ')
    }
  )

  it('fails for a model with which painlens run would not start or not explain', async () => {
    const own = await mkdtemp(join(folder, 'model-'))
    const checked = async (manifest: string) => {
      const { text } = await check({
        ...goodConfig(),
        cameras: [{ id: 'off', url: 'rtsp://127.0.0.1:1/x' }],
        model: { ...goodConfig().model, manifest },
        alarm: { reference: { enabled: true } }
      })
      return [row(text, 'model'), row(text, 'explanations'), row(text, 'resting faces')]
    }
    const [unread] = await checked(await writeTinyHead(own, (g, x) => g.node('Relu', [x])))
    expect(unread).toMatch(/^\[fail\].*\n.*→ Put head: logits, softmax.* \[PL-MODEL-HEAD\]$/)
    const [read, unexplained, restless] = await checked(
      await writeTinyHead(own, (g, x) => g.node('Softmax', [g.node('Sin', [x])]))
    )
    expect(read).toMatch(/^\[warn\]/)
    expect(restless).toMatch(/^\[warn\].*no resting\n.*→ Measure it: .* \[PL-REFERENCE-NO-RESTING\]$/s)
    expect(unexplained).toMatch(/^\[fail\].*"Sin" \(Sin\).*\n.*\[PL-LRP-NODE\]$/)
  })

  it('warns of a camera that shows a picture and then no other', async () => {
    const options = ['-f', 'lavfi', '-i', 'testsrc=s=320x240', '-frames:v', '1', '-f', 'mpjpeg', '-boundary_tag', 'x']
    const { stdout } = spawnSync('ffmpeg', ['-v', 'fatal', ...options, 'pipe:1'])
    const still = createHttpServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=x' })
      response.write(stdout)
    }).listen(0, '127.0.0.1')
    onTestFinished(() => {
      still.close()
      still.closeAllConnections()
    })
    await once(still, 'listening')
    const url = `http://127.0.0.1:${(still.address() as AddressInfo).port}/video`
    const { text, states } = await check({
      ...goodConfig(),
      cameras: [{ id: 'still', url, fps: 5, width: 320, height: 240 }],
      explanation: { enabled: false }
    })
    expect(states).toMatchObject({ 'camera still': 'warn' })
    expect(row(text, 'camera still')).toMatch(/fewer than three pictures in 2 s.*less than fps: 5.*\[PL-CAMERA-SLOW\]/s)
  })

  it('warns of a camera that sends fewer pictures or pixels than configured, and exits with 0', async () => {
    const good = goodConfig()
    const { code, text, states } = await check({
      ...good,
      cameras: [
        { id: 'slow', url: feed.url, fps: 15, width: 320, height: 240 },
        { id: 'small', url: feed.url, fps: 5 }
      ],
      explanation: { enabled: false },
      privacy: { save_heatmaps_to: join(folder, 'heat') }
    })
    expect(code).toBe(0)
    expect(states).toMatchObject({ 'camera slow': 'warn', 'camera small': 'warn' })
    expect(row(text, 'camera slow')).toContain('less than fps: 15')
    expect(row(text, 'camera small')).toContain('fewer pixels than 1280x720')
    expect(row(text, 'disk \\(heatmaps\\)')).toContain(join(folder, 'heat'))
  })

  it.each([
    ['truncated', () => 'no onnx', 'cannot be opened as an ONNX model'],
    ['of another version', () => readFile(join(folder, 'tiny.onnx')), 'is of another version of painlens']
  ])('a face model that is %s fails the check', async (what, content, told) => {
    const faces = join(folder, `face models ${what}`)
    await mkdir(faces)
    for (const file of Object.values(faceModelFiles(faces))) await writeFile(file, await content())
    const config = { model: { manifest, face_models: faces } }
    const context = { config, secrets: new Secrets(), signal: new AbortController().signal } as unknown as CheckContext
    expect(await runCheck({ what: 'face models', run: checkFaceModels }, context)).toMatchObject([
      {
        state: 'fail',
        found: expect.stringContaining(told),
        fix: expect.stringContaining('npm run build')
      }
    ])
  })

  it('exits with 2 for an invalid config, after the checks that need no config', async () => {
    const { code, text, states } = await check({ devise: 'x' })
    expect(code).toBe(2)
    expect(states).toMatchObject({ config: 'fail', ffmpeg: 'ok' })
    expect(text).toContain('1:1 devise: found an unknown key, did you mean device?')
  })

  it('fails where the service reads another config file than the checked one', async () => {
    const service = { unit: '/x', config: '/etc/painlens/painlens.yaml', folders: {}, credentials: new Map() }
    const { code, text } = await check({ devise: 'x' }, undefined, { service })
    expect(text).toMatch(
      /^\[fail\] config {10}.*painlens\.yaml .*is not what the service reads, which is \/etc\/painlens/
    )
    expect(text).toContain('[PL-CONFIG-OTHER]')
    expect(code).toBe(2)
  })

  it('wraps its lines at the width of the terminal, without breaking paths and addresses', async () => {
    const wide = await check({ devise: 'x' })
    const narrow = await check({ devise: 'x' }, undefined, { width: 80 })
    const long = narrow.text.split('\n').filter((line) => line.length > 80)
    expect(long.every((line) => !line.trim().includes(' ') || line.startsWith('['))).toBe(true)
    expect(wide.text.split('\n').some((line) => line.length > 80)).toBe(true)
    const words = (text: string) => text.split(/\s+/).filter((word) => !/\d/.test(word))
    expect(words(narrow.text)).toEqual(words(wide.text))
  })

  it('says beside its lines what it waits for where that takes long, and nothing where it does not', async () => {
    const slow = await check(goodConfig(), undefined, { patienceMs: 1 })
    expect(slow.said).toContain('… waiting for the model, which is opened for classifying and for explaining')
    expect(slow.text).not.toContain('waiting for')
    const quick = await check(goodConfig(), undefined, { patienceMs: 3_600_000 })
    expect(quick.said).toBe('')
    expect(quick.code).toBe(slow.code)
  })

  it('ends when it is aborted while a camera does not answer', async () => {
    const stop = new AbortController()
    const mute = createServer(() => stop.abort())
    await once(mute.listen(0, '127.0.0.1'), 'listening')
    const { port } = mute.address() as AddressInfo
    const { code, states } = await check(
      { ...goodConfig(), cameras: [{ id: 'bed', url: `rtsp://127.0.0.1:${port}/x` }] },
      stop.signal
    )
    mute.close()
    expect(stop.signal.aborted).toBe(true)
    expect(code).toBe(1)
    expect(states).not.toHaveProperty('broker')
  })

  it('as a process prints no stack trace for an invalid config, and exits with 2', async () => {
    const file = join(folder, 'bad.yaml')
    await writeFile(file, 'device: [\n')
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [`${packageRoot}dist/main.js`, 'check', '-c', file],
      {
        encoding: 'utf8'
      }
    )
    expect(status).toBe(2)
    expect(stdout).toContain(`${file}\n`)
    expect(stdout + stderr).not.toMatch(/^ +at /m)
  })
})

describe('a config with a dozen cameras', () => {
  it('is checked camera by camera, without a warning of Node.js about listeners', {
    timeout: patience(60_000)
  }, async () => {
    const warnings: string[] = []
    const onWarning = ({ name }: Error): void => void warnings.push(name)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const port = await freePort()
    const cameras = Array.from({ length: 12 }, (_, i) => ({ id: `c${i}`, url: `rtsp://127.0.0.1:${port}/${i}` }))
    const text = stringify({ device: 'walk', mqtt: { url: 'mqtt://127.0.0.1' }, cameras })
    const { config } = await parseConfig(text, '/etc/painlens/p.yaml')
    const running = { daemon: null, findings: [] }
    const signal = new AbortController().signal
    const lines = await checkCameras({ config, secrets: new Secrets(), running, signal })
    expect(new Set(lines.map(({ code }) => code))).toEqual(new Set(['PL-CAMERA-REFUSED']))
    expect(lines).toHaveLength(12)
    expect(warnings).toEqual([])
  })
})
