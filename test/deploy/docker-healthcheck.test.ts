import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { silentLog } from '../../src/core/log.js'
import { type HttpStage, type Report, startHttp } from '../../src/daemon/health/http.js'
import { freePort } from '../support/mosquitto.js'

const script = resolve(import.meta.dirname, '../../deploy/docker/healthcheck.mjs')
const token = 'a-token-of-sixteen-or-more'
const fine: Report = { ok: true, parts: [] }
const wrong = (part: string, why: string): Report => ({ ok: false, parts: [{ part, why, code: null }] })

let folder: string
let port: number
let http: HttpStage | undefined
/** Stands for painlens where it is killed. */
let painlens: ChildProcess
let says: { live: Report; ready: Report }
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-health-'))
  port = await freePort()
  says = { live: fine, ready: fine }
  painlens = spawn('sleep', ['600'])
  await writeFile(join(folder, 'children'), `${painlens.pid} 4711 \n`)
  await writeConfig({ host: '0.0.0.0', port, token })
})
afterEach(async () => {
  painlens.kill('SIGKILL')
  await http?.stop()
  await rm(folder, { recursive: true, force: true })
})

function writeConfig(section: object): Promise<void> {
  const cameras = [{ id: 'a', url: 'rtsp://127.0.0.1:9/x' }]
  const config = { device: 'test', mqtt: { url: 'mqtt://127.0.0.1:9' }, cameras, http: section }
  return writeFile(join(folder, 'painlens.yaml'), stringify(config))
}

async function serve(): Promise<void> {
  const metrics = async () => ({ type: 'text/plain', text: '' })
  http = await startHttp({
    host: '127.0.0.1',
    port,
    token,
    live: () => says.live,
    ready: () => says.ready,
    metrics,
    log: silentLog
  })
}

/** The check as the image runs it; what stands for process 1's children is this test's. */
async function check(): Promise<{ code: number | null; said: string }> {
  const args = [script, '--config', join(folder, 'painlens.yaml'), '--init-children', join(folder, 'children')]
  const child = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: folder } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += String(data)))
  const code = await new Promise<number | null>((done) => child.once('close', done))
  return { code, said }
}

const isKilled = () => painlens.killed || painlens.signalCode !== null || painlens.exitCode !== null

it('the health check exits with 0 when painlens is ready, else with 1 and the reason', async () => {
  await serve()
  expect(await check()).toEqual({ code: 0, said: 'ready\n' })
  says.ready = wrong('camera room-12', 'lost: no picture for 10 s')
  expect(await check()).toEqual({ code: 1, said: 'camera room-12: lost: no picture for 10 s\n' })
  expect(isKilled()).toBe(false)
})

it('a painlens that is stuck at two checks in a row is killed, a recovered one is not', async () => {
  await serve()
  says.live = wrong('classify', 'no answer for 31 s')
  expect(await check()).toEqual({ code: 1, said: 'stuck: classify: no answer for 31 s\n' })
  says.live = fine
  expect(await check()).toMatchObject({ code: 0 })
  says.live = wrong('classify', 'no answer for 35 s')
  expect(await check()).toMatchObject({ code: 1, said: expect.stringMatching(/^stuck: /) })
  expect(isKilled()).toBe(false)
  const gone = new Promise((done) => painlens.once('exit', (_, signal) => done(signal)))
  expect(await check()).toMatchObject({ code: 1, said: expect.stringMatching(/ended, to be restarted: classify/) })
  expect(await gone).toBe('SIGKILL')
})

it('a stuck check of the previous process does not count for the next one', async () => {
  await serve()
  says.live = wrong('event loop', 'came round 12 s ago')
  await check()
  await writeFile(join(folder, 'children'), '4194300 \n')
  expect((await check()).said).toMatch(/^stuck: /)
  expect(isKilled()).toBe(false)
})

it.each([
  ['a port that is closed: painlens starts', () => undefined, /ECONNREFUSED/],
  ['http turned off', () => writeConfig({ enabled: false }), /http\.enabled is false/],
  ['a config that is wrong', () => writeFile(join(folder, 'painlens.yaml'), 'device: ['), /painlens\.yaml/],
  [
    'another token',
    async () => {
      await serve()
      await writeConfig({ port, token: 'another-token-of-sixteen' })
    },
    /answers 401/
  ]
])('the health check exits with 1 and kills nothing for %s', async (_, arrange, sentence) => {
  await arrange()
  expect(await check()).toMatchObject({ code: 1, said: expect.stringMatching(sentence) })
  expect(existsSync(join(folder, 'painlens-stuck'))).toBe(false)
  expect(isKilled()).toBe(false)
})
