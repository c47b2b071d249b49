import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { describe } from 'vitest'
import { softwareElements } from '../../../src/stages/camera/gstreamer.js'
import { checkCamera, type Decoder } from '../../../src/stages/camera/index.js'
import { patience, patienceNow } from '../../support/slowness.js'
import { childrenOf, isRunning, it, nameOfProgram, programs } from './gst-world.js'
import { takeFrames, untilReason, untilState } from './rig.js'

const hostile = { user: 'us"er', password: `p@ss:w/rd?#%&"'` }

describe.concurrent('the two processes', () => {
  it('keep a hostile password to themselves, and leave nothing behind when stopped', async ({ world, expect }) => {
    const { rig } = world
    process.env.PAINLENS_TEST_PASSWORD = hostile.password
    const server = await rig.server({ credentials: { ...hostile, scheme: 'digest' } })
    await rig.feed(server, { codec: 'hevc' })
    const camera = rig.camera(`rtsp://${hostile.user}:${hostile.password}@127.0.0.1:${server.port}/bed`, {
      decoder: world.decoder()
    })
    takeFrames(camera)
    const seen: string[] = []
    const watch = setInterval(() => seen.push(...world.children().map((child) => JSON.stringify(child))), 20)
    camera.start()
    await untilState(camera, 'ok')
    clearInterval(watch)
    delete process.env.PAINLENS_TEST_PASSWORD
    const both = world.children()
    expect(both.map(nameOfProgram)).toEqual(programs)
    const basic = Buffer.from(`${hostile.user}:${hostile.password}`).toString('base64')
    for (const secret of [hostile.password, 'p@ss', 'p%40ss', 'w%2Frd', basic, '127.0.0.1'])
      expect(`${seen.join('\n')}${JSON.stringify(both)}`).not.toContain(secret)
    expect(rig.lines.join('')).not.toContain('p%40ss')
    await camera.stop()
    expect(world.children()).toEqual([])
    for (const { pid } of both) expect(isRunning(pid)).toBe(false)
  })

  it.for([
    [0, 'SIGKILL', /SIGKILL/],
    [1, 'SIGKILL', /SIGKILL/],
    [0, 'SIGSTOP', /no picture for [\d.]+ s/],
    [1, 'SIGSTOP', /no picture for [\d.]+ s/]
  ] as const)('are both started anew when number %i gets %s', async ([index, signal, reason], { world, expect }) => {
    const { rig } = world
    const { url } = await rig.feed(await rig.server())
    const camera = rig.camera(url, { decoder: world.decoder() })
    takeFrames(camera)
    camera.start()
    await untilState(camera, 'ok')
    const before = world.children()
    expect(before.map(nameOfProgram)).toEqual(programs)
    process.kill(before[index]!.pid, signal)
    // Busy for a while, so that both have ended when it comes to hear of the first.
    if (signal === 'SIGKILL') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    await untilReason(camera, reason)
    await untilState(camera, 'ok')
    const after = world.children()
    expect(after.map(nameOfProgram)).toEqual(programs)
    for (const { pid } of before) expect(isRunning(pid)).toBe(false)
    if (signal === 'SIGSTOP') process.kill(after[index]!.pid, signal)
    await camera.stop()
    for (const { pid } of after) expect(isRunning(pid)).toBe(false)
    expect(world.children()).toEqual([])
  })

  it('end by themselves when painlens is killed', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const script = `
      import { openCamera, decoderFor, probeFfmpeg } from ${JSON.stringify(resolve('dist/stages/camera/index.js'))}
      import { silentLog as log } from ${JSON.stringify(resolve('dist/core/log.js'))}
      import { Secrets } from ${JSON.stringify(resolve('dist/core/secrets.js'))}
      import { systemClock as clock } from ${JSON.stringify(resolve('dist/core/clock.js'))}
      const decoder = decoderFor('gstreamer', { ffmpeg: await probeFfmpeg(), nvidia: false })
      const options = { id: 'bed', url: process.argv[1], fps: 15, width: 160, height: 120, masks: [] }
      const camera = openCamera({ ...options, decoder, log, clock, secrets: new Secrets() })
      camera.frames.subscribe((frame) => { frame.release(); process.stdout.write('.') })
      camera.start()`
    const daemon = spawn(process.execPath, ['--input-type=module', '-e', script, url], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const ended = once(daemon, 'close')
    rig.own(async () => {
      daemon.kill('SIGKILL')
      await ended
    })
    await once(daemon.stdout, 'data')
    const both = childrenOf(daemon.pid!)
    expect(both).toHaveLength(2)
    daemon.kill('SIGKILL')
    await expect.poll(() => both.filter(({ pid }) => isRunning(pid)), { timeout: patience(15_000) }).toEqual([])
  })
})

describe.concurrent('what goes wrong', () => {
  it('with the elements is told as such', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server()
    const { url } = await rig.feed(server)
    const cases = [
      ['nvv4l2decoder', /lacks an element/],
      ['avdec_h264 low=1', /lacks an element/],
      ['avdec_h265', /lacks an element|finds no picture/]
    ] as const
    const check = async ([h264, message]: (typeof cases)[number]): Promise<void> => {
      const elements = { ...softwareElements, decode: { ...softwareElements.decode, h264 } }
      const broken = world.decoder(elements)
      const checking = checkCamera({
        id: 'bed',
        url,
        decoder: broken,
        secrets: rig.secrets,
        timeoutMs: patienceNow(15_000)
      })
      await expect(checking, h264).rejects.toThrow(message)
      await expect(checking, h264).rejects.toThrow(/decoder: (auto|ffmpeg)/)
    }
    await Promise.all(cases.map(check))
    expect(world.children()).toEqual([])
  })

  it('no GStreamer at all, no camera, a wrong password: told as what it is', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server({ credentials: { ...hostile, scheme: 'basic' } })
    const { url } = await rig.feed(server)
    const check = (address: string, by: Decoder): Promise<unknown> =>
      checkCamera({ id: 'bed', url: address, decoder: by, secrets: rig.secrets, timeoutMs: patienceNow(8000) })
    const missing = world.decoder(softwareElements, 'gst-launch-0.1')
    const decoder = world.decoder()
    await Promise.all([
      expect(check(url, missing)).rejects.toThrow(/cannot be started.*Install GStreamer/),
      expect(check('rtsp://127.0.0.1:1/bed', decoder)).rejects.toThrow(/nothing listens/),
      expect(check(`rtsp://a:b@127.0.0.1:${server.port}/bed`, decoder)).rejects.toThrow(/refuses user name or password/)
    ])
    expect(await check(url, decoder)).toMatchObject({ codec: 'h264', shape: { coded: { width: 160, height: 120 } } })
    expect(world.children()).toEqual([])
  })
})
