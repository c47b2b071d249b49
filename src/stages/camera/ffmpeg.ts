import { type ExecFileException, execFile } from 'node:child_process'
import { messageOf, ProgramError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Size } from '../../core/types.js'
import { pictureTalk, showinfoFilters } from './damage.js'
import type { Decoder, DecoderCommand, DecoderRequest, StreamDescription } from './decoder.js'
import { ffmpegFailures } from './decoder-failures.js'
import { type QuarterTurn, ratio, toldShape, turnedSize } from './picture-shape.js'
import { ruledLayout, rulerColumns } from './picture-writer.js'
import type { RelayAddress } from './url.js'

/**
 * A camera's pictures through FFmpeg. The relay's address, which holds a secret, and options come to it in an ffconcat
 * script on standard input, so that they are not in the process list.
 */
export function ffmpegDecoder(ffmpeg: Ffmpeg): Decoder {
  const name = `ffmpeg ${ffmpeg.version}`
  return {
    name,
    nameFor: () => name,
    noise: new RegExp(
      [ffmpegNoise, ffmpegTalk, pictureTalk, /^Input #|^Stream #0:0.*: rawvideo/].map(({ source }) => source).join('|'),
      'i'
    ),
    failures: ffmpegFailures,
    command: (request) => ({
      ...ffmpegReading(ffmpeg, request, outputArguments(request, ffmpeg)),
      ...(tells(request) && { told: /^\[showinfo@out .*color_range:/ }),
      pictures: ruledLayout(request)
    }),
    describe: describeStream
  }
}

/**
 * FFmpeg, opening the relay to a camera without its address being seen.
 * @param output the arguments that say what becomes of the stream
 * @param waiting for more of the stream before anything is put out: options of the demuxer
 */
export function ffmpegReading(
  ffmpeg: Ffmpeg,
  request: DecoderRequest,
  output: readonly string[],
  waiting: DemuxerOptions = startAtOnce
): DecoderCommand {
  return {
    command: ffmpeg.command,
    args: [...inputArguments(request), ...output],
    input: concatScript(request, ffmpeg, waiting)
  }
}

type DemuxerOptions = readonly (readonly [string, string])[]

/** Not at all; a live stream tells enough for decoding by its header. */
const startAtOnce: DemuxerOptions = [
  ['probesize', '32'],
  ['analyzeduration', '0'],
  ['fpsprobesize', '0']
]

/** Until the size of its pictures is known, which some cameras tell with a key frame only: for most of the time that there is. */
export const startWithSize = ({ firstPictureMs }: DecoderRequest): DemuxerOptions => [
  ['probesize', String(Math.max(10_000_000, firstPictureMs * 1000))],
  ['analyzeduration', microseconds(firstPictureMs * 0.8)],
  ['fpsprobesize', '0']
]

/**
 * What FFmpeg may open by itself: the relay, and of what comes from there nothing that names other addresses (a playlist
 * would be fetched from wherever it says).
 */
const allowed: Record<RelayAddress['scheme'], { protocols: string; formats: string }> = {
  rtsp: { protocols: 'pipe,fd,rtsp,tcp', formats: 'concat,rtsp' },
  http: { protocols: 'pipe,fd,http,tcp', formats: 'concat,mpjpeg,mjpeg,jpeg_pipe' }
}

function inputArguments({ source }: DecoderRequest): string[] {
  const { protocols, formats } = allowed[source.scheme]
  return [
    ...['-hide_banner', '-nostats', '-nostdin'],
    // What is said of each picture is read (damage.ts): a line that is said again is said again.
    ...['-loglevel', 'repeat+info'],
    // One thread each, because with more the decoder holds pictures back, and cameras share the cores.
    ...['-flags', 'low_delay', '-threads', '1'],
    ...startAtOnce.flatMap(([name, value]) => [`-${name}`, value]),
    // It would turn only those pictures that come with a display matrix, which may be the key frames alone.
    '-noautorotate',
    ...['-f', 'concat', '-safe', '0', '-protocol_whitelist', protocols, '-format_whitelist', formats],
    ...['-i', 'pipe:0']
  ]
}

function outputArguments(request: DecoderRequest, { passthrough }: Ffmpeg): string[] {
  const { fps, width, height } = request
  const filters = [
    `split[key][all];[key]select=key,${showinfoFilters.key}=checksum=0,nullsink;[all]select='${thinOut(fps)}'`,
    `${showinfoFilters.picture}=checksum=0`,
    `scale=${fittedSize(request)}:flags=bilinear`,
    'format=rgb24',
    ...turnFilters[turnOf(request)],
    ...ruler({ width, height }),
    'setsar=1'
  ]
  return [
    ...['-map', '0:v:0', '-an', '-sn', '-dn', '-filter_threads', '1', '-vf', filters.join(',')],
    // More threads would hold a picture back here too: rawvideo is encoded by frame threads.
    ...['-threads', '1', ...passthrough, '-enc_time_base', '1:1000'],
    ...['-c:v', 'rawvideo', '-flush_packets', '1', '-f', 'rawvideo', 'pipe:1']
  ]
}

/**
 * The layout `ruled` of picture-writer.ts: white above a picture as high as the frame, and beside one as wide; then black
 * around it. Neither filter copies a picture.
 */
function ruler({ width, height }: Size): string[] {
  const wide = `${rulerColumns}*eq(iw,${width})`
  const high = `eq(ih,${height})`
  const middle = (all: number, length: string, ruler: number): string =>
    `'if(gt(${length},${all}),0,${ruler}+trunc((${all}-${length})/2))'`
  return [
    `pad='iw+${wide}':'ih+${high}':'${wide}':'${high}':white`,
    `pad=${width + rulerColumns}:${height + 1}:${middle(width, 'iw', rulerColumns)}:${middle(height, 'ih', 1)}`
  ]
}

const turnOf = ({ rotation = 'auto', stream }: DecoderRequest): QuarterTurn =>
  rotation === 'auto' ? (stream?.rotation ?? 0) : rotation

/** Whether the first picture is to be described, for how the camera lies is told with that (H.264's and H.265's SEI). */
const tells = ({ rotation = 'auto', stream }: DecoderRequest): boolean =>
  rotation === 'auto' && stream?.rotation === undefined

/** What is left of a picture to be turned is as small as it can be: after it was scaled. */
const turnFilters: Record<QuarterTurn, string[]> = {
  0: [],
  90: ['transpose=clock'],
  180: ['hflip', 'vflip'],
  270: ['transpose=cclock']
}

/** Width and height for FFmpeg's scale filter, as `fitInto` has them; `dar` takes the shape of the stream's pixels into account. */
function fittedSize(request: DecoderRequest): string {
  const { rotation = 'auto', aspect } = request
  const turn = turnOf(request)
  const frame = turnedSize(request, turn)
  // A stream's own turn comes before `aspect`.
  const shape = !aspect ? 'dar' : rotation === 'auto' && turn % 180 !== 0 ? 1 / aspect : aspect
  const fitted = (most: number, length: string): string => `'max(1,min(${most},round(${length})))'`
  return `w=${fitted(frame.width, `${frame.height}*${shape}`)}:h=${fitted(frame.height, `${frame.width}/${shape}`)}`
}

/**
 * FFmpeg's expression that lets `fps` pictures a second through, by the time of their coming and not by the camera's
 * clock, which may jump or stand still. Variable 0 is when the next one is due, 1 is now; a picture may be half a period
 * early, and a due time far ahead means that this machine's clock was set back. Unlike the fps filter it waits for no
 * later picture and repeats none.
 */
function thinOut(fps: number): string {
  const period = (1 / fps).toFixed(6)
  const half = (0.5 / fps).toFixed(6)
  const setBack = `gt(ld(0)-ld(1),2*${period})`
  const nextDue = `if(${setBack},ld(1)+${period},max(ld(0)+${period},ld(1)+${half}))`
  return `st(1,time(0));if(gte(ld(1),ld(0)-${half})+${setBack},1+0*st(0,${nextDue}),0)`
}

const microseconds = (ms: number): string => String(Math.round(ms * 1000))

/** A relay that waits for the camera is no reason to give up: it says so when it has waited enough. */
const patience = 3

/**
 * The demuxer's options by scheme. RTP over UDP loses packets, and its ports would have to be opened. With a queue, even one for
 * two packets, FFmpeg says which ones are missing; a packet waits in it only behind a gap.
 */
const schemeOptions: Record<RelayAddress['scheme'], (silenceMs: number, ffmpeg: Ffmpeg) => [string, string][]> = {
  rtsp: (silenceMs, { timeoutOption }) => [
    ['rtsp_transport', 'tcp'],
    ['allowed_media_types', 'video'],
    ['reorder_queue_size', '2'],
    [timeoutOption, microseconds(patience * silenceMs)]
  ],
  http: (silenceMs) => [['rw_timeout', microseconds(patience * silenceMs)]]
}

function concatScript({ source, silenceMs }: DecoderRequest, ffmpeg: Ffmpeg, waiting: DemuxerOptions): string {
  const options = [...schemeOptions[source.scheme](silenceMs, ffmpeg), ...waiting]
  const lines = options.map(([name, value]) => `option ${name} ${value}`)
  return `ffconcat version 1.0\nfile ${quote(source.full)}\n${lines.join('\n')}\n`
}

/** FFmpeg's quoting: nothing is special between single quotes, and a single quote itself stands outside them. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** What FFmpeg says beside what the stream is, when it is asked for that. */
export const ffmpegTalk =
  /^Output #|^Stream mapping|^Stream #\S+ ->|^Metadata:|^encoder\s|^frame=|^video:|^\[out#|^Duration:/

/** What its standard error says that means nothing. */
export const ffmpegNoise =
  /not enough frames to estimate rate|jitter buffer full|deprecated pixel format|last message repeated|EOI missing/i

/** From `Stream #0:0: Video: h264 (High), yuv420p(progressive), 1280x720 [SAR 1:1 DAR 16:9], 25 fps, 25 tbr`. */
export function describeStream(lines: readonly string[]): StreamDescription {
  const line = lines.find((candidate) => /^ *Stream #0:\d.*: Video:/.test(candidate)) ?? ''
  const size = / (\d{2,5})x(\d{2,5})\b/.exec(line)
  const rate = / ([\d.]+) fps\b/.exec(line) ?? / ([\d.]+) tbr\b/.exec(line)
  const described = {
    codec: /Video: (\w+)/.exec(line)?.[1],
    width: size ? Number(size[1]) : undefined,
    height: size ? Number(size[2]) : undefined,
    sampleAspect: sampleAspectIn(line),
    fps: rate ? Number(rate[1]) : undefined,
    untagged: untagged(line)
  }
  // The pictures themselves are right where the stream's header is of another time.
  for (const shape of lines.map(toldShape)) Object.assign(described, shape)
  return described
}

/** From `[SAR 16:11 DAR 16:9]`; undefined for squares. */
function sampleAspectIn(line: string): number | undefined {
  const [, width, height] = /\bSAR (\d+):(\d+)\b/.exec(line) ?? []
  const aspect = ratio(Number(width), Number(height))
  return aspect === 1 ? undefined : aspect
}

/** From `yuv420p(tv, bt709, progressive)`; where matrix, primaries and transfer differ, they stand there as `bt709/unknown/unknown`. */
function untagged(line: string): 'tv' | 'pc' | undefined {
  const format = /, yuv(j?)4\w+(?:\(([^)]*)\))?/.exec(line)
  if (!format) return undefined
  const said = (format[2] ?? '').split(', ')
  if (said.some((word) => /^(bt|smpte|fcc|ycgco|ictcp|chroma)/.test(word))) return undefined
  return format[1] || said.includes('pc') ? 'pc' : 'tv'
}

const videoCodecs = ['h264', 'hevc', 'mjpeg'] as const

/** An FFmpeg that painlens can use, and how this build wants to be talked to. */
export interface Ffmpeg {
  command: string
  /** `5.1.9-0+deb12u1`, or `N-12345-g…` for a build from git. */
  version: string
  /** The RTSP demuxer's limit on silence: `stimeout` up to 4.4, where `timeout` means something else; `timeout` after. */
  timeoutOption: 'stimeout' | 'timeout'
  /** Which arguments hand on each picture once, however irregular the times: `-fps_mode` since 5.1, `-vsync` before. */
  passthrough: readonly string[]
}

const minimum = [4, 4] as const
const probeMs = 20_000

/**
 * Asks the FFmpeg at hand what it is and what it can.
 * @param withinMs for each answer
 * @throws ProgramError when it is missing, gives no answer, is older than 4.4, or lacks RTSP or a decoder
 */
export async function probeFfmpeg(command = 'ffmpeg', withinMs = probeMs): Promise<Ffmpeg> {
  const ask = (...args: string[]): Promise<Printed> => run(command, args, withinMs)
  // It says what it is before each answer: each of its starts takes a fifth of a second of a core.
  const [rtsp, { stdout: decoders, stderr: banner }] = await Promise.all([
    ask('-hide_banner', '-h', 'demuxer=rtsp'),
    ask('-decoders')
  ])
  // A script in its place may keep it quiet.
  const version = nameIn(banner) === undefined ? (await ask('-version')).stdout : banner
  const help = numberIn(version) ? null : (await ask('-hide_banner', '-h', 'long')).stdout
  return readProbe(command, { version, rtsp: rtsp.stdout, decoders, help })
}

interface Printed {
  stdout: string
  stderr: string
}

/** What FFmpeg printed as its banner, and for `-h demuxer=rtsp`, `-decoders` and `-h long`. */
export interface ProbeOutput {
  version: string
  rtsp: string
  decoders: string
  /** Null where the version has a number, which says as much. */
  help: string | null
}

/** `5.1.9-0+deb12u1`; undefined for another program. */
const nameIn = (version: string): string | undefined => /^ffmpeg version (\S+)/m.exec(version)?.[1]

/** Major and minor number; null for a build from git, and for another program. */
function numberIn(version: string): [number, number] | null {
  const found = /^ffmpeg version n?(\d+)\.(\d+)/m.exec(version)
  return found && [Number(found[1]), Number(found[2])]
}

/** @throws ProgramError as `probeFfmpeg` does */
export function readProbe(command: string, { version, rtsp, decoders, help }: ProbeOutput): Ffmpeg {
  const name = nameIn(version)
  if (name === undefined) throw new ProgramError('PL-FFMPEG-OTHER', 'is no FFmpeg', command)
  const number = numberIn(version)
  if (number && isOlder(number, minimum))
    throw new ProgramError('PL-FFMPEG-OLD', `is FFmpeg ${name}, 4.4 or later is needed`, command)
  if (!/^ *-rtsp_transport\b/m.test(rtsp))
    throw new ProgramError('PL-FFMPEG-NO-RTSP', 'was built without RTSP', `${command} ${name}`)
  const missing = videoCodecs.filter((codec) => !new RegExp(`^ V\\S* ${codec}\\s`, 'm').test(decoders))
  if (missing.length > 0)
    throw new ProgramError('PL-FFMPEG-NO-CODEC', `was built without ${missing.join(', ')}`, `${command} ${name}`)
  return {
    command,
    version: name,
    timeoutOption: /^ *-stimeout\b/m.test(rtsp) ? 'stimeout' : 'timeout',
    passthrough: [hasFpsMode(number, help) ? '-fps_mode' : '-vsync', 'passthrough']
  }
}

const hasFpsMode = (number: [number, number] | null, help: string | null): boolean =>
  number ? !isOlder(number, [5, 1]) : /^ *-fps_mode\b/m.test(help ?? '')

function isOlder([major, minor]: readonly [number, number], than: readonly [number, number]): boolean {
  return major < than[0] || (major === than[0] && minor < than[1])
}

function run(command: string, args: readonly string[], withinMs: number): Promise<Printed> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: withinMs, maxBuffer: 16 << 20 }, (error, stdout, stderr) =>
      error ? reject(failureOf(error, command, withinMs)) : resolve({ stdout, stderr })
    )
  })
}

function failureOf(error: ExecFileException, command: string, withinMs: number): ProgramError {
  if (error.code === 'ENOENT') return new ProgramError('PL-FFMPEG-MISSING', 'this program is not there', command)
  // With a code it was killed for another reason.
  if (error.killed && typeof error.code !== 'string')
    return new ProgramError('PL-FFMPEG-BROKEN', `it gave no answer within ${withinMs / 1000} s`, command, {
      fix: 'Try again when this machine is less busy; where that does not help, install FFmpeg again.'
    })
  const [failed, ...said] = messageOf(error).split('\n')
  const why = said.findLast((line) => line.trim() !== '') ?? failed!
  return new ProgramError('PL-FFMPEG-BROKEN', `it does not run: ${printable(why.trim())}`, command)
}
