import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { later, systemClock } from '../../../src/core/clock.js'
import type { Face } from '../../../src/core/types.js'
import { askCameras, askFrame, type GivenFrame } from '../../../src/daemon/control/client.js'
import { differences, settingsOf } from '../../../src/daemon/control/protocol.js'
import { patience, until } from '../../support/slowness.js'
import { never, type TestCamera, temporaryFolder, testCamera, testControl } from './rig.js'

const face: Face = {
  track: 3,
  box: { x: 2, y: 1, width: 3, height: 4 },
  score: 0.9,
  roll: -90,
  whyNot: 'covered',
  landmarks: new Float32Array(136),
  zone: 'window',
  crop: { width: 1, height: 1, data: new Uint8Array(3), landmarks: new Float32Array(136) }
}

async function served(camera: TestCamera, options = {}) {
  const path = join(await temporaryFolder(), 'control.sock')
  return { path, ...(await testControl(path, [camera.watched], options)) }
}

/** Asks for a frame, and gives frames until it has come. */
async function frameOf(path: string, camera: TestCamera, grey = 7): Promise<GivenFrame | null> {
  const asked = askFrame(path, 'bed', never)
  const timer = setInterval(() => camera.frame(grey), 5)
  return asked.finally(() => clearInterval(timer))
}

const saysOf = (error: Error): string => error.message

