import { describe } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import type { FeedCodec } from '../../../src/show/simulate/feed.js'
import type { Camera } from '../../../src/stages/camera/index.js'
import { Deadline, measureSlowness, patience, patienceNow, until } from '../../support/slowness.js'
import { type EncodedFilm, publishFilm } from './films.js'
import { it, numberOf, publishNumberedFilm, type World } from './gst-world.js'
import { explained, untilState } from './rig.js'

const size = { width: 320, height: 240 }
const fps = 25

/** A line that loses this share of the packets, and a single one each time `loseOne` is called. */
class Line {
  share = 0
  #one = false
  readonly #random = createRandom(11)

  readonly loses = (): boolean => {
    const lost = this.#one || this.#random.chance(this.share)
    this.#one = false
    return lost
  }

  loseOne(): void {
    this.#one = true
  }
}

interface Seen {
  at: number
  damaged: boolean
  pixels: Uint8Array
}

function collect(camera: Camera): Seen[] {
  const seen: Seen[] = []
  camera.frames.subscribe((frame) => {
    seen.push({ at: frame.at, damaged: frame.damaged, pixels: Uint8Array.from(frame.data) })
    frame.release()
  })
  return seen
}

/** Whether damaged pictures, each taken for the time since the one before, were half of any 5 s. */
const isHalfDamaged = (seen: readonly Seen[]): boolean =>
  seen.some(({ at: end }) => {
    let ms = 0
    for (const [i, { at, damaged }] of seen.entries())
      if (damaged && at <= end && at > end - 5000) ms += Math.min(at - seen[Math.max(0, i - 1)]!.at, 5000)
    return ms >= 2500
  })

const forSeconds = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

const x265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p']
/** As the feed encodes it. */
const moving: EncodedFilm = {
  name: 'moving',
  arguments: [
    ...['-f', 'lavfi', '-i', `testsrc2=s=320x240:r=${fps}`, '-t', '12', ...x265],
    ...['-x265-params', `keyint=${fps}:bframes=0:frame-threads=1:log-level=error`]
  ]
}

type By = 'ffmpeg' | 'gstreamer'
const decoderOf = (world: World, by: By) => (by === 'ffmpeg' ? world.rig.decoder : world.decoder())

/** A camera behind a line, its pictures, and the states that it goes through. */
async function watched(world: World, codec: FeedCodec, by: By, keyFrameEvery?: number) {
  const { rig } = world
  const line = new Line()
  const server = await rig.server({ loses: line.loses })
  const frames = { lavfi: `testsrc2=s=320x240:r=${fps}` }
  const feed = async () => (await rig.feed(server, { codec, ...size, fps, keyFrameEvery, frames })).url
  const camera = rig.camera(codec === 'hevc' ? await publishFilm(rig, server, '/bed', moving) : await feed(), {
    ...size,
    fps: 5,
    decoder: decoderOf(world, by),
    timing: { readMs: patienceNow(8000), connectMs: patienceNow(30_000), lostMs: patience(30_000) }
  })
  const states: string[] = []
  camera.states.subscribe(({ state }) => states.at(-1) !== state && states.push(state))
  const seen = collect(camera)
  camera.start()
  await untilState(camera, 'ok', 30_000)
  return { line, camera, states, seen }
}

const streams: { codec: FeedCodec; by: By }[] = [
  { codec: 'h264', by: 'ffmpeg' },
  { codec: 'hevc', by: 'ffmpeg' },
  { codec: 'mjpeg', by: 'ffmpeg' },
  { codec: 'h264', by: 'gstreamer' },
  { codec: 'hevc', by: 'gstreamer' }
]

describe.concurrent.each(streams)('a camera that sends $codec, decoded by $by', ({ codec, by }) => {
  it('stays ok when single packets are lost, is damaged while 8 % of them are, and ok again after that', {
    timeout: patience(90_000)
  }, async ({ world, expect }) => {
    const { line, camera, states, seen } = await watched(world, codec, by)
    expect(camera.stats()).toMatchObject({ state: 'ok', damaged: 0 })
    for (let loss = 0; loss < 2; loss++) {
      const before = camera.stats().damaged
      line.loseOne()
      await explained(
        camera,
        until(() => camera.stats().damaged > before, 'a damaged picture')
      )
      // Up to the next key frame they are marked.
      await explained(
        camera,
        until(() => seen.at(-1)?.damaged === false, 'a whole picture')
      )
      // Longer than the 5 s by which `damaged` goes: each loss is judged alone.
      await forSeconds(6)
    }
    // On a machine that does not keep up the second to the next key frame may last for several.
    expect(states.includes('damaged')).toBe(isHalfDamaged(seen))
    await untilState(camera, 'ok')
    states.length = 0

    line.share = 0.08
    expect(await untilState(camera, 'damaged', 10_000)).toMatch(/missing on the way/)
    line.share = 0
    await untilState(camera, 'ok', 10_000)
    expect(states).toEqual(['damaged', 'ok'])
    expect(camera.stats().damaged).toBe(seen.filter(({ damaged }) => damaged).length)
    expect(camera.stats().restarts).toBe(0)
  })
})

