/**
 * Builds the images as they are, line by line, and runs what comes out as the compose file does. Minutes, root, and
 * Debian's buildah and debootstrap: `npm run test:containers`, and not in the suite.
 */
import { execFile, execFileSync } from 'node:child_process'
import { chownSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { createIdentity, renderPortrait } from '../../src/show/render/index.js'
import { startFeed } from '../../src/show/simulate/feed.js'
import { startRtspServer } from '../../src/show/simulate/rtsp-server.js'
import { freePort, startMosquitto } from '../support/mosquitto.js'
import { Deadline, patience, until } from '../support/slowness.js'
import { buildah, Container, imageConfig } from './container.js'

const root = resolve(import.meta.dirname, '../..')
const minutes = patience(60_000)
const kinds = { docker: 'painlens-test:docker', jetson: 'painlens-test:jetson' }

/** Waits without blocking: vitest takes a worker that is silent for a minute for dead. */
const run = promisify(execFile)

async function build(kind: keyof typeof kinds, base: string, more: string[] = [], tag = kinds[kind]): Promise<void> {
  const file = `deploy/${kind}/Dockerfile`
  const ignore = ['--ignorefile', `${file}.dockerignore`]
  // The Jetson's own base is for arm64; its packages have the same names in Debian.
  const args = ['--build-arg', `BASE_IMAGE=${base}`, ...more]
  const command = [
    'bud',
    '--format',
    'docker',
    '--layers',
    '--force-rm',
    ...ignore,
    '-f',
    file,
    '-t',
    tag,
    ...args,
    '.'
  ]
  const env = { ...process.env, BUILDAH_ISOLATION: 'chroot' }
  await run('buildah', command, { cwd: root, env, maxBuffer: 2 ** 26 })
}

describe.runIf(process.env.PAINLENS_CONTAINERS)('the images', () => {
  const text = readFileSync(join(root, 'deploy/docker/Dockerfile'), 'utf8')
  const imageOf = (name: string) => new RegExp(`^ARG ${name}=(.*)$`, 'm').exec(text)![1]!
  const base = imageOf('BASE_IMAGE')

  beforeAll(async () => {
    await run(join(import.meta.dirname, 'base-images.sh'), [base, imageOf('NODE_IMAGE')])
    for (const kind of ['docker', 'jetson'] as const) await build(kind, base)
  }, 20 * minutes)

  it.each(Object.entries(kinds))('the image %s declares user, stop signal, health check and volume', (_, image) => {
    const config = imageConfig(image)
    expect(config).toMatchObject({ User: '10001:10001', StopSignal: 'SIGTERM', WorkingDir: '/opt/painlens' })
    expect(config.Volumes).toHaveProperty('/var/lib/painlens')
    expect(config.Labels['org.opencontainers.image.licenses']).toBe('Apache-2.0')
    expect(config.Healthcheck).toMatchObject({ Interval: 30e9, Timeout: 15e9, StartPeriod: 180e9, Retries: 3 })
  })

  it.each(Object.entries(kinds))('the image %s contains what is needed and nothing else', (_, image) => {
    const name = buildah('from', image)
    onTestFinished(() => void buildah('rm', name))
    const at = (path: string) => join(buildah('mount', name), path)
    const modules = readdirSync(at('opt/painlens/node_modules'))
    expect(modules).toEqual(expect.arrayContaining(['onnxruntime-node', 'sharp', 'mqtt']))
    for (const dev of ['vitest', 'typescript', '@biomejs', '@typescript']) expect(modules).not.toContain(dev)
    expect(existsSync(at('opt/painlens/node_modules/@tensorflow/tfjs-node'))).toBe(false)
    for (const path of ['src', 'tools', 'package-lock.json']) expect(existsSync(at(`opt/painlens/${path}`))).toBe(false)
    expect(existsSync(at('opt/painlens/THIRD-PARTY-NOTICES'))).toBe(true)
    expect(readdirSync(at('opt/painlens/models/face'))).toEqual(expect.arrayContaining(['detector.onnx']))
    expect(readdirSync(at('opt/painlens/node_modules/onnxruntime-node/bin/napi-v6/linux'))).toEqual([process.arch])
    const writable = execFileSync('find', [
      at('opt/painlens'),
      '!',
      '-user',
      'root',
      '-o',
      '-perm',
      '/022',
      '!',
      '-type',
      'l'
    ])
    expect(writable.toString()).toBe('')
  })

  it(
    'the build fails when the named provider archive is missing',
    async () => {
      const failed = await build('jetson', base, ['--build-arg', 'PROVIDER_ARCHIVE=nothing.tar.gz']).catch(
        (error) => error
      )
      expect(failed).toBeInstanceOf(Error)
      // The step itself failed, not the way to it.
      expect(failed.stderr).toMatch(/building at STEP "RUN --mount=type=bind,from=provider/)
    },
    10 * minutes
  )

  it(
    'a provider archive is built in without running it',
    async () => {
      const own = mkdtempSync(join(tmpdir(), 'painlens-provider-'))
      onTestFinished(() => rmSync(own, { recursive: true }))
      const files = join(root, 'node_modules/onnxruntime-node/bin/napi-v6/linux', process.arch)
      await run(join(root, 'deploy/jetson/onnxruntime/build.sh'), ['--pack', files, '--out', own])
      const archive = readdirSync(own).find((name) => name.endsWith('.tar.gz'))
      const image = `${kinds.jetson}-provider`
      const more = ['--build-context', `provider=${own}`, '--build-arg', `PROVIDER_ARCHIVE=${archive}`]
      await build('jetson', base, more, image)
      const name = buildah('from', image)
      onTestFinished(() => void buildah('rm', name))
      expect(buildah('run', name, '--', 'painlens', 'provider', 'status')).toMatch(/^in place: cpu;/)
    },
    10 * minutes
  )

  describe('as the compose file runs it', () => {
    let folder: string
    let port: number
    let started: Container | undefined
    afterEach(() => started?.remove())
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    /** The compose file's own config and secrets; the broker's address and the ports are this test's. */
    async function prepare() {
      folder = mkdtempSync(join(tmpdir(), 'painlens-container-'))
      cpSync(join(root, 'deploy/compose'), folder, { recursive: true })
      execFileSync(join(folder, 'prepare.sh'), ['ward-2', 'localhost'], { stdio: 'ignore' })
      port = await freePort()
      const state = mkdtempSync(join(folder, 'state-'))
      chownSync(state, 10001, 10001)
      return state
    }

    async function world() {
      const state = await prepare()
      const secrets = join(folder, 'secrets')
      const passwords = { 'ward-2': readFileSync(join(secrets, 'mqtt-password'), 'utf8').trim() }
      const tls = { ca: join(secrets, 'ca.crt'), cert: join(secrets, 'server.crt'), key: join(secrets, 'server.key') }
      const broker = await startMosquitto({ users: passwords, tls })
      const credentials = { user: 'viewer', password: 'change-me', scheme: 'digest' } as const
      const server = await startRtspServer({ credentials, log: silentLog })
      const picture = { width: 640, height: 360, fps: 5 }
      const lavfi = 'testsrc2=size=640x360:rate=5'
      const feed = await startFeed({
        server,
        path: '/stream1',
        codec: 'h264',
        ...picture,
        frames: { lavfi },
        log: silentLog
      })
      onTestFinished(async () => {
        await feed.stop()
        await server.stop()
        await broker.remove()
      })
      const config = readFileSync(join(folder, 'painlens.yaml'), 'utf8')
        .replace('mosquitto:8883', `localhost:${broker.port}`)
        .replace('192.0.2.10:554', `127.0.0.1:${server.port}`)
        .replace('host: 0.0.0.0', `host: 0.0.0.0\n  port: ${port}`)
      writeFileSync(join(folder, 'painlens.yaml'), config)
      const mounts = {
        '/etc/painlens/painlens.yaml:ro': join(folder, 'painlens.yaml'),
        '/run/secrets:ro': secrets,
        '/var/lib/painlens': state
      }
      return { broker, mounts, state }
    }

    const health = (container: Container) => {
      const [kind, ...command] = imageConfig(kinds.docker).Healthcheck.Test
      expect(kind).toBe('CMD')
      return container.exec(command)
    }
    const answers = async (container: Container, status: number, word: RegExp) => {
      let last = health(container)
      const deadline = new Deadline(120_000)
      while (!(last.status === status && word.test(last.stdout))) {
        if (deadline.isOver()) throw new Error(`${last.status} ${last.stdout}\n${container.output()}`)
        await new Promise((done) => setTimeout(done, 1000))
        last = health(container)
      }
    }

    it(
      'the container runs as its user, is healthy with a broker and unhealthy without, reloads and stops in time',
      async () => {
        const { broker, mounts, state } = await world()
        const container = new Container({ image: kinds.docker, mounts })
        started = container
        await answers(container, 0, /^ready$/m)
        const [painlens] = container.children()
        const status = readFileSync(`/proc/${painlens}/status`, 'utf8')
        expect(status).toMatch(/^Uid:\t10001\t10001/m)
        expect(status).toMatch(/^Groups:\t\s*$/m)
        expect(status).toMatch(/^NoNewPrivs:\t1/m)
        expect(status).toMatch(/^CapEff:\t0000000000000000/m)
        expect(container.exec(['sh', '-c', 'echo x > /opt/painlens/x']).status).not.toBe(0)
        expect(existsSync(join(state, 'data/outbox'))).toBe(true)

        await broker.stop()
        await answers(container, 1, /broker/)
        await broker.start()
        await answers(container, 0, /^ready$/m)

        container.signal('SIGHUP')
        await until(() => container.output().includes('config read again'), 'the reload')
        container.signal('SIGTERM')
        expect(await container.ended).toBe(0)
        expect(container.output()).toContain('painlens stops')
      },
      3 * minutes
    )

    it(
      'a painlens in the container that is stuck at two checks in a row is killed',
      async () => {
        const { mounts } = await world()
        const container = new Container({ image: kinds.docker, mounts })
        started = container
        await answers(container, 0, /^ready$/m)
        const [painlens] = container.children()
        process.kill(painlens!, 'SIGSTOP')
        expect(health(container)).toMatchObject({ status: 1, stdout: expect.stringContaining('stuck') })
        process.kill(painlens!, 'SIGCONT')
        await answers(container, 0, /^ready$/m)
        process.kill(painlens!, 'SIGSTOP')
        expect(health(container).stdout).toMatch(/^stuck: no answer/)
        expect(health(container).stdout).toMatch(/ended, to be restarted/)
        expect(await container.ended).not.toBe(0)
      },
      3 * minutes
    )

    it(
      'painlens explain works in the image',
      async () => {
        const { mounts, state } = await world()
        const { data, width, height } = await renderPortrait({ identity: createIdentity(12), units: {}, faceSize: 150 })
        await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(state, 'face.png'))
        const args = ['explain', '/var/lib/painlens/face.png', '--out', '/var/lib/painlens/explained']
        started = new Container({ image: kinds.docker, args, mounts })
        expect(await started.ended, started.output()).toBe(0)
        expect(existsSync(join(state, 'explained', 'face.json'))).toBe(true)
      },
      minutes
    )

    it(
      'a wrong config ends the container with its problem and exit code 2',
      async () => {
        const { mounts } = await world()
        writeFileSync(join(folder, 'painlens.yaml'), 'device: [')
        started = new Container({ image: kinds.docker, mounts })
        expect(await started.ended).toBe(2)
        expect(started.output()).toContain('painlens.yaml')
      },
      minutes
    )
  })
})
