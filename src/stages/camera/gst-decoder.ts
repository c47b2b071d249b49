import type { Decoder, DecoderCommand, DecoderRequest } from './decoder.js'
import { describe, ffmpegDecoder, ffmpegNoise, ffmpegReading, startWithSize } from './ffmpeg-decoder.js'
import type { Ffmpeg } from './ffmpeg-probe.js'
import { type GstCodec, type GstElements, gstArguments } from './gst-elements.js'
import { gstFailures } from './gst-failures.js'
import { fitInto } from './pixels.js'

export interface GstDecoderOptions {
  /** As the config calls it. */
  name: string
  ffmpeg: Ffmpeg
  elements: GstElements
  gstLaunch?: string
}

/**
 * A camera's pictures through GStreamer. FFmpeg opens the camera, as it does for `ffmpegDecoder`, so that the password
 * stays out of the process list, and hands the stream on as it is; gst-launch-1.0 decodes. It must be told codec and
 * size, so a first run asks for them. A codec that the elements do not take (MJPEG) is decoded by FFmpeg.
 */
export function gstDecoder({ name, ffmpeg, elements, gstLaunch = 'gst-launch-1.0' }: GstDecoderOptions): Decoder {
  const byFfmpeg = ffmpegDecoder(ffmpeg)
  return {
    name,
    nameFor: ({ codec }) => (isGstCodec(codec) ? name : byFfmpeg.name),
    noise: new RegExp([ffmpegNoise, ffmpegTalk, gstNoise].map(({ source }) => source).join('|'), 'i'),
    failures: gstFailures,
    describe,
    command: (request) => {
      if (request.stream === undefined) return describing(ffmpeg, request)
      const { codec, width, height, untagged } = request.stream
      if (!isGstCodec(codec) || !width || !height) return byFfmpeg.command(request)
      const output = fitInto({ width, height }, request)
      return {
        ...ffmpegReading(ffmpeg, { ...request, verbose: true }, handOn(codec), startWithSize),
        next: {
          command: gstLaunch,
          args: gstArguments(elements, { codec, size: { width, height }, untagged, fps: request.fps, output })
        },
        pictures: { format: 'bgr0', ...output }
      }
    }
  }
}

const isGstCodec = (codec: string | undefined): codec is GstCodec => codec === 'h264' || codec === 'hevc'

/** What FFmpeg says beside what the stream is, when it is asked for that. */
const ffmpegTalk = /^Output #|^Stream mapping|^Stream #\S+ ->|^Metadata:|^encoder\s|^frame=|^video:|^Duration:/

/** What gst-launch-1.0 and NVIDIA's libraries say of themselves. */
const gstNoise =
  /^Opening in BLOCKING MODE|^NvMMLite(Open|BlockCreate) : Block|^NVMEDIA|^Setting pipeline to|^Execution ended/

function describing(ffmpeg: Ffmpeg, request: DecoderRequest): DecoderCommand {
  const output = ['-map', '0:v:0', '-c', 'copy', '-t', '0', '-f', 'null', '-']
  return ffmpegReading(ffmpeg, { ...request, verbose: true }, output, startWithSize)
}

/**
 * From the first key frame on, one picture at a time. dump_extra: parameter sets that the camera tells by RTSP's session
 * description only are put before each key frame.
 */
const handOn = (codec: GstCodec): string[] => [
  ...['-map', '0:v:0', '-c', 'copy', '-bsf:v', 'dump_extra'],
  ...['-flush_packets', '1', '-f', codec, 'pipe:1']
]
