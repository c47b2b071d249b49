import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Node, parse } from 'acorn'
import { checkSync } from 'recheck'
import { describe, expect, it } from 'vitest'
import { schemaAt } from '../../src/config/json-schema.js'
import { fillIn, placeholdersIn } from '../../src/config/substitute.js'
import { urlProblem } from '../../src/config/url.js'
import { bearerOf } from '../../src/daemon/health/http.js'
import { isLibrary, parseArchiveManifest } from '../../src/provider/manifest.js'
import { missingLibrary } from '../../src/provider/prove.js'
import { createAuthenticator } from '../../src/show/simulate/rtsp-server-login.js'
import { RtspParser } from '../../src/show/simulate/rtsp-server-parser.js'
import { RtspStream } from '../../src/show/simulate/rtsp-server-stream.js'
import { classify } from '../../src/stages/camera/decoder.js'
import { ffmpegFailures, gstFailures } from '../../src/stages/camera/decoder-failures.js'
import { describeStream, ffmpegDecoder, readProbe } from '../../src/stages/camera/ffmpeg.js'
import { gstDecoder } from '../../src/stages/camera/gstreamer.js'
import { parseCameraUrl } from '../../src/stages/camera/url.js'
import { explainConnectError } from '../../src/stages/mqtt/connect.js'
import { expectLinear, repeated } from '../support/growth.js'
import { patience } from '../support/slowness.js'
import { walk } from '../support/syntax-tree.js'

const dist = resolve(import.meta.dirname, '../../dist')

interface Expression {
  source: string
  flags: string
  file: string
}

/** Every regular expression that is written as one, in the build of src. */
function expressionsIn(text: string, file: string): Expression[] {
  const found: Expression[] = []
  walk(parse(text, { ecmaVersion: 'latest', sourceType: 'module' }) as Node, (node) => {
    const { regex } = node as { regex?: { pattern: string; flags: string } }
    if (regex) found.push({ source: regex.pattern, flags: regex.flags, file })
  })
  return found
}

describe('no regular expression takes more than linear time', { timeout: patience(300_000) }, () => {
  /** `safe`, or how its time may grow. Without limits in time, so that the answer is the same on a busy machine. */
  const complexity = ({ source, flags }: Expression): string => {
    const unlimited = { timeout: null, seedingTimeout: null, incubationTimeout: null, attackTimeout: null }
    const found = checkSync(source, flags, { ...unlimited, randomSeed: 1 })
    return found.status === 'vulnerable' ? found.complexity.summary : found.status
  }

  it('every regular expression in src takes linear time', async () => {
    const all = readdirSync(dist, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.js'))
      .flatMap((file) => expressionsIn(readFileSync(join(dist, file), 'utf8'), file))
    const different = [...new Map(all.map((one) => [`/${one.source}/${one.flags}`, one])).values()]
    expect(different.length).toBeGreaterThan(80)
    const slow: string[] = []
    for (const one of different) {
      const found = complexity(one)
      if (found !== 'safe') slow.push(`${one.file}: /${one.source}/${one.flags}: ${found}`)
      // Vitest takes a process for hung whose event loop has no turn for a minute.
      await new Promise((done) => setImmediate(done))
    }
    expect(slow).toEqual([])
  })

  it('a planted quadratic regular expression is detected', () => {
    for (const text of ['/\\s+$/', '/x.*y/', '/^(a+)+$/', '/^[0-9a-f:]*:[0-9a-f:]*$/'])
      expect(complexity(expressionsIn(text, 'planted')[0]!)).toMatch(/polynomial|exponential/)
  })
})

const ffmpeg = { command: 'ffmpeg', version: '5', timeoutOption: 'timeout', passthrough: [] } as const
const elements = { decode: { h264: '', hevc: '' }, convert: [] } as never
const deviceProblem = new RegExp(schemaAt(['device'])!.pattern!)
const hostProblem = new RegExp(schemaAt(['http', 'host'])!.pattern!)
const refused = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}
const digest = createAuthenticator({ user: 'u', password: 'p', scheme: 'digest' })

