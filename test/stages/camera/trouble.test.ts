import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Decoder } from '../../../src/stages/camera/index.js'
import { bytesOf, ruledLayout } from '../../../src/stages/camera/picture-writer.js'
import { freePort } from '../../support/mosquitto.js'
import { Deadline, patience, patienceNow, until } from '../../support/slowness.js'
import {
  BadLine,
  colourAt,
  decoderProcesses,
  nameOf,
  nextFrames,
  Rig,
  takeFrames,
  untilReason,
  untilState
} from './rig.js'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
})
afterEach(() => rig.close())

const size = { width: 160, height: 120 }
/** Where restarts are counted, a machine that stands still for a moment causes none. */
const patient = { readMs: patience(8000) }

describe('a camera in trouble', () => {
  it('is connecting, then lost, when nothing listens, and ok once the camera does', async () => {
    const port = await freePort()
    const camera = rig.camera(`rtsp://127.0.0.1:${port}/bed`, { timing: { lostMs: 600 } })
    takeFrames(camera)
    const states: string[] = []
    camera.states.subscribe(({ state }) => states.at(-1) !== state && states.push(state))
    camera.start()
    await untilReason(camera, /nothing listens/)
    expect(await untilState(camera, 'lost')).toMatch(/nothing listens/)
    await rig.feed(await rig.server({ port }))
    await untilState(camera, 'ok')
    expect(states).toEqual(['connecting', 'lost', 'ok'])
    expect(camera.stats().restarts).toBeGreaterThan(0)
    expect(rig.lines.filter((line) => line.includes('"warn"') && line.includes('"PL-CAMERA-REFUSED"'))).toHaveLength(1)
  })

  it('is restarted when its decoder dies in the middle of a frame, and its pictures are whole again', async () => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const camera = rig.camera(url, { timing: patient })
    camera.start()
    for (let death = 0; death < 2; death++) {
      await nextFrames(camera, 2)
      process.kill(decoderProcesses()[0]!.pid, 'SIGKILL')
      await untilState(camera, 'connecting')
    }
    for (const { pixels } of await nextFrames(camera, 3)) {
      expect(nameOf(colourAt(pixels, size, 0.25, 0.9))).toBe('red')
      expect(nameOf(colourAt(pixels, size, 0.75, 0.1))).toBe('blue')
    }
    expect(camera.stats()).toMatchObject({ state: 'ok', restarts: 2 })
  })

  it('forgets half a frame when the decoder ends in the middle of it', async () => {
    let run = 0
    // Half of a red frame first, then whole frames of green.
    const frame = bytesOf(ruledLayout(size))
    const halfThenWhole: Decoder = {
      ...rig.decoder,
      command: () => {
        const script =
          run++ === 0
            ? `yes R | tr -d '\\n' | head -c ${frame / 2}`
            : `yes G | tr -d '\\n' | head -c ${3 * frame}; sleep 60`
        return { command: 'sh', args: ['-c', script], input: '' }
      }
    }
    const camera = rig.camera('rtsp://127.0.0.1/bed', { decoder: halfThenWhole })
    camera.start()
    const frames = await nextFrames(camera, 3)
    for (const { pixels } of frames) expect(new Set(pixels)).toEqual(new Set(['G'.charCodeAt(0)]))
    expect(camera.stats().restarts).toBe(1)
  })

  it('is restarted when its decoder hangs, and stopped even then', async () => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const camera = rig.camera(url)
    takeFrames(camera)
    camera.start()
    await untilState(camera, 'ok')
    process.kill(decoderProcesses()[0]!.pid, 'SIGSTOP')
    expect(await untilState(camera, 'connecting')).toMatch(/no picture for [\d.]+ s/)
    await untilState(camera, 'ok')
    process.kill(decoderProcesses()[0]!.pid, 'SIGSTOP')
    const stopping = new Deadline(2000)
    await camera.stop()
    expect(stopping.isOver(), `stopped after ${stopping}`).toBe(false)
    expect(decoderProcesses()).toEqual([])
  })

  it('is lost while the line is silent, and survives rubbish and a cut on it', async () => {
    const server = await rig.server()
    await rig.feed(server)
    const line = await BadLine.open(rig, server.port)
    const camera = rig.camera(`rtsp://127.0.0.1:${line.port}/bed`, {
      timing: { readMs: 700, connectMs: patienceNow(6000), lostMs: 1200 }
    })
    takeFrames(camera)
    camera.start()
    for (const mode of ['silent', 'rubbish'] as const) {
      line.mode = 'good'
      await untilState(camera, 'ok')
      line.mode = mode
      await untilState(camera, 'lost')
    }
    line.mode = 'good'
    await untilState(camera, 'ok')
    line.cut()
    await untilState(camera, 'connecting')
    await untilState(camera, 'ok')
  })

  it('that accepts and never answers, or answers with noise, is tried again and again', async () => {
    for (const noise of [undefined, Buffer.alloc(5000, 'x')]) {
      let tries = 0
      const server = createServer((socket) => {
        tries++
        socket.on('error', () => undefined)
        if (noise) socket.write(noise)
        rig.own(async () => void socket.destroy())
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      rig.own(() => new Promise((resolve) => server.close(() => resolve())))
      const address = server.address() as { port: number }
      const camera = rig.camera(`rtsp://127.0.0.1:${address.port}/bed`, {
        // Longer than a decoder takes to start on a busy machine: one that is killed before has not tried.
        timing: { readMs: 400, connectMs: patienceNow(3000), lostMs: 900 }
      })
      camera.start()
      await untilState(camera, 'lost')
      await until(() => tries > 1, 'the second try', 30_000)
      await camera.stop()
    }
  })

  it('waits long after a refused password, and says so', async () => {
    const server = await rig.server({ credentials: { user: 'admin', password: 'right', scheme: 'digest' } })
    await rig.feed(server)
    const camera = rig.camera(`rtsp://admin:wrong-one@127.0.0.1:${server.port}/bed`, {
      timing: { unauthorizedMs: 60_000 }
    })
    camera.start()
    await untilReason(camera, /refuses user name or password/)
    expect(camera.stats()).toMatchObject({
      code: 'PL-CAMERA-LOGIN',
      reason: 'the camera refuses user name or password'
    })
    const warning = rig.lines.find((line) => line.includes('"PL-CAMERA-LOGIN"'))!
    expect(JSON.parse(warning).retryMs).toBeGreaterThanOrEqual(60_000)
    expect(rig.lines.join('')).not.toContain('wrong-one')
    expect(decoderProcesses()).toEqual([])
  })

  it('may change the size of its pictures in the middle of the stream, and have a clock that stands still', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'painlens-'))
    rig.own(async () => rmSync(folder, { recursive: true }))
    const film = join(folder, 'film.h264')
    const h264 = [
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-tune',
      'zerolatency',
      '-pix_fmt',
      'yuv420p',
      '-f',
      'h264'
    ]
    await ffmpeg('-f', 'lavfi', '-i', 'color=red:s=160x120:r=10:d=0.5', ...h264, `${film}1`)
    await ffmpeg('-f', 'lavfi', '-i', 'color=blue:s=320x160:r=10:d=0.5', ...h264, `${film}2`)
    const both = [readFileSync(`${film}1`), readFileSync(`${film}2`)]
    writeFileSync(film, Buffer.concat(Array.from({ length: 60 }, () => both).flat()))
    const server = await rig.server()
    const input = ['-re', '-f', 'h264', '-framerate', '10', '-i', film, '-c', 'copy', '-bsf:v', 'setts=ts=0']
    const camera = rig.camera(await rig.publish(server, '/bed', input), { timing: patient })
    camera.start()
    const frames = await nextFrames(camera, 25)
    const middle = frames.map(({ pixels }) => nameOf(colourAt(pixels, size, 0.5, 0.5)))
    const top = frames.map(({ pixels }) => nameOf(colourAt(pixels, size, 0.5, 0.05)))
    expect(middle).toContain('red')
    expect(middle).toContain('blue')
    expect(top, 'the wider pictures have bars').toEqual(middle.map((name) => (name === 'blue' ? 'black' : name)))
    expect(camera.stats().restarts).toBe(0)
  })

  it('disturbs no other camera', async () => {
    const server = await rig.server()
    const dying = await rig.feed(server, { path: '/one' })
    const living = await rig.feed(server, { path: '/two' })
    const one = rig.camera(dying.url, { id: 'one', timing: { lostMs: 700 } })
    const two = rig.camera(living.url, { id: 'two', timing: patient })
    takeFrames(one)
    const states: string[] = []
    two.states.subscribe(({ state }) => states.push(state))
    takeFrames(two)
    one.start()
    two.start()
    await Promise.all([untilState(one, 'ok'), untilState(two, 'ok')])
    await dying.stop()
    await untilState(one, 'lost')
    await nextFrames(two, 10)
    expect(states).toEqual(['connecting', 'ok'])
    expect(two.stats()).toMatchObject({ restarts: 0, state: 'ok' })
  })
})

async function ffmpeg(...args: string[]): Promise<void> {
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
}
