/** What a camera costs by decoder, and how long after its being sent a picture is there. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#painlens/core/clock.js'
import { silentLog } from '#painlens/core/log.js'
import { Secrets } from '#painlens/core/secrets.js'
import type { Frame } from '#painlens/core/types.js'
import { median } from '#painlens/lib/statistics/index.js'
import { type FeedCodec, startFeed } from '#painlens/show/simulate/feed.js'
import { startRtspServer } from '#painlens/show/simulate/rtsp-server.js'
import { FrameAssembler } from '#painlens/stages/camera/frames.js'
import { type DecoderName, decoderFor, openCamera, probeDecoders } from '#painlens/stages/camera/index.js'
import { bytesOf, type PictureLayout, ruledLayout } from '#painlens/stages/camera/picture-writer.js'
import { ms, quantile, table, timed } from './table.js'

const size = { width: 1280, height: 720 }
const cameraFps = 15
const wantedFps = 5
const warmUpMs = 6000
const measuredMs = 15_000
/** The number of a picture is in squares along its upper edge, lowest bit first. */
const square = 32
const bits = 10

/** Numbered pictures with something that moves, and when each was given to the encoder. */
class NumberedPictures {
  readonly sentAt = new Map<number, number>()
  readonly #scenes = Array.from({ length: 8 }, (_, phase) => scene(phase))

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const startedAt = performance.now()
    for (let number = 0; ; number = (number + 1) % (1 << bits)) {
      const picture = this.#scenes[number % this.#scenes.length]!
      for (let bit = 0; bit < bits; bit++) paintSquare(picture, bit, (number >> bit) & 1 ? 255 : 0)
      await sleep(Math.max(0, startedAt + (this.sentAt.size * 1000) / cameraFps - performance.now()))
      this.sentAt.set(number, performance.now())
      yield picture
    }
  }

  delayOf({ data }: Frame): number {
    let number = 0
    for (let bit = 0; bit < bits; bit++)
      if (data[((square / 2) * size.width + (bit + 0.5) * square) * 3]! > 127) number |= 1 << bit
    return performance.now() - (this.sentAt.get(number) ?? Number.NaN)
  }
}

function scene(phase: number): Uint8Array {
  const picture = new Uint8Array(size.width * size.height * 3)
  for (let y = 0; y < size.height; y++)
    for (let x = 0; x < size.width; x++) {
      const wave = Math.sin((x + phase * 12) / 40) * Math.cos((y - phase * 5) / 30)
      const grain = ((x * 7919 + y * 104_729) >> 4) & 7
      picture.fill(110 + wave * 80 + grain, (y * size.width + x) * 3, (y * size.width + x) * 3 + 3)
    }
  return picture
}

function paintSquare(picture: Uint8Array, bit: number, value: number): void {
  for (let y = 0; y < square; y++) {
    const start = (y * size.width + bit * square) * 3
    picture.fill(value, start, start + square * 3)
  }
}

/** Of the decoder's processes, in ms since each was started; Linux counts in hundredths of a second. */
function childrenCpuMs(): number {
  let ticks = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
      const decodes = /concat|gst-launch/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      if (decodes && Number(fields[1]) === process.pid) ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It has ended meanwhile.
    }
  return ticks * 10
}

async function measure(name: DecoderName, codec: FeedCodec): Promise<(string | number)[]> {
  const server = await startRtspServer({ log: silentLog })
  const pictures = new NumberedPictures()
  const feed = await startFeed({
    server,
    path: '/bed',
    codec,
    ...size,
    fps: cameraFps,
    frames: pictures,
    log: silentLog
  })
  const decoder = decoderFor(name, await probeDecoders())
  const common = { masks: [], log: silentLog, clock: systemClock, secrets: new Secrets() }
  const camera = openCamera({ id: 'bed', url: feed.url, fps: wantedFps, ...size, decoder, ...common })
  const delays: number[] = []
  camera.frames.subscribe((frame) => {
    delays.push(pictures.delayOf(frame))
    frame.release()
  })
  try {
    camera.start()
    await sleep(warmUpMs)
    delays.length = 0
    const before = childrenCpuMs()
    await sleep(measuredMs)
    const perPicture = (childrenCpuMs() - before) / ((measuredMs / 1000) * cameraFps)
    const p95 = ms(quantile(delays, 0.95) ?? Number.NaN)
    return [
      name,
      codec,
      ms(perPicture),
      `${ms((perPicture * cameraFps) / 10)} %`,
      delays.length,
      ms(median(delays)),
      p95
    ]
  } finally {
    await camera.stop()
    await feed.stop()
    await server.stop()
  }
}

/** What the main thread does with a picture's bytes, in the 64 kB in which a pipe gives them. */
async function copying(layout: PictureLayout): Promise<string> {
  const options = { camera: 'bed', ...size, slots: 1, masks: [], onDrop: () => undefined }
  const assembler = new FrameAssembler({ ...options, onFrame: (frame) => frame.release() })
  assembler.reset(layout)
  const bytes = new Uint8Array(bytesOf(layout))
  const push = async (): Promise<void> => {
    for (let at = 0; at < bytes.length; at += 65_536) assembler.push(bytes.subarray(at, at + 65_536), systemClock.now())
  }
  await timed(50, push)
  return `${layout.format}: ${ms(median(await timed(200, push)))} ms`
}

/** @returns Markdown: a row per decoder and codec */
export async function decoderTable(names: readonly DecoderName[]): Promise<string> {
  const rows = []
  for (const codec of ['h264', 'hevc'] as const) for (const name of names) rows.push(await measure(name, codec))
  const head = ['decoder', 'codec', 'CPU ms per camera picture', 'of one core', 'frames', 'sent to frame ms', 'p95']
  const about = `${size.width}x${size.height} at ${cameraFps} fps, ${wantedFps} of them wanted, for ${measuredMs / 1000} s`
  const copies = `Copying a frame: ${await copying(ruledLayout(size))}, ${await copying({ format: 'bgr0', ...size })}`
  return `${about}\n\n${table(head, rows)}\n\n${copies}`
}