describe('one frame for a technician', () => {
  it('is the one that was searched, with its faces, also after its memory was used again', async () => {
    const camera = await testCamera({ faces: [face] })
    const { path } = await served(camera)
    const { head, pixels } = (await frameOf(path, camera))!
    expect(head).toMatchObject({
      camera: 'bed',
      location: { room: '312' },
      state: 'ok',
      width: 8,
      height: 6,
      picture: { x: 1, y: 0, width: 6, height: 6 },
      zones: [{ name: 'window' }],
      faces: [{ box: face.box, score: 0.9, zone: 'window', roll_deg: -90, why_not: 'covered' }]
    })
    expect(head.masks).toHaveLength(1)
    expect(pixels).toHaveLength(8 * 6 * 3)
    expect([...new Set(pixels)]).toEqual([7])
  })

  it('is logged before it is given, with who asked', async () => {
    const camera = await testCamera()
    const { path, lines } = await served(camera)
    await frameOf(path, camera)
    const told = lines.find(({ msg }) => String(msg).includes('given to a technician'))
    expect(told).toMatchObject({ level: 'info', camera: 'bed', uid: Number(process.env.SUDO_UID ?? process.getuid!()) })
  })

  it('costs no copy where no one asks, and each frame is released', async () => {
    const camera = await testCamera()
    const from = Uint8Array.from
    let copies = 0
    Uint8Array.from = ((...args: Parameters<typeof from>) => {
      copies++
      return from.apply(Uint8Array, args)
    }) as typeof from
    onTestFinished(() => {
      Uint8Array.from = from
    })
    const frames = Array.from({ length: 5 }, (_, i) => camera.frame(i))
    await until(() => frames.every(({ released }) => released), 'each frame to be released')
    expect(copies).toBe(0)
  })

  it('of a paused camera is refused', async () => {
    const now = systemClock.now()
    const camera = await testCamera({ pause: { since: now, until: later(now, 60_000) } })
    const { path, lines } = await served(camera)
    await expect(frameOf(path, camera)).rejects.toMatchObject({ code: 'PL-SNAPSHOT-PAUSED' })
    expect(lines.at(-1)).toMatchObject({ camera: 'bed', code: 'PL-SNAPSHOT-PAUSED' })
    camera.watched.resume()
    expect(await frameOf(path, camera)).not.toBeNull()
  })

  it('that was being searched when a pause began is not given', async () => {
    const camera = await testCamera({ slow: true })
    const { path } = await served(camera)
    const asked = askFrame(path, 'bed', never).catch((error: Error) => error)
    const pausedAt = until(() => {
      camera.frame(9)
      return true
    }, 'a frame')
    await pausedAt
    await new Promise((done) => setTimeout(done, 100))
    camera.watched.pause(later(systemClock.now(), 60_000))
    camera.detected()
    expect(await asked).toMatchObject({ code: 'PL-SNAPSHOT-PAUSED' })
  })

  it('of a frozen camera is given without a search', async () => {
    const camera = await testCamera({ faces: [face] })
    camera.state({ state: 'frozen', reason: 'the same picture' })
    const { path } = await served(camera)
    const { head } = (await frameOf(path, camera))!
    expect(head).toMatchObject({ state: 'frozen', faces: null })
  })

  it('is waited for longer than other answers where the config lets the camera be silent for so long', async () => {
    const camera = await testCamera({ silentAfterS: 60 })
    const deadlineMs = patience(200)
    const { path } = await served(camera, { deadlineMs })
    const asked = askFrame(path, 'bed', never)
    await new Promise((done) => setTimeout(done, 3 * deadlineMs))
    const timer = setInterval(() => camera.frame(5), 5)
    expect((await asked.finally(() => clearInterval(timer)))?.head).toMatchObject({ state: 'ok' })
  })

  it('of a camera without pictures is refused with the reason', async () => {
    const camera = await testCamera()
    camera.state({ state: 'lost', reason: 'refuses user name or password' })
    const { path } = await served(camera)
    const error = await frameOf(path, camera).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'PL-SNAPSHOT-NO-PICTURE' })
    expect(saysOf(error as Error)).toContain('lost: refuses user name or password')
  })

  it('of an unknown camera is refused, whatever its name is', async () => {
    const { path } = await served(await testCamera())
    for (const name of ['none', '../cameras', '%2e', 'Ä 房', 'x\u001b[31m', 'x'.repeat(500)])
      await expect(askFrame(path, name, never)).rejects.toMatchObject({ code: 'PL-SNAPSHOT-CAMERA' })
    await expect(askFrame(path, 'x'.repeat(10_000), never)).rejects.toMatchObject({ code: 'PL-CONTROL-ANSWER' })
  })

  it('is given to two at a time at most', async () => {
    const camera = await testCamera()
    const { path } = await served(camera)
    const waiting = [askFrame(path, 'bed', never), askFrame(path, 'bed', never)]
    const busy = await until(
      () =>
        askFrame(path, 'bed', AbortSignal.timeout(patience(500))).catch((error) =>
          typeof error.code === 'string' ? error : null
        ),
      'a refusal'
    )
    expect(busy).toMatchObject({ code: 'PL-CONTROL-BUSY' })
    camera.frame(1)
    expect((await Promise.all(waiting)).map((given) => given?.head.camera)).toEqual(['bed', 'bed'])
    expect(await frameOf(path, camera)).not.toBeNull()
  })

  const asks = (path: string): Socket => {
    const socket = connect(path)
    socket.on('error', () => undefined).write('GET /cameras/bed/frame HTTP/1.1\r\nhost: x\r\n\r\n')
    onTestFinished(() => void socket.destroy())
    return socket
  }

  it('that does not come in time ends the request, and the next gets one', async () => {
    const camera = await testCamera()
    const { path, lines } = await served(camera, { deadlineMs: patience(500) })
    const closed = [asks(path), asks(path)].map(
      (socket) => new Promise((done) => void socket.resume().once('close', done))
    )
    await Promise.all(closed)
    expect(await frameOf(path, camera)).not.toBeNull()
    // It is no failure of painlens.
    expect(lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('is cut off for a client that does not read, and the next gets one', async () => {
    const size = { width: 1280, height: 720 }
    const camera = await testCamera({ size })
    const { path, lines } = await served(camera, { deadlineMs: 2000 })
    const socket = asks(path)
    socket.pause()
    const given = () => lines.some(({ msg }) => String(msg).includes('given to a technician'))
    await until(() => camera.frame(1) && given(), 'the frame to be on its way')
    await new Promise((done) => setTimeout(done, 2500))
    let bytes = 0
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    await new Promise((done) => void socket.once('close', done).resume())
    expect(bytes).toBeLessThan(size.width * size.height * 3)
    expect(await frameOf(path, camera)).not.toBeNull()
  })

  it('that is being waited for ends with an error when painlens stops', async () => {
    const camera = await testCamera()
    const { path, control } = await served(camera)
    const asked = askFrame(path, 'bed', never).catch((error: Error) => error)
    await new Promise((done) => setTimeout(done, 100))
    await control.stop()
    const error = await asked
    // Cut off, refused, or there was none to ask any more: never a picture.
    expect(error === null || error instanceof Error).toBe(true)
  })
})

describe('what the daemon tells of its cameras', () => {
  it('is their state, shape and rate, and digests of their settings, without any secret', async () => {
    const camera = await testCamera()
    camera.state({ state: 'dark', reason: 'nothing can be seen, pw-of-camera' })
    const { path } = await served(camera)
    camera.frame(1)
    const told = await askCameras(path, never)
    expect(told).toMatchObject({ device: 'd', pid: process.pid })
    expect(told!.cameras).toMatchObject([
      {
        id: 'bed',
        state: 'dark',
        reason: 'nothing can be seen, ***',
        until: null,
        picture: { width: 6, height: 6 },
        fps: 5
      }
    ])
    expect(JSON.stringify(told)).not.toContain('pw-of-camera')
  })

  it('tells which settings of a camera differ from those of another config, the password among them', async () => {
    const [own, other] = [await testCamera(), await testCamera({ password: 'another' })]
    const config = own.watched.config
    expect(differences(config, settingsOf(config))).toEqual([])
    expect(differences(config, settingsOf(other.watched.config))).toEqual(['url'])
    expect(differences({ ...config, fps: 1, masks: [] }, settingsOf(config))).toEqual(['fps', 'masks'])
    // Another version may have other keys.
    expect(differences(config, { url: settingsOf(config).url!, newer: '1' })).toEqual([])
  })
})
