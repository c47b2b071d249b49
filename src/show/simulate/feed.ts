import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { errorFields, InputError, messageOf, ProgramError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { RtspServer } from './rtsp-server.js'

export type FeedCodec = 'h264' | 'hevc' | 'mjpeg'

/**
 * The source of the pictures: RGB24 frames of width*height*3 bytes, shown as they arrive; one of FFmpeg's
 * lavfi sources; or a video file, repeated endlessly.
 */
export type FeedFrames = AsyncIterable<Uint8Array> | { lavfi: string } | { file: string }

export interface FeedOptions {
  server: RtspServer
  /** As readers name it: `/bed`. */
  path: string
  codec: FeedCodec
  /** Even numbers; mjpeg up to 2040 (RFC 2435). */
  width: number
  height: number
  fps: number
  /** Width to height of a pixel, as the stream declares it; `16/11`. Square unless told otherwise. */
  sampleAspect?: string
  /** The stream tells by SEI, once with each key frame (FFmpeg 5.1: with the picture after it), to turn its pictures by so much clockwise; h264 only. */
  turnedBy?: 90 | 180 | 270
  /** In pictures; once a second unless told otherwise. */
  keyFrameEvery?: number
  frames: FeedFrames
  ffmpeg?: string
  /** How long ffmpeg may take to publish something, in ms; 20,000 unless told otherwise. */
  startMs?: number
  log: Log
}

export interface Feed {
  /** What a reader opens, credentials included. */
  readonly url: string
  /** Settles when the first reader plays it; never where none does. */
  readonly watched: Promise<void>
  /** Settles when the feed is over: stopped, or out of frames. Rejects with a ProgramError when ffmpeg failed. */
  readonly ended: Promise<void>
  /** Ends ffmpeg and the stream; its readers are disconnected. */
  stop(): Promise<void>
}

const killMs = 1000

/**
 * Has ffmpeg encode the pictures and publish them to the server, as a camera does. Resolves once the stream can be played.
 * @throws ProgramError when ffmpeg is missing or ends before it has published anything
 */
export async function startFeed(options: FeedOptions): Promise<Feed> {
  const { server, path, frames, ffmpeg = 'ffmpeg', startMs = 20_000, log } = options
  const publication = server.publish(path)
  const child = spawn(ffmpeg, feedArguments(options, publication.url), {
    stdio: ['pipe', 'ignore', 'pipe'],
    // In a process group of its own, so that Ctrl-C ends it through stop() and not directly.
    detached: true
  })
  const pump = new FramePump(child, options)
  const complaints = collectLines(child)
  let stopping = false
  const ended = exitOf(child).then(({ code, error }) => {
    publication.close()
    pump.stop()
    const reason =
      pump.error ?? error?.message ?? (code === 0 ? undefined : (complaints.at(-1) ?? `ended with ${code}`))
    if (!stopping && reason !== undefined) throw feedError(ffmpeg, reason)
  })
  const stop = async (): Promise<void> => {
    stopping = true
    pump.stop()
    await endChild(child)
    await ended.catch(() => undefined)
  }
  if (Symbol.asyncIterator in frames) pump.start(frames)
  try {
    const tooSoon = ended.then(() => Promise.reject(feedError(ffmpeg, 'ended before it had published anything')))
    await within(startMs, Promise.race([publication.started, tooSoon]), ffmpeg)
  } catch (error) {
    await stop()
    throw error
  }
  ended.catch((error) => log.warn({ path, ...errorFields(error) }, 'the simulated camera has stopped'))
  return { url: server.url(path), watched: publication.watched, ended, stop }
}

/** Writes frames to ffmpeg's standard input, one at a time: the next is requested when the last one has been taken. */
class FramePump {
  readonly #child: ChildProcess
  readonly #bytes: number
  #iterator: AsyncIterator<Uint8Array> | undefined
  #stopped = false
  /** The error of the frame source, if it failed. */
  error: string | undefined

  constructor(child: ChildProcess, { width, height }: FeedOptions) {
    this.#child = child
    this.#bytes = width * height * 3
  }

  start(frames: AsyncIterable<Uint8Array>): void {
    this.#iterator = frames[Symbol.asyncIterator]()
    this.#run(this.#iterator).catch((error) => {
      if (!this.#stopped) this.error = messageOf(error)
      this.#child.stdin?.destroy()
    })
  }

  /** The iterator may be computing its next frame; that is not waited for. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#child.stdin?.destroy()
    void Promise.resolve(this.#iterator?.return?.()).catch(() => undefined)
  }

  async #run(iterator: AsyncIterator<Uint8Array>): Promise<void> {
    while (!this.#stopped) {
      const next = await iterator.next()
      if (this.#stopped) return
      if (next.done) break
      if (next.value.length !== this.#bytes)
        throw new InputError(
          'PL-SIMULATE-FRAME',
          `a frame has ${next.value.length} bytes instead of ${this.#bytes}`,
          'the simulated camera'
        )
      await written(this.#child, next.value)
    }
    this.#child.stdin?.end()
  }
}

/** Resolves when ffmpeg has read all of it, so that the frame's memory can be reused, or when ffmpeg has ended. */
function written({ stdin }: ChildProcess, frame: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (stdin?.writable) stdin.write(frame, () => resolve())
    else resolve()
  })
}

