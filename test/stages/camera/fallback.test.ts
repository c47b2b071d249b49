import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { ErrorCode } from '../../../src/core/errors.js'
import type { Seen } from '../../../src/stages/camera/decoder-process.js'
import { nvidiaElements } from '../../../src/stages/camera/gstreamer.js'
import { checkCamera, type Decoder, decoderFor, type Failure } from '../../../src/stages/camera/index.js'
import { DecoderChoice } from '../../../src/stages/camera/retries.js'
import { freePort } from '../../support/mosquitto.js'
import { patienceNow } from '../../support/slowness.js'
import { it, nameOfProgram, type World } from './gst-world.js'
import { colourAt, nameOf, nextFrames, takeFrames, untilReason, untilState } from './rig.js'

const small = { width: 160, height: 120 }

/** NVIDIA's decoder as `auto` has it, with a script in place of gst-launch-1.0. */
function hardware(world: World, script: string | null): Decoder {
  const command = join(world.folder, script === null ? 'no-gst-launch' : 'stand-in')
  if (script !== null) {
    writeFileSync(command, `#!/bin/sh\n${script}\n`)
    chmodSync(command, 0o755)
  }
  return { ...world.decoder(nvidiaElements, command), fallback: world.rig.decoder }
}

const deviceError = (words: string): string =>
  `echo "ERROR: from element /GstPipeline:pipeline0/nvv4l2decoder:d: Could not open device '/dev/nvhost-nvdec' for reading and writing." >&2; echo "system error: ${words}" >&2; exit 1`

/** What the hardware does, the reason that is told, and its remedy. */
const troubles: [what: string, script: string | null, reason: RegExp, fix: RegExp][] = [
  ['the sandbox refuses the device', deviceError('Operation not permitted'), /sandbox.*Operation not/, /DeviceAllow/],
  ['the group may not open the device', deviceError('Permission denied'), /group.*Permission denied/, /usermod/],
  ['there is no such device', deviceError('No such file or directory'), /cannot be opened$/, /device files/],
  [
    'a plugin is missing',
    'echo "WARNING: erroneous pipeline: no element \\"nvvidconv\\"" >&2; exit 1',
    /lacks an element/,
    /nvidia-l4t-gstreamer/
  ],
  ['GStreamer is not installed', null, /cannot be started/, /Install GStreamer/],
  ['it crashes', 'kill -SEGV $$', /was ended by SIGSEGV/, /painlens check/],
  [
    'it ends and says something unknown',
    'echo "NvMMLiteDec: 0x4 gone" >&2; exit 7',
    /ended with code 7/,
    /painlens check/
  ],
  ['it takes the stream and gives no picture', 'exec cat > /dev/null', /no picture for [\d.]+ s/, /camera/]
]

describe.concurrent('auto, where the hardware is there and fails', () => {
  it.for(troubles)('%s: goes on by FFmpeg and says why', async ([, script, reason, fix], { world, expect }) => {
    const { rig } = world
    const { url } = await rig.feed(await rig.server())
    const camera = rig.camera(url, { decoder: hardware(world, script), timing: { connectMs: patienceNow(4000) } })
    camera.start()
    const [frame] = await nextFrames(camera, 1, 30_000)
    expect(nameOf(colourAt(frame!.pixels, small, 0.25, 0.5))).toBe('red')
    expect(camera.stats()).toMatchObject({ state: 'ok', decoder: expect.stringMatching(/^ffmpeg /) })
    expect(camera.stats().decoderProblem).toMatch(reason)
    const told = rig.lines.map((line) => JSON.parse(line)).filter(({ msg }) => /another takes over/.test(msg))
    expect(told).toMatchObject([{ level: 'warn', camera: 'bed', decoder: expect.stringMatching(/^ffmpeg /) }])
    expect(told[0].reason).toMatch(reason)
    expect(told[0].fix).toMatch(fix)
    await camera.stop()
    expect(world.children()).toEqual([])
  })

  it('stays with FFmpeg when the camera goes and comes', async ({ world, expect }) => {
    const { rig } = world
    const server = await rig.server()
    const before = await rig.feed(server)
    const camera = rig.camera(before.url, { decoder: hardware(world, deviceError('Permission denied')) })
    takeFrames(camera)
    camera.start()
    await untilState(camera, 'ok')
    await before.stop()
    await untilReason(camera, /knows no stream|ended the stream/)
    await rig.feed(server)
    await untilState(camera, 'ok')
    expect(camera.stats().decoderProblem).toMatch(/Permission denied/)
    expect(rig.lines.filter((line) => line.includes('another takes over'))).toHaveLength(1)
  })

  it('painlens check says it, with the remedy', async ({ world, expect }) => {
    const { rig } = world
    const { url } = await rig.feed(await rig.server())
    const decoder = hardware(world, deviceError('Operation not permitted'))
    const found = await checkCamera({ id: 'bed', url, decoder, secrets: rig.secrets })
    expect(found).toMatchObject({
      shape: { coded: { width: 160, height: 120 } },
      decoder: expect.stringMatching(/^ffmpeg /)
    })
    expect(found.instead).toMatchObject({ code: 'PL-DEVICE-SANDBOX' })
  })
})