describe.concurrent('a camera whose key frames are 12 s apart', () => {
  it('is watched again within 10 s of a single lost packet', { timeout: patience(90_000) }, async ({
    world,
    expect
  }) => {
    const { line, camera, states } = await watched(world, 'h264', 'ffmpeg', 12 * fps)
    line.loseOne()
    await untilState(camera, 'damaged')
    const back = new Deadline(10_000)
    await untilState(camera, 'ok')
    expect(back.isOver(), `ok after ${back}`).toBe(false)
    expect(states).toEqual(['connecting', 'ok', 'damaged', 'ok'])
  })
})

/** The share of the bytes that differ. */
function difference(a: Uint8Array, b: Uint8Array): number {
  let count = 0
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++
  return count / a.length
}

interface Comparison {
  codec: 'h264' | 'hevc'
  by: By
  /** Of the pictures that are taken of the stream's 25 each second. */
  taken: number
}

/**
 * Two cameras that send the same numbered pictures, one of them over a line that loses 2 % of the packets.
 * @returns what has come over that line, beside what was sent: of some seconds, and both whole and damaged pictures
 */
async function compare(world: World, { codec, by, taken }: Comparison) {
  const { rig } = world
  const line = new Line()
  const stream = { codec, ...size, colours: [], filter: 'format=yuv420p' } as const
  const watch = async (id: string, wanted: number, loses?: () => boolean) => {
    const url = await publishNumberedFilm(
      { rig, server: await rig.server({ loses }), path: '/bed' },
      `numbered-${codec}`,
      stream
    )
    const camera = rig.camera(url, { ...size, id, fps: wanted, decoder: decoderOf(world, by) })
    const seen = collect(camera)
    camera.start()
    await untilState(camera, 'ok')
    return seen
  }
  const [good, lossy] = await Promise.all([watch('good', fps), watch('lossy', taken, line.loses)])
  await forSeconds(1)
  line.share = 0.02
  const truth = new Map<number, Uint8Array>()
  const compared: { damaged: boolean; differs: boolean }[] = []
  const look = (): void => {
    // The simulated camera drops packets for a reader that a busy machine holds up.
    for (const { damaged, pixels } of good.splice(0)) if (!damaged) truth.set(numberOf(pixels, size, size), pixels)
    for (const one of lossy.splice(0)) {
      const same = truth.get(numberOf(one.pixels, size, size))
      if (same) compared.push({ damaged: one.damaged, differs: difference(one.pixels, same) > 0.001 })
      else lossy.push(one)
    }
  }
  const began = performance.now()
  const hasBoth = (): boolean =>
    [true, false].every((bad) => compared.some((one) => one.damaged === bad && one.differs === bad))
  await until(() => {
    look()
    return performance.now() - began > 6000 && hasBoth()
  }, 'pictures that came whole, and pictures that the line has damaged')
  return compared
}

const comparisons: Comparison[] = [
  { codec: 'h264', by: 'ffmpeg', taken: 25 },
  { codec: 'h264', by: 'ffmpeg', taken: 5 },
  { codec: 'hevc', by: 'ffmpeg', taken: 25 },
  { codec: 'hevc', by: 'ffmpeg', taken: 5 },
  { codec: 'h264', by: 'gstreamer', taken: 25 },
  { codec: 'hevc', by: 'gstreamer', taken: 25 }
]

describe.concurrent('of a lossy line', () => {
  it.for(comparisons)(
    'each picture that is not marked is the one that was sent: $codec, by $by, $taken a second',
    {
      timeout: patience(60_000)
    },
    async (comparison, { world, expect }) => {
      const pictures = await compare(world, comparison)
      const count = (damaged: boolean, differs: boolean): number =>
        pictures.filter((one) => one.damaged === damaged && one.differs === differs).length
      // GStreamer's pictures are told by their time, which a machine that does not keep up shifts.
      const keepsUp = Math.max(patience(100) / 100, measureSlowness()) < 2
      if (comparison.by === 'ffmpeg' || keepsUp) expect(count(false, true)).toBe(0)
    }
  )
})
