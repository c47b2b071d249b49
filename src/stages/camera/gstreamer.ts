import { execFile } from 'node:child_process'
import type { Size } from '../../core/types.js'
import { pictureTalk, showinfoFilters } from './damage.js'
import type { Decoder, DecoderCommand, DecoderRequest } from './decoder.js'
import { gstFailures } from './decoder-failures.js'
import {
  describeStream,
  type Ffmpeg,
  ffmpegDecoder,
  ffmpegNoise,
  ffmpegReading,
  ffmpegTalk,
  startWithSize
} from './ffmpeg.js'
import { fitInto, pictureSize, type QuarterTurn } from './picture-shape.js'

export interface GstDecoderOptions {
  /** As the config calls it. */
  name: string
  ffmpeg: Ffmpeg
  elements: GstElements
  gstLaunch?: string
}

/**
 * A camera's pictures through GStreamer. FFmpeg opens the relay, as it does for `ffmpegDecoder`, so that its secret
 * stays out of the process list, and hands the stream on as it is; gst-launch-1.0 decodes. It must be told codec and
 * size, so a first run asks for them. A codec that the elements do not take (MJPEG) is decoded by FFmpeg.
 */
export function gstDecoder({ name, ffmpeg, elements, gstLaunch = 'gst-launch-1.0' }: GstDecoderOptions): Decoder {
  const byFfmpeg = ffmpegDecoder(ffmpeg)
  return {
    name,
    nameFor: ({ codec }) => (isGstCodec(codec) ? name : byFfmpeg.name),
    noise: new RegExp([ffmpegNoise, ffmpegTalk, pictureTalk, gstNoise].map(({ source }) => source).join('|'), 'i'),
    failures: gstFailures,
    describe: describeStream,
    command: (request) => {
      if (request.stream === undefined) return describing(ffmpeg, request)
      const { codec, width, height, untagged, rotation: told = 0 } = request.stream
      if (!isGstCodec(codec) || !width || !height) return byFfmpeg.command(request)
      const output = fitInto(pictureSize({ ...request.stream, width, height }, request), request)
      const { rotation = 'auto' } = request
      const turn = rotation === 'auto' ? told : rotation
      return {
        ...ffmpegReading(ffmpeg, request, handOn(codec), startWithSize(request)),
        next: {
          command: gstLaunch,
          args: gstArguments(elements, { codec, size: { width, height }, untagged, fps: request.fps, turn, output })
        },
        pictures: { format: 'bgr0', ...output }
      }
    }
  }
}

const isGstCodec = (codec: string | undefined): codec is GstCodec => codec === 'h264' || codec === 'hevc'

/** What gst-launch-1.0 and NVIDIA's libraries say of themselves. */
const gstNoise =
  /^Opening in BLOCKING MODE|^NvMMLite(Open|BlockCreate) : Block|^NVMEDIA|^Setting pipeline to|^Execution ended|^\/GstPipeline:|^Pipeline is |^Redistribute latency|^New clock: |^Got EOS|^Freeing pipeline/

function describing(ffmpeg: Ffmpeg, request: DecoderRequest): DecoderCommand {
  // Two pictures have to be decoded, for FFmpeg tells it of the second at times: the way a camera lies is told with that (H.264's and H.265's SEI) and not in a header.
  const output = ['-map', '0:v:0', '-frames:v', '2', '-vf', `${showinfoFilters.picture}=checksum=0`, '-f', 'null', '-']
  return ffmpegReading(ffmpeg, { ...request, rotation: 0 }, output, startWithSize(request))
}

/**
 * From the first key frame on, one picture at a time. dump_extra: parameter sets that the camera tells by RTSP's session
 * description only are put before each key frame. Which packets are key frames is told on standard error (damage.ts).
 */
const handOn = (codec: GstCodec): string[] => [
  ...['-map', '0:v:0', '-c', 'copy', '-bsf:v', 'dump_extra'],
  ...['-flush_packets', '1', '-f', codec, 'pipe:1'],
  ...['-map', '0:v:0', '-c', 'copy', '-flush_packets', '1', '-f', 'framecrc', 'pipe:2']
]

/** The codecs that these decoders take, by FFmpeg's names; its muxers for the bare streams are called the same. */
export type GstCodec = 'h264' | 'hevc'

/** One way of decoding with GStreamer. All that differs from one to another is here. */
export interface GstElements {
  /** Decodes one codec's access units. */
  decode: Record<GstCodec, string>
  /** Follows the decoder for a stream that does not say how its colours are encoded, by the range of its values. */
  untagged?: Record<'tv' | 'pc', string>
  /** The caps of a decoded picture, without its fields: where it lies. */
  memory: string
  /** Makes BGRx pictures in plain memory of what has been decoded, scaled to what the caps after it say. */
  convert: readonly string[]
  /** Follows them, to turn the picture clockwise. */
  turn: Record<QuarterTurn, readonly string[]>
}

