import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import type { AlarmMessage, ExplanationMessage, ObservationMessage } from '../../src/contract/messages.js'
import { silentLog } from '../../src/core/log.js'
import type { Point, Polygon } from '../../src/core/types.js'
import { pointsInCrop } from '../../src/lib/face/align.js'
import { createIdentity, createScene, type Rendered } from '../../src/show/render/index.js'
import { type Feed, startFeed } from '../../src/show/simulate/feed.js'
import { type RtspServer, startRtspServer } from '../../src/show/simulate/rtsp-server.js'
import { noisy } from '../../tools/bench/sleeping-room.js'
import { holdToContract } from '../support/contract.js'
import { startPainlensProcess } from '../support/daemon.js'
import { shown } from '../support/film.js'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { patience, until } from '../support/slowness.js'
import { writeTinyModel } from '../support/tiny-model.js'

const size = { width: 640, height: 360 }
const half = size.width / 2
/** Wide enough that a crop of one of two faces side by side shows the other one, too. */
const alignment = { eyeDistance: 0.12, eyeY: 0.4 }
const side = 64
/** The left one of the faces, with its hair and pillow. */
const mask: Polygon = [
  [0.27, 0.2],
  [0.49, 0.2],
  [0.49, 0.75],
  [0.27, 0.75]
]

let folder: string
let manifest: string
let broker: Mosquitto
let server: RtspServer
let feed: Feed
let faces: { left: Rendered; right: Rendered }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-masks-'))
  const changes = { alignment: { eye_distance: alignment.eyeDistance, eye_y: alignment.eyeY } }
  // All its scores are a third, so that every face raises an alarm.
  manifest = await writeTinyModel(folder, { side, slope: 0.001, changes })
  broker = await startMosquitto()
  server = await startRtspServer({ log: silentLog })
  faces = { left: await resident(24, half - 80), right: await resident(7, 80) }
  const picture = beside(faces.left.data, faces.right.data)
  const frames = shown(noisy(picture, size.width, 2.5), 5)
  feed = await startFeed({ server, path: '/room', codec: 'h264', ...size, fps: 5, frames, log: silentLog })
})
afterAll(async () => {
  await feed.stop()
  await server.stop()
  await broker.remove()
  await rm(folder, { recursive: true, force: true })
})

/** One half of the picture, with the middle of its face at `x`. */
async function resident(seed: number, x: number): Promise<Rendered> {
  const scene = await createScene({
    ...{ identity: createIdentity(seed), width: half, height: size.height },
    ...{ centre: { x, y: size.height * 0.44 }, faceSize: size.height * 0.25 }
  })
  return await scene.render({ units: {}, blur: 0.5 })
}

function beside(left: Uint8Array, right: Uint8Array): Uint8Array {
  const row = half * 3
  const both = new Uint8Array(left.length * 2)
  for (let y = 0; y < size.height; y++) {
    both.set(left.subarray(y * row, (y + 1) * row), 2 * y * row)
    both.set(right.subarray(y * row, (y + 1) * row), (2 * y + 1) * row)
  }
  return both
}

/** The share of a box, in 0..1 of the frame, that lies under the mask. */
function hidden([x, y, width, height]: readonly number[]): number {
  const [[left, top], , [right, bottom]] = mask as [Pair, Pair, Pair, Pair]
  const across = Math.min(x! + width!, right) - Math.max(x!, left)
  const down = Math.min(y! + height!, bottom) - Math.max(y!, top)
  return (Math.max(0, across) * Math.max(0, down)) / (width! * height!)
}
type Pair = readonly [number, number]

/** Which pixels of the right face's crop the mask covers wholly: a few at its edge may be either. */
function maskedPixels(): number[] {
  const landmarks = faces.right.landmarks.map((value, i) => (i % 2 === 0 ? value + half : value))
  const corners = mask.map(([x, y]): Point => ({ x: x * size.width, y: y * size.height }))
  const placed = pointsInCrop(corners, landmarks, { width: side, height: side }, alignment)
  const [xs, ys] = [placed.map(({ x }) => x), placed.map(({ y }) => y)]
  const edge = 4
  const inside = (value: number, all: number[]) => value > Math.min(...all) + edge && value < Math.max(...all) - edge
  return Array.from({ length: side * side }, (_, i) => i).filter(
    (i) => inside((i % side) + 0.5, xs) && inside(Math.floor(i / side) + 0.5, ys)
  )
}

/** The number of these pixels that a heatmap colours. */
async function coloured(heatmap: Uint8Array, pixels: readonly number[]): Promise<number> {
  const { data, info } = await sharp(heatmap).raw().toBuffer({ resolveWithObject: true })
  expect(info).toMatchObject({ width: side, height: side, channels: 4 })
  return pixels.filter((i) => data[4 * i + 3] !== 0).length
}