function collectLines(child: ChildProcess): string[] {
  const lines: string[] = []
  child.stdin?.on('error', () => undefined)
  child.stderr?.on('data', (chunk: Buffer) => {
    lines.push(
      ...chunk
        .toString('utf8')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
    )
    lines.splice(0, lines.length - 10)
  })
  return lines
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; error?: Error }> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, error }))
    child.once('close', (code) => resolve({ code }))
  })
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'close')
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), killMs)
  await exited
  clearTimeout(killer)
}

async function within<T>(ms: number, promise: Promise<T>, ffmpeg: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(feedError(ffmpeg, `has published nothing within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function feedError(ffmpeg: string, what: string): ProgramError {
  const fix = what.includes('ENOENT')
    ? 'Install FFmpeg 4.4 or later: sudo apt-get install ffmpeg.'
    : 'Check the size, the rate and the source of the pictures, and that this FFmpeg has libx264.'
  return new ProgramError('PL-SIMULATE-FFMPEG', what, `${ffmpeg}, as the simulated camera`, { fix })
}

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
  // RFC 2435 knows the standard Huffman tables only, and requires both quantisation tables.
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

/** ffmpeg's arguments; `url` is the secret address to publish to, valid for one publisher only. */
function feedArguments(options: Omit<FeedOptions, 'server' | 'log'>, url: string): string[] {
  return [
    ...['-hide_banner', '-nostats', '-loglevel', 'warning'],
    ...inputArguments(options),
    '-an',
    ...encoders[options.codec](options.keyFrameEvery ?? options.fps),
    ...(options.turnedBy ? ['-bsf:v', `dump_extra,${orientation(options.turnedBy)}`] : []),
    ...['-f', 'rtsp', '-rtsp_transport', 'tcp', url]
  ]
}

/** FFmpeg counts counterclockwise. */
const orientation = (clockwise: number): string => `h264_metadata=display_orientation=insert:rotate=${360 - clockwise}`

function inputArguments({
  frames,
  width,
  height,
  fps,
  sampleAspect = '1'
}: Omit<FeedOptions, 'server' | 'log'>): string[] {
  const fit = ['-vf', `fps=${fps},scale=${width}:${height},setsar=${sampleAspect}`]
  if ('lavfi' in frames) return ['-re', '-f', 'lavfi', '-i', frames.lavfi, ...fit]
  if ('file' in frames) return ['-re', '-stream_loop', '-1', '-i', `file:${frames.file}`, ...fit]
  // Stamped by the wall clock: a picture is shown when it arrives, at regular intervals or not.
  return [
    ...['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-video_size', `${width}x${height}`, '-framerate', String(fps)],
    ...['-use_wallclock_as_timestamps', '1', '-probesize', '32', '-analyzeduration', '0', '-i', 'pipe:0'],
    ...['-vf', `setsar=${sampleAspect}`]
  ]
}