/** What a stream is for GStreamer: its caps and the parser that finds the pictures in it. */
const streams: Record<GstCodec, { caps: string; parse: string }> = {
  h264: { caps: 'video/x-h264', parse: 'h264parse' },
  hevc: { caps: 'video/x-h265', parse: 'h265parse' }
}

/**
 * FFmpeg's decoders, wrapped by GStreamer. One thread each, because more hold pictures back; nothing is shown before the
 * first whole picture. Of videoscale's methods mitchell comes closest to what FFmpeg's scaler calls bilinear. GStreamer
 * would take large untagged pictures for BT.709; FFmpeg's scaler takes all of them for BT.601 (matrix 4), and so do we.
 */
export const softwareElements: GstElements = {
  decode: {
    h264: 'avdec_h264 max-threads=1 output-corrupt=false',
    hevc: 'avdec_h265 max-threads=1 output-corrupt=false'
  },
  untagged: {
    tv: 'capssetter caps=video/x-raw,colorimetry=bt601',
    pc: 'capssetter caps=video/x-raw,colorimetry=(string)1:4:0:0'
  },
  memory: 'video/x-raw',
  convert: ['videoscale method=mitchell', 'videoconvert'],
  turn: {
    0: [],
    90: ['! videoflip video-direction=90r'],
    180: ['! videoflip video-direction=180'],
    270: ['! videoflip video-direction=90l']
  }
}

/**
 * NVIDIA's decoder and scaler of a Jetson (Jetson Linux, package nvidia-l4t-gstreamer). disable-dpb: a picture is shown
 * when it has been decoded, and not once so many more have come; cameras send no B frames. Pictures stay in the
 * hardware's own memory until nvvidconv gives them out.
 */
export const nvidiaElements: GstElements = {
  decode: { h264: 'nvv4l2decoder disable-dpb=true', hevc: 'nvv4l2decoder disable-dpb=true' },
  memory: 'video/x-raw(memory:NVMM)',
  convert: ['nvvidconv interpolation-method=Bilinear'],
  turn: { 0: [], 90: ['flip-method=3'], 180: ['flip-method=2'], 270: ['flip-method=1'] }
}

export interface PipelineRequest {
  codec: GstCodec
  /** The stream's own. */
  size: Size
  untagged?: 'tv' | 'pc'
  turn: QuarterTurn
  /** At most so many pictures a second. */
  fps: number
  /** Of the pictures that are written, turned. */
  output: Size
}

/** Faster than any camera. Declared whatever the stream says of itself, which many cameras get wrong. */
const declaredRate = '60/1'

/**
 * The arguments of gst-launch-1.0: a stream of access units comes in on standard input, BGRx pictures go out on file
 * descriptor 3, rows one after the other without a gap.
 *
 * Pictures are stamped by the time of their coming, and thinned out by that before anything is converted. drop-only:
 * videorate neither waits for a later picture nor repeats one.
 */
function gstArguments(elements: GstElements, request: PipelineRequest): string[] {
  const { codec, size, fps, turn, output, untagged } = request
  const { caps, parse } = streams[codec]
  const chain = [
    'fdsrc fd=0 do-timestamp=true blocksize=65536',
    `${caps},stream-format=byte-stream,width=${size.width},height=${size.height},framerate=${declaredRate}`,
    parse,
    elements.decode[codec],
    ...(untagged && elements.untagged ? [elements.untagged[untagged]] : []),
    'videorate drop-only=true skip-to-first=true',
    `${elements.memory},framerate=${fraction(fps)}`,
    [elements.convert.join(' ! '), ...elements.turn[turn]].join(' '),
    `video/x-raw,format=BGRx,width=${output.width},height=${output.height}`,
    'fdsink fd=3 sync=false async=false'
  ]
  // -v: it says when the stream's pictures are of another shape from now on.
  return ['-v', ...chain.join(' ! ').split(' ')]
}

/** The element that a command line of `gst-launch-1.0` cannot do without, for each part of the chain. */
function elementsOf(elements: GstElements): string[] {
  const named = [...Object.values(elements.decode), ...elements.convert].map((element) => element.split(' ')[0]!)
  return [...new Set([...named, ...Object.values(streams).map(({ parse }) => parse), 'videorate'])]
}

/** `5` is `5/1`, `0.2` is `200/1000`. */
const fraction = (fps: number): string =>
  Number.isInteger(fps) ? `${fps}/1` : `${Math.max(1, Math.round(fps * 1000))}/1000`

/** The first question of all may have GStreamer look through its plugins. */
const probeMs = 20_000

/** The first element of all that a decoder is made of that GStreamer lacks; undefined where it has them all. */
export async function missingElement(
  elements: GstElements,
  gstInspect = 'gst-inspect-1.0'
): Promise<string | undefined> {
  // One after the other: the first may write GStreamer's list of plugins.
  for (const element of elementsOf(elements)) if (!(await exists(element, gstInspect))) return element
  return undefined
}

function exists(element: string, gstInspect: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(gstInspect, ['--exists', element], { timeout: probeMs }, (error) => resolve(error === null))
  })
}
