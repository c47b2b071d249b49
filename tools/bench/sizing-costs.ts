/** What painlens's work costs on this machine, one piece at a time on one core: the figures that sizing counts with. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Crop, Frame } from '#painlens/core/types.js'
import { alignFace } from '#painlens/lib/face/align.js'
import { FaceNetworks } from '#painlens/lib/face/networks.js'
import { type FoundFace, searchFaces } from '#painlens/lib/face/search.js'
import type { FacePlace } from '#painlens/lib/face/similarity.js'
import { allSweeps, type Sweep, sweeps } from '#painlens/lib/face/sweeps.js'
import { createExplainer } from '#painlens/lib/lrp/index.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { batchDims, preprocess } from '#painlens/lib/model/preprocess.js'
import { openSession } from '#painlens/lib/ort/provider.js'
import { median } from '#painlens/lib/statistics/index.js'
import { faceModels } from './models.js'
import { daemonTime } from './sizing-daemon.js'

const provider = { provider: 'cpu', threads: 1 } as const
const composite = 'lrp.sequential_preset_a_flat'
const rounds = { small: 30, large: 5 }
const seconds = 10

/** @returns the figures as they stand in docs/operate/sizing.yaml, in ms of one core */
export async function measuredCosts(
  frames: readonly Frame[],
  models: { small: Manifest; large: Manifest }
): Promise<string> {
  const decode = await decodeCosts(frames)
  const { look, crop } = await lookCosts(frames, models)
  const small = await modelCosts(models.small, crop(models.small), rounds.small)
  const large = await modelCosts(models.large, crop(models.large), rounds.large)
  const whole = { cameras: 4, fps: 5 }
  const { daemon } = await daemonTime(whole.cameras, whole.fps)
  const known = (whole.fps - 1) * look.known + look.everywhere + whole.fps * (look.copy + small.classify)
  const costs = {
    decode_picture_ms: decode.picture,
    hand_over_frame_ms: decode.handOver + look.copy,
    rest_of_frame_ms: (daemon * 1000) / (whole.cameras * whole.fps) - known / whole.fps,
    look_everywhere_ms: look.everywhere,
    look_at_known_ms: look.known,
    classify_ms: { small: small.classify, vgg_face: large.classify },
    explain_view_ms: { small: small.explain, vgg_face: large.explain }
  }
  return `\`\`\`yaml\n${stringify(rounded(costs))}\`\`\``
}

interface DecodeCosts {
  /** Of each picture that the camera sends. */
  picture: number
  /** For each picture that becomes a frame: scaling, colours, the pipe. */
  handOver: number
}

/** The processor time of each call, whatever else the machine does; after one call that does not count. */
async function coreMs(count: number, call: () => Promise<unknown>): Promise<number[]> {
  await call()
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const before = process.cpuUsage()
    await call()
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1000)
  }
  return times
}

/** FFmpeg's own account of its time, with all of a stream's pictures handed on and with one a second. */
async function decodeCosts(frames: readonly Frame[]): Promise<DecodeCosts> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  try {
    const clip = join(folder, 'clip.mkv')
    const fps = 15
    encode(frames, fps, clip)
    const all = fps * seconds
    const [every, few] = [decodeMs(clip, '1'), decodeMs(clip, `not(mod(n,${fps}))`)]
    const handOver = (every - few) / (all - seconds)
    return { picture: (few - handOver * seconds) / all, handOver }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** 720p as a camera sends it: H.264 of some 2 Mbit/s. */
function encode(frames: readonly Frame[], fps: number, clip: string): void {
  const { width, height } = frames[0]!
  const count = fps * seconds
  const pictures = Array.from({ length: count }, (_, i) => frames[i % frames.length]!.data)
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-video_size', `${width}x${height}`, '-framerate', String(fps)]
  const h264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-b:v', '2M', '-g', String(fps), '-pix_fmt', 'yuv420p']
  run(['-loglevel', 'error', ...raw, '-i', 'pipe:0', ...h264, clip], Buffer.concat(pictures))
}

/** As src/stages/camera decodes; the time of both of the process's kinds, in ms. */
function decodeMs(clip: string, select: string): number {
  const filter = `select='${select}',scale=1280:720:flags=bilinear,format=rgb24`
  const output = ['-fps_mode', 'passthrough', '-c:v', 'rawvideo', '-f', 'rawvideo', 'pipe:1']
  const said = run(['-benchmark', '-threads', '1', '-i', clip, '-filter_threads', '1', '-vf', filter, ...output])
  const [, user, system] = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(said) ?? []
  return (Number(user) + Number(system)) * 1000
}

function run(args: readonly string[], input?: Buffer): string {
  const done = spawnSync('ffmpeg', ['-hide_banner', '-nostats', '-y', ...args], { input, maxBuffer: 2 ** 31 })
  if (done.status !== 0) throw new Error(`ffmpeg failed: ${done.stderr}`)
  return done.stderr.toString()
}

/** Of the three face models, the copy out of shared memory and the alignment, as the detector's worker has them. */
async function lookCosts(frames: readonly Frame[], { small }: { small: Manifest }) {
  const networks = await FaceNetworks.open(faceModels, provider)
  const [frame] = frames as readonly [Frame]
  const pixels = new Uint8Array(frame.data.length)
  const size = { width: frame.width, height: frame.height }
  const look = async (around: FacePlace[], sweeps: readonly Sweep[], model: Manifest): Promise<FoundFace[]> => {
    const found = await searchFaces(networks, { ...size, data: pixels }, { minScore: 0.5, around, sweeps })
    for (const { landmarks } of found) alignFace({ ...size, data: pixels }, landmarks, model.input, model.alignment)
    return found
  }
  try {
    pixels.set(frame.data)
    const [face] = await look([], allSweeps, small)
    if (!face) throw new Error('no face found in the rendered frame')
    const everywhere = median(await coreMs(rounds.small, () => look([], [sweeps.upright, sweeps.lying], small)))
    const known = median(await coreMs(rounds.small, () => look([face.place], [], small)))
    const copy = median(await coreMs(rounds.small, async () => pixels.set(frame.data)))
    const crop = (model: Manifest): Crop =>
      alignFace({ ...size, data: pixels }, face.landmarks, model.input, model.alignment)
    return { look: { everywhere, known, copy }, crop }
  } finally {
    await networks.close()
  }
}

/** The classifier with its preprocessing, and one explanation of one view of a face. */
async function modelCosts(manifest: Manifest, crop: Crop, calls: number) {
  const session = await openSession(manifest.file, provider)
  const name = session.inputNames[0]!
  const dims = batchDims(manifest.input, 1)
  const { Tensor } = await import('onnxruntime-node')
  const classify = median(
    await coreMs(calls, () => session.run({ [name]: new Tensor('float32', preprocess(crop, manifest.input), dims) }))
  )
  await session.release()
  const explainer = await createExplainer({ model: manifest.file, composite, engine: 'onnx', threads: 1 })
  const sample = { data: preprocess(crop, manifest.input), dims }
  const explain = median(await coreMs(calls, () => explainer.explain(sample, { target: manifest.alarmIndex })))
  await explainer.close()
  return { classify, explain }
}

function rounded(value: object): object {
  const entries = Object.entries(value as Record<string, number | object>).map(([key, one]) => [
    key,
    typeof one === 'number' ? Number(one.toPrecision(3)) : rounded(one)
  ])
  return Object.fromEntries(entries) as object
}
