import { describe } from 'vitest'
import { DecoderRun, type StreamMemory } from '../../../../src/stages/camera/decoder-process.js'
import { checkCamera } from '../../../../src/stages/camera/index.js'
import { parseCameraUrl } from '../../../../src/stages/camera/url.js'
import { patience, patienceNow } from '../../../support/slowness.js'
import { it } from '../gst-world.js'
import { colourAt, nameOf, nextFrames, untilReason } from '../rig.js'

const small = { width: 160, height: 120 }
/** One viewer, whose place stays taken for long after it went. */
const patient = { connectMs: patience(15_000), readMs: patience(8000) }
const stingy = { places: { most: 1, freedAfterMs: 600_000 } }

describe.concurrent('a camera for one viewer that frees its place slowly', () => {
  it('is watched by GStreamer, which has the stream described first, with one session', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server({ quirks: stingy })
    await rig.feed(server)
    const camera = rig.camera(server.url('/bed'), { decoder: world.decoder(), timing: patient })
    camera.start()
    const [frame] = await nextFrames(camera, 3)
    expect(nameOf(colourAt(frame!.pixels, small, 0.25, 0.5))).toBe('red')
    expect(camera.stats()).toMatchObject({ state: 'ok', restarts: 0, decoder: 'gstreamer' })
  })

  it('is watched, with one session, where FFmpeg learns late how its picture lies', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server({ quirks: stingy })
    await rig.feed(server, { turnedBy: 180 })
    const camera = rig.camera(server.url('/bed'), { timing: patient })
    camera.start()
    const frames = await nextFrames(camera, 3)
    expect(nameOf(colourAt(frames.at(-1)!.pixels, small, 0.25, 0.5))).toBe('blue')
    expect(camera.stats()).toMatchObject({ state: 'ok', restarts: 0 })
  })

  it('says so to the second viewer, which waits its turn', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server({ quirks: { places: { most: 1, freedAfterMs: 500 } } })
    await rig.feed(server)
    const first = rig.camera(server.url('/bed'), { id: 'first' })
    first.start()
    await nextFrames(first, 1)
    const second = rig.camera(server.url('/bed'), { id: 'second', decoder: world.decoder() })
    second.start()
    await untilReason(second, /too many viewers/)
    await first.stop()
    expect(await nextFrames(second, 1)).toHaveLength(1)
  })
})

describe.concurrent('a camera whose key frames are far apart', () => {
  it('is watched by GStreamer from its first one on, and not from the one after the description', async ({
    world,
    expect
  }) => {
    const { rig } = world
    const server = await rig.server({ quirks: { joinsAnywhere: true } })
    // Every 6 s.
    await rig.feed(server, { keyFrameEvery: 90 })
    const camera = rig.camera(server.url('/bed'), { decoder: world.decoder(), timing: patient })
    camera.start()
    await nextFrames(camera, 2, 25_000)
    expect(camera.stats()).toMatchObject({ restarts: 0 })
  })

  it('is told as that by GStreamer too, where the wait is too short', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server({ quirks: { joinsAnywhere: true } })
    await rig.feed(server, { keyFrameEvery: 15 * 600 })
    // Until its only key frame is over.
    await new Promise((resolve) => setTimeout(resolve, patience(2000)))
    const about = { id: 'bed', url: server.url('/bed'), decoder: world.decoder(), secrets: rig.secrets }
    await expect(checkCamera({ ...about, timeoutMs: patienceNow(5000) })).rejects.toMatchObject({
      code: 'PL-CAMERA-KEY-FRAME'
    })
  })
})

describe.concurrent('a camera that says that it is turned', () => {
  it('is decoded as it stands at the first key picture without a word of that', async ({ world: { rig }, expect }) => {
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const memory: StreamMemory = { stream: { codec: 'h264', rotation: 180 }, shape: { rotation: 180 } }
    let starts = 0
    let bytes = 0
    const run = new DecoderRun({
      camera: { url: parseCameraUrl(url, 'bed') },
      decoder: rig.decoder,
      request: { fps: 15, ...small, silenceMs: patience(8000), firstPictureMs: patienceNow(15_000) },
      memory,
      redact: (line) => line,
      onStart: () => {
        starts++
        bytes = 0
      },
      onData: (chunk) => {
        bytes += chunk.length
      },
      onLine: () => undefined,
      onEnd: () => undefined
    })
    rig.own(() => run.stop())
    const isDecodedAnew = () => starts === 2 && bytes > 10 * small.width * small.height * 3
    await expect.poll(isDecodedAnew, { timeout: patience(20_000) }).toBe(true)
    expect([memory.stream?.rotation, memory.shape?.rotation, run.mark()]).toEqual([0, 0, 'whole'])
  })

  it('is shown as it stands once it comes back without a word of that', async ({ world: { rig }, expect }) => {
    const server = await rig.server()
    const turned = await rig.feed(server, { turnedBy: 180 })
    const camera = rig.camera(server.url('/bed'), { timing: patient })
    const left = (pixels: Uint8Array): string | undefined => nameOf(colourAt(pixels, small, 0.25, 0.5))
    camera.start()
    expect(left((await nextFrames(camera, 5)).at(-1)!.pixels)).toBe('blue')
    await turned.stop()
    await rig.feed(server)
    const next = async () => left((await nextFrames(camera, 1))[0]!.pixels)
    await expect.poll(next, { timeout: patience(20_000) }).toBe('red')
    expect(camera.stats().shape).toMatchObject({ rotation: 0 })
  })
})
