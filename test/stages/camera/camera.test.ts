import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CameraError } from '../../../src/core/errors.js'
import { checkCamera } from '../../../src/stages/camera/index.js'
import { patience, patienceNow } from '../../support/slowness.js'
import { colourAt, decoderProcesses, nameOf, nextFrames, Rig, takeFrames, untilState } from './rig.js'

const hostile = { user: 'us"er', password: `p@ss:w/rd?#%&"'` }
const encoded = 'p%40ss%3Aw%2Frd%3F%23%25%26%22%27'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
})
afterEach(() => rig.close())

describe('a camera', () => {
  it.each([
    ['h264', 'digest'],
    ['hevc', 'basic'],
    ['mjpeg', 'digest']
  ] as const)('of %s behind %s authentication gives the pictures that it sees', async (codec, scheme) => {
    const server = await rig.server({ credentials: { ...hostile, scheme } })
    const { url } = await rig.feed(server, { codec })
    const size = { width: 128, height: 128 }
    const camera = rig.camera(url, {
      ...size,
      fps: 5,
      masks: [
        [
          [0, 0],
          [0.25, 0],
          [0.25, 1],
          [0, 1]
        ]
      ]
    })
    expect(decoderProcesses()).toEqual([])
    camera.start()
    const frames = await nextFrames(camera, 4)
    for (const { frame, pixels } of frames) {
      expect(frame).toMatchObject({ camera: 'bed', ...size })
      expect(pixels).toHaveLength(128 * 128 * 3)
      expect(nameOf(colourAt(pixels, size, 0.1, 0.5)), 'masked').toBe('black')
      expect(nameOf(colourAt(pixels, size, 0.35, 0.5))).toBe('red')
      expect(nameOf(colourAt(pixels, size, 0.75, 0.5))).toBe('blue')
      expect(nameOf(colourAt(pixels, size, 0.75, 0.05)), 'above the picture, which is wider').toBe('black')
    }
    expect(camera.stats()).toMatchObject({ state: 'ok', dropped: 0, restarts: 0 })
    // One read from the decoder may hold the end of one picture and all of the next.
    expect([4, 5]).toContain(camera.stats().frames)
  })

  it('gives no more pictures than it is asked for of a camera that sends 15 a second', async () => {
    const { url } = await rig.feed(await rig.server())
    const camera = rig.camera(url, { fps: 2 })
    const startedAt = performance.now()
    camera.start()
    await nextFrames(camera, 6)
    // From the third on, the decoder holds each back until half a second after the one before was due; a busy machine makes
    // them late, and bunches them up, but none comes sooner. Taken as they are, six are there 0.4 s after the first.
    expect(performance.now() - startedAt).toBeGreaterThan(1950)
  })

  it.each([
    ['basic', 'raw', hostile.password],
    ['digest', 'percent-encoded', encoded]
  ] as const)('keeps a hostile password to itself: %s, %s', async (scheme, _how, spelling) => {
    process.env.PAINLENS_TEST_PASSWORD = hostile.password
    const server = await rig.server({ credentials: { ...hostile, scheme } })
    const feed = await rig.feed(server)
    const camera = rig.camera(`rtsp://${hostile.user}:${spelling}@127.0.0.1:${server.port}/bed`)
    takeFrames(camera)
    camera.start()
    await untilState(camera, 'ok')
    const processes = decoderProcesses()
    delete process.env.PAINLENS_TEST_PASSWORD
    expect(processes).toHaveLength(1)
    await feed.stop()
    await untilState(camera, 'connecting')
    // Enough retries for FFmpeg to complain about the address, password and all.
    await expect
      .poll(() => rig.lines.join('').match(/Impossible to open|404/g)?.length ?? 0, { timeout: patience(10_000) })
      .toBeGreaterThan(2)
    const shown = [JSON.stringify(processes), rig.lines.join(''), JSON.stringify(camera.stats())].join('\n')
    const basic = Buffer.from(`${hostile.user}:${hostile.password}`).toString('base64')
    for (const secret of [
      hostile.password,
      encoded,
      encodeURIComponent(hostile.password),
      'p@ss',
      'p%40ss',
      'w%2Frd',
      basic
    ])
      expect(shown).not.toContain(secret)
    expect(shown).toContain('***')
  })

  it('can be stopped, started again and stopped, and leaves no process', async () => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const camera = rig.camera(url)
    for (let turn = 0; turn < 2; turn++) {
      camera.start()
      camera.start()
      await nextFrames(camera, 1)
      expect(decoderProcesses()).toHaveLength(1)
      await camera.stop()
      expect(decoderProcesses()).toEqual([])
    }
    await camera.stop()
    camera.start()
    await camera.stop()
    expect(decoderProcesses()).toEqual([])
    await expect.poll(() => server.connections()).toBe(1)
  })

  it('drops and counts frames while none is released, and goes on when they are', async () => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const camera = rig.camera(url, { slots: 2 })
    const held: { release(): void }[] = []
    const subscription = camera.frames.subscribe((frame) => held.push(frame))
    camera.start()
    await expect.poll(() => camera.stats().dropped, { timeout: patience(10_000) }).toBeGreaterThan(3)
    expect(held).toHaveLength(2)
    expect(camera.stats().state).toBe('ok')
    subscription.unsubscribe()
    for (const frame of held) frame.release()
    await nextFrames(camera, 5)
  })

  it('refuses a URL that is none before anything is started', () => {
    expect(() => rig.camera('rtsp//admin:secret@cam')).toThrow(CameraError)
    expect(() => rig.camera('rtsp//admin:secret@cam')).not.toThrow(/secret/)
  })
})

