import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { ProgramError } from '../../../src/core/errors.js'
import { classify, type DecoderEnd, failureError } from '../../../src/stages/camera/decoder.js'
import { ffmpegFailures } from '../../../src/stages/camera/decoder-failures.js'
import {
  type Ffmpeg,
  ffmpegDecoder,
  type ProbeOutput,
  probeFfmpeg,
  quote,
  readProbe
} from '../../../src/stages/camera/ffmpeg.js'

const decoders = [' VFS..D h264  H.264', ' VFS..D hevc  HEVC', ' V....D mjpeg  MJPEG'].join('\n')
const stimeout = ['  -rtsp_transport    <flags>', '  -timeout <int> (deprecated)', '  -stimeout <int64>'].join('\n')
const timeout = ['  -rtsp_transport    <flags>', '  -timeout           <int64>', '  -listen_timeout <int>'].join('\n')
const vsync = '-vsync              video sync method'
const fpsMode = '-vsync deprecated\n-fps_mode           set framerate mode'
const printed = (version: string, rtsp: string, help: string | null): ProbeOutput => ({
  version: `ffmpeg version ${version} Copyright (c) 2000-2026 the FFmpeg developers`,
  rtsp,
  decoders,
  help
})

let ffmpeg: Ffmpeg
beforeAll(async () => {
  ffmpeg = await probeFfmpeg()
})

describe('probeFfmpeg', () => {
  it('finds the FFmpeg of this machine', () => {
    expect(ffmpeg.version).toMatch(/\d/)
    expect(['timeout', 'stimeout']).toContain(ffmpeg.timeoutOption)
  })

  it.each([
    ['4.4.2-0ubuntu0.22.04.1', stimeout, null, 'stimeout', '-vsync'],
    ['5.0.1', timeout, null, 'timeout', '-vsync'],
    ['5.1.6-0+deb12u1', timeout, null, 'timeout', '-fps_mode'],
    ['n7.1', timeout, null, 'timeout', '-fps_mode'],
    ['N-118000-g1234567', timeout, fpsMode, 'timeout', '-fps_mode'],
    ['N-105000-g1234567', timeout, vsync, 'timeout', '-vsync']
  ])('knows how %s wants to be talked to', (version, rtsp, help, timeoutOption, mode) => {
    const read = readProbe('ffmpeg', printed(version, rtsp, help))
    expect(read).toEqual({ command: 'ffmpeg', version, timeoutOption, passthrough: [mode, 'passthrough'] })
    const { args, input } = ffmpegDecoder(read).command({
      source: { scheme: 'rtsp', full: 'rtsp://127.0.0.1:40000/secret/0/live', secret: 'secret' },
      ...{ fps: 5, width: 64, height: 48, silenceMs: 7000, firstPictureMs: 25_000 }
    })
    expect(args.join(' ')).toContain(`${mode} passthrough`)
    expect(input).toContain(`option ${timeoutOption} 21000000\n`)
  })

  it.each([
    ['too old', printed('4.3.6', stimeout, vsync), /4\.3\.6/],
    ['no RTSP', printed('5.1', "Unknown format 'rtsp'.", fpsMode), /RTSP/],
    ['no H.265', { ...printed('5.1', timeout, fpsMode), decoders: decoders.replace('hevc', 'x') }, /hevc/],
    ['another program', { ...printed('5.1', timeout, fpsMode), version: 'gst-launch-1.0' }, /no FFmpeg/]
  ])('refuses %s', (_what, output, message) => {
    const read = (): unknown => readProbe('ffmpeg', output)
    expect(read).toThrow(ProgramError)
    expect(read).toThrow(message)
    expect(read).toThrow('apt-get install ffmpeg')
  })

  it('says that it is missing', async () => {
    await expect(probeFfmpeg('/nowhere/ffmpeg')).rejects.toThrow(/not there.*apt-get install ffmpeg/)
  })

  it.each(['-hide_banner', '-loglevel error'])('knows it behind a script that starts it with %s', async (options) => {
    const probing = probeScript(`exec ffmpeg ${options} "$@"`)
    await expect(probing).resolves.toMatchObject({ version: ffmpeg.version, passthrough: ffmpeg.passthrough })
  })

  it('says what it says where it does not start', async () => {
    const library = 'ffmpeg: error while loading shared libraries: libx264.so.164: cannot open shared object file'
    await expect(probeScript(`echo '${library}' >&2; exit 127`)).rejects.toMatchObject({
      code: 'PL-FFMPEG-BROKEN',
      what: `it does not run: ${library}`
    })
  })

  it('says that it gave no answer in time, as on a machine that is too busy', async () => {
    await expect(probeScript('exec sleep 600', 50)).rejects.toMatchObject({
      code: 'PL-FFMPEG-BROKEN',
      what: 'it gave no answer within 0.05 s',
      fix: expect.stringMatching(/less busy/)
    })
  })
})