/** The brightest value that an overlay, which is several times as large, has in these pixels' middles. */
async function brightest(overlay: Uint8Array, pixels: readonly number[]): Promise<number> {
  const { data, info } = await sharp(overlay).raw().toBuffer({ resolveWithObject: true })
  const scale = info.width / side
  const middle = (place: number): number => Math.floor((place + 0.5) * scale)
  const places = pixels.map((i) => (middle(Math.floor(i / side)) * info.width + middle(i % side)) * info.channels)
  return Math.max(...places.flatMap((at) => [...data.subarray(at, at + 3)]))
}

/** A daemon that watches the room twice, with the mask and without, and its output. */
async function watch() {
  const heatmaps = join(folder, 'heatmaps')
  const file = join(folder, 'painlens.yaml')
  const camera = { url: feed.url, ...size }
  const cameras = [
    { id: 'masked', ...camera, masks: [mask] },
    { id: 'open', ...camera }
  ]
  const config = { device: 'masks', mqtt: { url: broker.url }, cameras, model: { manifest } }
  const privacy = { publish_heatmap: true, save_heatmaps_to: heatmaps }
  const alarm = { onset_threshold: 0.2, onset_s: 1, clear_threshold: 0.1 }
  const explanation = { composite: 'lrp.z', threshold: 0.2 }
  const more = { alarm, explanation, privacy, outbox: { path: 'outbox' }, http: { enabled: false } }
  await writeFile(file, stringify({ ...config, ...more }))
  const observed: Record<string, ObservationMessage[]> = { masked: [], open: [] }
  const alarms: AlarmMessage[] = []
  const explanations: ExplanationMessage[] = []
  const nurse = await connectAsync(broker.url)
  onTestFinished(() => nurse.endAsync(true))
  holdToContract(nurse)
  nurse.on('message', (topic, bytes) => {
    const [, , kind, id, what] = topic.split('/')
    const message = JSON.parse(bytes.toString()) as object
    if (what === 'observation') observed[id!]!.push(message as ObservationMessage)
    if (kind === 'alarm') alarms.push(message as AlarmMessage)
    if (kind === 'explanation') explanations.push(message as ExplanationMessage)
  })
  await nurse.subscribeAsync('painlens/masks/#', { qos: 1 })
  const daemon = startPainlensProcess(['run', '--config', file])
  /** The published heatmaps of the camera's alarms. */
  const published = (id: string): Uint8Array[] =>
    explanations
      .filter(({ alarm_id }) => alarms.some((alarm) => alarm.alarm_id === alarm_id && alarm.camera === id))
      .map(({ heatmap }) => Buffer.from(heatmap!, 'base64'))
  /** The saved pictures of the camera's right face, which a busy machine may lose and find again as another track. */
  const saved = async (id: string, kind: string): Promise<Uint8Array[]> => {
    const tracks = new Set(observed[id]!.flatMap(({ track, box }) => (hidden(box) === 0 ? [track] : [])))
    const ends = [...tracks].map((track) => `-${id}-track-${track}-${kind}.png`)
    const names = (await readdir(heatmaps)).filter((name) => ends.some((end) => name.endsWith(end)))
    return await Promise.all(names.map((name) => readFile(join(heatmaps, name))))
  }
  return { daemon, observed, published, saved }
}

describe('a mask over a face', () => {
  it('prevents its detection, and no heatmap of the face beside it shows a masked pixel', {
    timeout: patience(120_000)
  }, async () => {
    const { daemon, observed, published, saved } = await watch()
    const [masked, open] = [observed.masked!, observed.open!]
    const left = () => open.find(({ box }) => hidden(box) > 0.5)
    const right = (all: ObservationMessage[]) => all.find(({ box }) => hidden(box) === 0)
    const ready = () => masked.length >= 8 && left() && right(open) && published('masked')[0] && published('open')[1]
    await until(ready, 'both cameras to be explained', 60_000).catch((error: Error) => {
      throw new Error(`${error.message}\n${daemon.output()}`)
    })
    // A stop completes the explanation that is being saved.
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)

    expect(masked.filter(({ box }) => hidden(box) > 0)).toEqual([])
    expect(new Set(masked.map(({ at }) => at)).size, 'one face in each picture').toBe(masked.length)
    const pixels = maskedPixels()
    expect(pixels.length).toBeGreaterThan(300)
    const own = await saved('masked', 'heatmap')
    const beside = await saved('open', 'heatmap')
    for (const heatmap of [...published('masked'), ...own]) expect(await coloured(heatmap, pixels)).toBe(0)
    const overlays = await saved('masked', 'overlay')
    expect(overlays.length).toBeGreaterThan(0)
    for (const overlay of overlays) expect(await brightest(overlay, pixels)).toBe(0)
    // All of it is coloured where there is no mask: the test can fail.
    expect(beside.length).toBeGreaterThan(0)
    for (const heatmap of beside) expect(await coloured(heatmap, pixels)).toBeGreaterThan(pixels.length * 0.9)
    const rest = Array.from({ length: side * side }, (_, i) => i).filter((i) => !pixels.includes(i))
    for (const heatmap of own) expect(await coloured(heatmap, rest)).toBeGreaterThan(rest.length * 0.4)
  })
})
