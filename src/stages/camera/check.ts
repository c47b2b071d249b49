import type { Secrets } from '../../core/secrets.js'
import type { Decoder } from './decoder.js'
import { type Failure, failureError } from './decoder.js'
import { DecoderRun, type Seen, type StreamMemory } from './decoder-process.js'
import type { CameraTls } from './link/camera-socket.js'
import { type CameraShape, cameraShape, type ShapeOptions } from './picture-shape.js'
import { bytesOf } from './picture-writer.js'
import { DecoderChoice, defaultTiming } from './retries.js'
import { type CameraUrl, parseCameraUrl, registerSecrets } from './url.js'

export interface CameraCheckOptions extends ShapeOptions {
  id: string
  url: string
  tls?: CameraTls
  videoTrack?: number | 'auto'
  decoder: Decoder
  secrets: Secrets
  /** For the first picture; `defaultTiming.connectMs` unless told otherwise. */
  timeoutMs?: number
}

export interface CameraCheck {
  /** The camera's own, not that of the frames that painlens asks for; null where the decoder does not say. */
  shape: CameraShape | null
  codec?: string
  /** Pictures per second, as declared or else as timed; undefined where fewer than three came in 2 s. */
  fps?: number
  firstFrameMs: number
  /** What decoded it. */
  decoder: string
  /** Why it was not the better one that this machine has or should have. */
  instead?: Failure
}

/** The pictures are only counted, never shown, so they may be small. */
const probeSize = { width: 64, height: 36 }
/** Where the stream does not declare its rate, so many pictures are timed, for so long at most. */
const timedPictures = 10
export const timedMs = 2000

/**
 * Opens a camera once, for a picture, or a few to find out their rate; by the decoder's fallback where it fails by itself.
 * @throws CameraError with what to do when there is none in time; the signal's reason when it aborts
 */
export async function checkCamera(options: CameraCheckOptions, signal?: AbortSignal): Promise<CameraCheck> {
  registerSecrets(options.url, options.secrets)
  const url = parseCameraUrl(options.url, options.id)
  const choice = new DecoderChoice(options.decoder)
  for (;;) {
    signal?.throwIfAborted()
    const probe = new CameraProbe(options, choice.current, url)
    const found = await lookThrough(probe, options, choice.current, signal)
    if (!('failure' in found)) return { ...found, instead: choice.instead }
    const { failure, changed } = choice.judge(found.failure, probe.seen)
    if (!changed) throw failureError(failure, `camera ${options.id} at ${url.shown}`)
  }
}

async function lookThrough(
  probe: CameraProbe,
  options: CameraCheckOptions,
  decoder: Decoder,
  signal?: AbortSignal
): Promise<CameraCheck | { failure: Failure }> {
  const started = performance.now()
  try {
    const failure = await probe.pictures(1, options.timeoutMs ?? defaultTiming.connectMs, signal)
    if (failure) return { failure }
    const firstFrameMs = performance.now() - started
    // What standard error says came first but may be read last.
    await new Promise((resolve) => setTimeout(resolve, 20))
    const stream = decoder.describe(probe.lines)
    // FFmpeg reports how a camera lies with the second picture at times.
    await probe.pictures(2, timedMs, signal)
    const declared = probe.declaresRate ? stream.fps : undefined
    if (declared === undefined) await probe.pictures(timedPictures, timedMs, signal)
    signal?.throwIfAborted()
    return {
      codec: stream.codec,
      shape: cameraShape({ ...stream, ...probe.memory.stream, ...probe.memory.shape }, options),
      fps: declared ?? probe.fps(),
      firstFrameMs,
      decoder: decoder.nameFor(stream)
    }
  } finally {
    await probe.stop()
  }
}

/** One decoder that runs for the sake of finding out about a camera. */
class CameraProbe {
  readonly lines: string[] = []
  readonly memory: StreamMemory = {}
  /** HTTP cameras declare none, and FFmpeg says 25 of each of them. */
  readonly declaresRate: boolean
  readonly #run: DecoderRun
  readonly #times: number[] = []
  #pictureBytes = 0
  #bytes = 0
  #failure: Failure | undefined
  #notify: () => void = () => undefined

  constructor(options: CameraCheckOptions, decoder: Decoder, url: CameraUrl) {
    this.declaresRate = url.scheme.startsWith('rtsp')
    const { secrets, tls, videoTrack, rotation, aspect, timeoutMs = defaultTiming.connectMs } = options
    const waits = { silenceMs: Math.max(defaultTiming.readMs, timeoutMs), firstPictureMs: timeoutMs }
    this.#run = new DecoderRun({
      camera: { url, tls, videoTrack },
      decoder,
      request: { fps: 60, ...probeSize, rotation, aspect, ...waits },
      memory: this.memory,
      redact: (line, length) => secrets.excerpt(line, length),
      onStart: (pictures) => {
        if (pictures) this.#pictureBytes = bytesOf(pictures)
      },
      onData: (chunk) => this.#count(chunk.length),
      onLine: (line) => this.lines.push(line),
      onEnd: (failure) => {
        this.#failure = failure
        this.#notify()
      }
    })
  }

  get seen(): Seen {
    return this.#run.seen
  }

  /** Back when so many pictures have come since the start; with a failure when they do not. */
  async pictures(count: number, withinMs: number, signal?: AbortSignal): Promise<Failure | undefined> {
    const aborted = new AbortController()
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<Failure | undefined>((resolve, reject) => {
        this.#notify = () => {
          if (this.#times.length >= count) resolve(undefined)
          else if (this.#failure) resolve(this.#failure)
        }
        timer = setTimeout(() => resolve(this.#run.silence(withinMs)), withinMs)
        signal?.addEventListener('abort', () => reject(signal.reason), { signal: aborted.signal })
        this.#notify()
      })
    } finally {
      clearTimeout(timer)
      aborted.abort()
    }
  }

  /** Pictures per second so far; undefined for fewer than three. The first may come late, with the second at its heels. */
  fps(): number | undefined {
    const [, first] = this.#times
    const last = this.#times.at(-1)
    if (this.#times.length < 3 || first === undefined || last === undefined || last <= first) return undefined
    return Math.round(((this.#times.length - 2) / (last - first)) * 10_000) / 10
  }

  stop(): Promise<void> {
    return this.#run.stop()
  }

  #count(bytes: number): void {
    const before = Math.floor(this.#bytes / this.#pictureBytes)
    this.#bytes += bytes
    for (let picture = before; picture < Math.floor(this.#bytes / this.#pictureBytes); picture++)
      this.#times.push(performance.now())
    this.#notify()
  }
}