describe.concurrent('auto, where the camera is the trouble', () => {
  it('keeps the hardware: nothing listens, a wrong password', async ({ world, expect }) => {
    const { rig } = world
    const locked = await rig.server({ credentials: { user: 'admin', password: 'right', scheme: 'digest' } })
    await rig.feed(locked)
    const decoder = hardware(world, 'exec cat > /dev/null')
    for (const [url, reason] of [
      [`rtsp://127.0.0.1:${await freePort()}/bed`, /nothing listens/],
      [`rtsp://admin:wrong-one@127.0.0.1:${locked.port}/bed`, /refuses user name/]
    ] as const) {
      const camera = rig.camera(url, { decoder })
      camera.start()
      await untilReason(camera, reason)
      expect(camera.stats()).toMatchObject({ decoder: 'gstreamer', decoderProblem: null })
      await camera.stop()
      const checking = checkCamera({ id: 'bed', url, decoder, secrets: rig.secrets })
      await expect(checking).rejects.toThrow(reason)
    }
    expect(rig.lines.filter((line) => line.includes('another takes over'))).toEqual([])
  })
})

describe('a decoder that was named', () => {
  it('does not fall back', async ({ world, expect }) => {
    const { rig } = world
    const { url } = await rig.feed(await rig.server())
    const { fallback, ...decoder } = hardware(world, deviceError('Permission denied'))
    expect(fallback).toBeDefined()
    const camera = rig.camera(url, { decoder })
    camera.start()
    await untilReason(camera, /Permission denied/)
    expect(camera.stats()).toMatchObject({ decoder: 'gstreamer', decoderProblem: null })
    expect(world.children().map(nameOfProgram)).toEqual([])
  })

  it('has a fallback as auto only', ({ world: { ffmpeg }, expect }) => {
    const decoders = { ffmpeg, nvidia: true }
    expect(decoderFor('auto', decoders).fallback?.name).toMatch(/^ffmpeg /)
    for (const name of ['nvidia', 'gstreamer', 'ffmpeg'] as const)
      expect(decoderFor(name, decoders).fallback).toBeUndefined()
  })

  it('is FFmpeg by auto on a Jetson whose elements are missing, and that is told', async ({ world, expect }) => {
    const { rig, ffmpeg } = world
    const { url } = await rig.feed(await rig.server())
    const problem: Failure = { code: 'PL-DECODER-PACKAGE', what: 'GStreamer has no nvvidconv' }
    const decoder = decoderFor('auto', { ffmpeg, nvidia: false, problem })
    const camera = rig.camera(url, { decoder })
    camera.start()
    await nextFrames(camera, 1)
    expect(camera.stats()).toMatchObject({ decoder: decoder.name, decoderProblem: problem.what })
    expect(rig.lines.filter((line) => line.includes('"warn"') && line.includes(problem.what))).toHaveLength(1)
    const found = await checkCamera({ id: 'bed', url, decoder, secrets: rig.secrets })
    expect(found.instead).toEqual(problem)
    expect(decoderFor('auto', { ffmpeg, nvidia: false }).instead).toBeUndefined()
  })
})