/** What a shell script is taken for that stands in FFmpeg's place. */
async function probeScript(script: string, withinMs?: number): Promise<Ffmpeg> {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-ffmpeg-'))
  const command = join(folder, 'ffmpeg')
  try {
    writeFileSync(command, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return await probeFfmpeg(command, withinMs)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('ffmpegDecoder', () => {
  it("keeps the address out of the arguments and quotes it FFmpeg's way", () => {
    const decoder = ffmpegDecoder(ffmpeg)
    const full = "rtsp://127.0.0.1:40000/secret/0/o'clock"
    const source = { scheme: 'rtsp' as const, full, secret: 'secret' }
    const waits = { silenceMs: 5000, firstPictureMs: 25_000 }
    const { args, input } = decoder.command({ source, fps: 5, width: 64, height: 48, ...waits })
    expect(args.join(' ')).not.toMatch(/secret|127|clock/)
    expect(input).toContain("file 'rtsp://127.0.0.1:40000/secret/0/o'\\''clock'\n")
    expect(quote("a'b")).toBe("'a'\\''b'")
  })

  it.each([
    [
      '  Stream #0:0: Video: h264 (High), yuv420p(progressive), 1920x1080 [SAR 1:1 DAR 16:9], 25 fps, 25 tbr, 90k tbn',
      'h264',
      1920,
      1080,
      25,
      'tv'
    ],
    [
      '  Stream #0:0: Video: h264 (Main), yuvj420p(pc, progressive), 1280x720 [SAR 1:1 DAR 16:9], 15 fps, 90k tbn',
      'h264',
      1280,
      720,
      15,
      'pc'
    ],
    [
      '  Stream #0:1: Video: hevc (Main) (hev1 / 0x31766568), yuvj420p(pc, bt709), 2560x1440, 12.50 fps, 90k tbn',
      'hevc',
      2560,
      1440,
      12.5,
      undefined
    ],
    [
      '  Stream #0:0: Video: mjpeg (Baseline), yuvj422p(pc, bt470bg/unknown/unknown), 640x480, 90k tbr, 90k tbn',
      'mjpeg',
      640,
      480,
      undefined,
      undefined
    ]
  ])('reads %s', (line, codec, width, height, fps, untagged) => {
    const decoder = ffmpegDecoder(ffmpeg)
    expect(decoder.describe(['Input #0, concat, from pipe:0:', line])).toEqual({ codec, width, height, fps, untagged })
    expect(decoder.describe([])).toEqual({})
  })
})

describe('classify', () => {
  const ended = (...lines: string[]): DecoderEnd => ({ code: 1, signal: null, lines })

  it.each([
    ['PL-CAMERA-LOGIN', '[rtsp @ 0x1] method DESCRIBE failed: 401 Unauthorized'],
    ['PL-CAMERA-LOGIN', 'pipe:0: Server returned 401 Unauthorized (authorization failed)'],
    ['PL-CAMERA-FORBIDDEN', '[rtsp @ 0x1] method DESCRIBE failed: 403 Forbidden'],
    ['PL-CAMERA-PATH', 'pipe:0: Server returned 404 Not Found'],
    ['PL-CAMERA-REFUSED', '[tcp @ 0x1] Connection to tcp://127.0.0.1:9?timeout=0 failed: Connection refused'],
    ['PL-CAMERA-UNREACHABLE', 'pipe:0: No route to host'],
    ['PL-CAMERA-HOST', '[tcp @ 0x1] Failed to resolve hostname cam.invalid: Name or service not known'],
    ['PL-CAMERA-TRANSPORT', '[rtsp @ 0x1] method SETUP failed: 461 Unsupported transport'],
    ['PL-CAMERA-TIMEOUT', 'pipe:0: Connection timed out'],
    ['PL-CAMERA-FAULT', '[rtsp @ 0x1] method DESCRIBE failed: 503 Service Unavailable'],
    ['PL-CAMERA-NOT-VIDEO', 'pipe:0: Invalid data found when processing input'],
    ['PL-CAMERA-CLOSED', 'pipe:0: End of file'],
    ['PL-CAMERA-NO-VIDEO', "Stream map '0:v:0' matches no streams."]
  ])('%s: %s', (code, line) => {
    const failure = classify(ffmpegFailures, ended('something before', line))
    expect(failure.code).toBe(code)
  })

  it('prefers what tells more, and keeps the last words for the log alone where it knows none', () => {
    expect(classify(ffmpegFailures, ended('failed: 401 Unauthorized', 'Invalid data found')).code).toBe(
      'PL-CAMERA-LOGIN'
    )
    const unknown = classify(ffmpegFailures, ended('a', 'b'))
    expect(unknown).toEqual({ code: 'PL-DECODER-ENDED', what: 'the decoder ended with code 1', said: 'b' })
    expect(failureError(unknown, 'camera bed').what).toBe('the decoder ended with code 1 after saying: b')
    expect(classify(ffmpegFailures, { code: null, signal: 'SIGSEGV', lines: [] }).what).toContain('SIGSEGV')
    expect(classify(ffmpegFailures, { code: 0, signal: null, lines: [] }).code).toBe('PL-CAMERA-ENDED')
    const error = new Error('spawn ffmpeg ENOENT')
    expect(classify(ffmpegFailures, { code: null, signal: null, error, lines: [] }).code).toBe('PL-DECODER-FFMPEG')
  })
})