describe('checkCamera', () => {
  const check = (url: string, signal?: AbortSignal): ReturnType<typeof checkCamera> =>
    checkCamera({ id: 'bed', url, decoder: rig.decoder, secrets: rig.secrets, timeoutMs: patienceNow(8000) }, signal)

  it("finds a camera's own size, codec and rate", async () => {
    const server = await rig.server({ credentials: { ...hostile, scheme: 'digest' } })
    const h264 = await rig.feed(server)
    expect(await check(h264.url)).toMatchObject({
      shape: { coded: { width: 160, height: 120 } },
      codec: 'h264',
      fps: 15
    })
    const mjpeg = await rig.feed(server, { path: '/yard', codec: 'mjpeg' })
    const timed = await check(mjpeg.url)
    expect(timed).toMatchObject({ shape: { coded: { width: 160, height: 120 } }, codec: 'mjpeg' })
    expect(timed.fps).toBeGreaterThan(5)
    expect(timed.fps).toBeLessThan(40)
    expect(decoderProcesses()).toEqual([])
  })

  it('says what is wrong and what to do', async () => {
    const server = await rig.server({ credentials: { ...hostile, scheme: 'digest' } })
    await rig.feed(server)
    const wrong = check(`rtsp://admin:wrong-password@127.0.0.1:${server.port}/bed`)
    await expect(wrong).rejects.toThrow(CameraError)
    await expect(wrong).rejects.toThrow(
      /camera bed at rtsp:\/\/127\.0\.0\.1:\d+\/bed: .*refuses user name or password\. Correct/
    )
    await expect(wrong).rejects.not.toThrow(/wrong-password/)
    await expect(check(server.url('/cellar'))).rejects.toThrow(/no stream of that path/)
    await expect(check('rtsp://127.0.0.1:1/bed')).rejects.toThrow(/nothing listens/)
  })

  it('ends when it is told to', async () => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const abort = new AbortController()
    const checking = check(url, abort.signal)
    abort.abort(new Error('enough'))
    await expect(checking).rejects.toThrow('enough')
    await expect(check(url, abort.signal)).rejects.toThrow('enough')
    expect(decoderProcesses()).toEqual([])
  })
})