describe('which decoder a camera has', () => {
  const named = (name: string, more: Partial<Decoder> = {}): Decoder => ({ name, ...more }) as Decoder
  const failure = (code: ErrorCode): Failure => ({ code, what: code })
  const nothing: Seen = { stream: false, picture: false, decoderEnded: true }
  const stream: Seen = { stream: true, picture: false, decoderEnded: true }
  const picture: Seen = { stream: true, picture: true, decoderEnded: true }
  const cpu = named('cpu')

  it('is the fallback after failures of the decoder alone', ({ expect }) => {
    const decoderOf = (code: ErrorCode, seen: Seen): string => {
      const choice = new DecoderChoice(named('gpu', { fallback: cpu }))
      const { changed } = choice.judge(failure(code), seen)
      expect(changed).toBe(choice.current === cpu)
      expect(choice.instead?.code).toBe(changed ? code : undefined)
      return choice.current.name
    }
    for (const code of [
      'PL-DECODER-ELEMENT',
      'PL-DECODER-PACKAGE',
      'PL-DECODER-FULL',
      'PL-DECODER-DEVICE',
      'PL-DEVICE-GROUP'
    ] as const)
      for (const seen of [nothing, stream, picture]) expect(decoderOf(code, seen), code).toBe('cpu')
    for (const code of [
      'PL-CAMERA-HUNG',
      'PL-DECODER-ENDED',
      'PL-CAMERA-NOT-VIDEO',
      'PL-DECODER-NO-PICTURE'
    ] as const) {
      expect(decoderOf(code, stream), code).toBe('cpu')
      const byCamera = decoderOf(code, { ...stream, decoderEnded: false })
      expect(byCamera, code).toBe(code === 'PL-DECODER-ENDED' ? 'gpu' : 'cpu')
      for (const seen of [nothing, picture]) expect(decoderOf(code, seen), code).toBe('gpu')
    }
    const cameras: ErrorCode[] = [
      ...([
        'PL-CAMERA-LOGIN',
        'PL-CAMERA-FORBIDDEN',
        'PL-CAMERA-PATH',
        'PL-CAMERA-REFUSED',
        'PL-CAMERA-TIMEOUT',
        'PL-CAMERA-UNREACHABLE',
        'PL-CAMERA-HOST'
      ] as const),
      ...([
        'PL-CAMERA-TRANSPORT',
        'PL-CAMERA-CODEC',
        'PL-CAMERA-NO-VIDEO',
        'PL-CAMERA-FAULT',
        'PL-CAMERA-CLOSED',
        'PL-CAMERA-ENDED'
      ] as const)
    ]
    for (const code of cameras)
      for (const seen of [nothing, stream, picture]) expect(decoderOf(code, seen), code).toBe('gpu')
  })

  it('is the first again where the fallback gets no picture either, until it has got one', ({ expect }) => {
    const choice = new DecoderChoice(named('gpu', { fallback: cpu }))
    choice.judge(failure('PL-CAMERA-HUNG'), stream)
    expect(choice.judge(failure('PL-CAMERA-HUNG'), nothing).changed).toBe(false)
    expect([choice.current.name, choice.instead]).toEqual(['gpu', undefined])
    choice.judge(failure('PL-CAMERA-HUNG'), stream)
    for (const seen of [picture, nothing, nothing]) {
      choice.judge(failure('PL-CAMERA-CLOSED'), seen)
      expect([choice.current.name, choice.instead?.code]).toEqual(['cpu', 'PL-CAMERA-HUNG'])
    }
  })

  it('stays the fallback while the camera refuses it, in whatever way, since it has not noticed that the first went', ({
    expect
  }) => {
    for (const code of ['PL-CAMERA-VIEWERS', 'PL-CAMERA-FAULT', 'PL-CAMERA-HANGS-UP'] as const) {
      const choice = new DecoderChoice(named('gpu', { fallback: cpu }))
      choice.judge(failure('PL-CAMERA-HUNG'), stream)
      expect(choice.judge(failure(code), nothing).changed).toBe(false)
      expect([choice.current.name, choice.instead?.code], code).toEqual(['cpu', 'PL-CAMERA-HUNG'])
    }
  })

  it("names the device behind the decoder's own failures, and not behind the camera's", ({ expect }) => {
    const explained = failure('PL-DECODER-DEVICE')
    const gpu = named('gpu', { explain: () => explained })
    expect(new DecoderChoice(gpu).judge(failure('PL-CAMERA-HUNG'), stream).failure).toBe(explained)
    expect(new DecoderChoice(gpu).judge(failure('PL-CAMERA-TIMEOUT'), stream).failure.code).toBe('PL-CAMERA-TIMEOUT')
  })
})
