import type { FeedCodec, FeedOptions } from './feed.js'

/**
 * Encoders as a live camera needs them: no look-ahead and no B frames, because both delay the picture, and a key frame
 * each second, because a reader waits for one. The parameter sets come with each key frame too (dump_extra).
 */
const encoders: Record<FeedCodec, (fps: number) => string[]> = {
  h264: (fps) => [
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-threads', '1'],
    ...['-g', keyFrameEvery(fps), '-bf', '0', '-bsf:v', 'dump_extra']
  ],
  hevc: (fps) => [
    ...[
      '-c:v',
      'libx265',
      '-preset',
      'ultrafast',
      '-tune',
      'zerolatency',
      '-pix_fmt',
      'yuv420p',
      '-bsf:v',
      'dump_extra'
    ],
    ...['-x265-params', `keyint=${keyFrameEvery(fps)}:bframes=0:frame-threads=1:log-level=error`]
  ],
  // RFC 2435 knows the standard Huffman tables only, and wants both quantisation tables.
  mjpeg: () => [
    '-c:v',
    'mjpeg',
    '-q:v',
    '3',
    '-pix_fmt',
    'yuvj420p',
    '-huffman',
    'default',
    '-force_duplicated_matrix',
    '1',
    '-threads',
    '1'
  ]
}

const keyFrameEvery = (fps: number): string => String(Math.max(1, Math.round(fps)))

/** ffmpeg's arguments; `url` is the secret address to publish to, good for one publisher only. */
export function feedArguments(options: Omit<FeedOptions, 'server' | 'log'>, url: string): string[] {
  return [
    ...['-hide_banner', '-nostats', '-loglevel', 'warning'],
    ...inputArguments(options),
    '-an',
    ...encoders[options.codec](options.fps),
    ...['-f', 'rtsp', '-rtsp_transport', 'tcp', url]
  ]
}

function inputArguments({ frames, width, height, fps }: Omit<FeedOptions, 'server' | 'log'>): string[] {
  const fit = ['-vf', `fps=${fps},scale=${width}:${height},setsar=1`]
  if ('lavfi' in frames) return ['-re', '-f', 'lavfi', '-i', frames.lavfi, ...fit]
  if ('file' in frames) return ['-re', '-stream_loop', '-1', '-i', `file:${frames.file}`, ...fit]
  // Stamped by the wall clock: a picture is shown when it comes, however regular that is.
  return [
    ...['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-video_size', `${width}x${height}`, '-framerate', String(fps)],
    ...['-use_wallclock_as_timestamps', '1', '-probesize', '32', '-analyzeduration', '0', '-i', 'pipe:0']
  ]
}