/** What reads text from outside, and what each of them is worst at. */
const readers: readonly (readonly [string, (text: string) => unknown, readonly string[]])[] = [
  ['the stream that FFmpeg describes', (text) => describeStream([text]), ['Stream #0:0', ', yuv420p(', ' 12.', '1']],
  [
    'FFmpeg’s complaints',
    (text) => classify(ffmpegFailures, { code: 1, signal: null, lines: [text] }),
    ['decoder ', 'decoder (', 'failed: 5']
  ],
  [
    'GStreamer’s complaints',
    (text) => classify(gstFailures, { code: 1, signal: null, lines: [text] }),
    ['failed to ', 'not enough ', 'decoder (x) ']
  ],
  ['FFmpeg’s talk', (text) => ffmpegDecoder(ffmpeg).noise.test(text), ['last message ', 'Stream #']],
  [
    'the talk of FFmpeg and GStreamer',
    (text) => gstDecoder({ name: 'x', ffmpeg, elements }).noise.test(text),
    ['Stream #0', ' ->', 'NvMMLite']
  ],
  [
    'what FFmpeg says that it can',
    (text) =>
      refused(() =>
        readProbe('ffmpeg', {
          version: `ffmpeg version 5.1 ${text}`,
          rtsp: `${text}\n -rtsp_transport`,
          decoders: text,
          help: text
        })
      ),
    ['\n', ' ', '\n V', '\n V ']
  ],
  ['a URL of the config', (text) => urlProblem(`rtsp://${text}`, ['rtsp']), ['@', ':', 'a.', '[::', '/']],
  ['a camera’s URL', (text) => refused(() => parseCameraUrl(`rtsp://${text}`, 'a')), ['@', ':', 'a.', '[::', '/']],
  ['placeholders', (text) => [placeholdersIn(text), fillIn(text, new Map())], ['${', '${a:', '$', '${a:$']],
  ['a device’s name', (text) => deviceProblem.test(`${text}!`), ['a', '-', 'a-']],
  ['an HTTP host', (text) => hostProblem.test(`${text}!`), [':', '0', '0:', '1.']],
  ['a bearer token', (text) => bearerOf(`bearer ${text}`), [' ', 'a', 'a ']],
  ['a Digest header', (text) => digest.accepts('GET', `Digest ${text}`), ['a', '"', 'a="', 'a=" ', ' ', '="', 'a=1 ']],
  ['a Digest header with a line end', (text) => digest.accepts('GET', `Digest${text}\n\n`), [' ', '\t']],
  [
    'an RTSP request',
    (text) => refused(() => new RtspParser().push(Buffer.from(`OPTIONS rtsp://a/ RTSP/1.0\r\nA: ${text}x`))),
    [' ', '\t', 'a', '\r\n', '\n', ':']
  ],
  ['a session description', (text) => new RtspStream(text), ['m=video 26 ', 'a=rtpmap:9 ', '\r\n', ' 26', '\r']],
  ['a broker’s error', (text) => explainConnectError(new Error(text)), ['closed ', 'socket hang ', 'connack ']],
  ['a loader’s error', missingLibrary, ['lib', 'lib.', ': cannot open shared object file']],
  ['a library’s name', isLibrary, ['.so', '.1', '.so.1', '.node']],
  [
    'a provider’s manifest',
    (text) =>
      refused(() => parseArchiveManifest(`{"onnxruntime":"1${text}","built":"${text}","files":{"${text}":1}}`, 'x')),
    ['.1', '1', 'a', '-']
  ]
]

describe('text from outside takes time that grows as the text does', { timeout: patience(120_000) }, () => {
  const cases = readers.flatMap(([what, read, pieces]) => pieces.map((piece) => ({ what, piece, read })))
  it.each(cases)('$what takes linear time for text of $piece', ({ read, piece }) => {
    expectLinear(read, repeated(piece))
  })
})
