import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DiskError } from '../../src/core/errors.js'
import { packageRoot } from '../../src/core/version.js'
import type { Pixels } from '../../src/lib/face/align.js'
import { overlap } from '../../src/lib/face/boxes.js'
import type { FaceModels } from '../../src/lib/face/model-files.js'
import {
  anchorsOf,
  FaceNetworks,
  type FrameView,
  feedsOf,
  frameTensor,
  viewOfFrame
} from '../../src/lib/face/networks.js'
import { decodeModel, encodeModel } from '../../src/lib/onnx/index.js'
import { buildFaceModels } from '../../tools/face-models/build.js'
import { readWeights } from '../../tools/face-models/weights.js'
import { readPhoto } from '../lib/face/photos.js'
import { faceApi, openFaceApi } from './face-api.js'

let folder: string
let models: FaceModels
let networks: FaceNetworks
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-face-'))
  models = await buildFaceModels({ outDir: join(folder, 'a/b') })
  networks = await FaceNetworks.open(models, { provider: 'cpu', threads: 1 })
})
afterAll(async () => {
  await networks.close()
  await rm(folder, { recursive: true })
})

/** A square of a photograph, which no net has to scale; bright enough not to be brightened, which face-api does not do. */
function cut(photo: Pixels, x: number, y: number, side: number): Pixels & { data: Uint8Array<ArrayBuffer> } {
  const data = new Uint8Array(side * side * 3)
  for (let row = 0; row < side; row++) {
    const from = ((y + row) * photo.width + x) * 3
    data.set(photo.data.subarray(from, from + side * 3), row * side * 3)
  }
  return { width: side, height: side, data }
}

const whole = (side: number): FrameView => viewOfFrame({ width: side, height: side }, { width: side, height: side })

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

describe('the face models', () => {
  it('the face models compute what face-api computes from the same weights', async () => {
    const { tf, nets } = await openFaceApi()
    const photo = await readPhoto('sample6.jpg')

    const large = cut(photo, 1000, 200, 512)
    const tensor = tf.tensor3d(large.data, [512, 512, 3], 'int32')
    const theirs = await nets.ssdMobilenetv1.forward(tensor)
    const scores = theirs.scores[0]!.dataSync()
    const boxes = theirs.boxes[0]!.dataSync()
    const frame = frameTensor(large, large.data)
    const raw = await networks.detector.run({ frame, ...feedsOf(whole(512)) })
    expect(largestDifference(raw.scores!.data as Float32Array, scores)).toBeLessThan(1e-3)
    const ours = await networks.detect(frame, whole(512), 0.3)
    expect(ours.length).toBeGreaterThan(0)
    for (const { box, score } of ours) {
      const i = scores.findIndex((s) => Math.abs(s - score) < 1e-5)
      const [top, left, bottom, right] = Array.from(boxes.subarray(4 * i, 4 * i + 4), (share) => share * 512)
      expect(overlap(box, { x: left!, y: top!, width: right! - left!, height: bottom! - top! })).toBeGreaterThan(0.99)
    }

    const middle = cut(photo, 1050, 230, 416)
    const grid = await nets.tinyFaceDetector.forward(tf.tensor3d(middle.data, [416, 416, 3], 'int32'), 416)
    const found = await networks.finder.run({ frame: frameTensor(middle, middle.data), ...feedsOf(whole(416)) })
    expect(largestDifference(found.grid!.data as Float32Array, grid.dataSync())).toBeLessThan(1e-2)

    const small = cut(photo, 1220, 400, 112)
    const points = await nets.faceLandmark68Net.forward(tf.tensor3d(small.data, [112, 112, 3], 'int32'))
    const { points: marked } = await networks.landmarks(frameTensor(small, small.data), whole(112))
    const shares = marked.map((pixel) => pixel / 112)
    expect(largestDifference(shares, points.dataSync())).toBeLessThan(1e-4)
  })

  it('the detector has the default boxes of its weights', async () => {
    const weights = await readWeights(join(faceApi, 'model'), 'ssd_mobilenetv1_model')
    const shipped = weights.get('Output/extra_dim')!.data
    const centred = Float32Array.from(shipped, (_, i) => {
      const at = i - (i % 4)
      const [top, left, bottom, right] = Array.from(shipped.subarray(at, at + 4), (share) => share * 512)
      return [(top! + bottom!) / 2, (left! + right!) / 2, bottom! - top!, right! - left!][i % 4]!
    })
    expect(largestDifference(anchorsOf(512, 512), centred)).toBeLessThan(0.05)
  })

  it('correct face models are kept, and others are written again', async () => {
    const states: string[] = []
    const before = await stat(models.finder)
    await writeFile(models.landmarks, (await readFile(models.landmarks)).subarray(0, 1000))
    await buildFaceModels({ outDir: join(folder, 'a/b'), onProgress: ({ state }) => states.push(state) })
    expect(states).toEqual(['current', 'current', 'writing'])
    expect((await stat(models.finder)).mtimeMs).toBe(before.mtimeMs)
    expect((await stat(models.landmarks)).size).toBeGreaterThan(100_000)
    expect((await readdir(join(folder, 'a/b'))).sort()).toEqual(['detector.onnx', 'finder.onnx', 'landmarks.onnx'])
  })

  it('a face model of an older version is written again by the build, and reported where it is opened', async () => {
    const old = join(folder, 'old')
    const files = await buildFaceModels({ outDir: old })
    const model = decodeModel(await readFile(files.landmarks))
    const outputs = model.graph.outputs.filter(({ name }) => name === 'landmarks')
    await writeFile(files.landmarks, encodeModel({ ...model, graph: { ...model.graph, outputs } }))
    const opening = FaceNetworks.open(files, { provider: 'cpu', threads: 1 })
    await expect(opening).rejects.toThrow(/landmarks\.onnx.*another version.*no output feature and texture/s)
    const script = join(packageRoot, 'tools/dist/face-models/main.js')
    const { stdout } = spawnSync(process.execPath, [script, old], { encoding: 'utf8' })
    expect(stdout.match(/landmarks\.onnx: written|(detector|finder)\.onnx: there already/g)).toHaveLength(3)
    const again = await FaceNetworks.open(files, { provider: 'cpu', threads: 1 })
    await again.close()
  })

  it('a missing face model is made anew by every build', async () => {
    const script = join(packageRoot, 'tools/dist/face-models/main.js')
    const whole = await readFile(models.finder)
    await rm(models.finder)
    const { stdout } = spawnSync(process.execPath, [script, join(folder, 'a/b')], { encoding: 'utf8' })
    expect(stdout.match(/finder\.onnx: written|(detector|landmarks)\.onnx: there already/g)).toHaveLength(3)
    expect(Buffer.compare(await readFile(models.finder), whole)).toBe(0)
    expect(await readFile(join(packageRoot, 'scripts/setup.mjs'), 'utf8')).not.toMatch(/\w\.onnx/)
  })

  it('a problem with the folder or the weights is reported', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    await expect(buildFaceModels({ outDir: join(file, 'models') })).rejects.toThrow(/ENOTDIR.*file/)
    await expect(buildFaceModels({ outDir: folder, weightsDir: folder })).rejects.toThrow(/cannot be read.*npm ci/)
    const weights = join(folder, 'weights')
    await buildFaceModels({ outDir: weights })
    const manifest = await readFile(join(faceApi, 'model/tiny_face_detector_model-weights_manifest.json'))
    await writeFile(join(weights, 'tiny_face_detector_model-weights_manifest.json'), manifest)
    await writeFile(join(weights, 'tiny_face_detector_model.bin'), new Uint8Array(1000))
    await expect(buildFaceModels({ outDir: folder, weightsDir: weights })).rejects.toThrow(/holds no .* values for/)
  })

  it.skipIf(process.getuid?.() === 0)('a folder without write permission is reported', async () => {
    const closed = join(folder, 'closed')
    await buildFaceModels({ outDir: closed })
    await rm(join(closed, 'finder.onnx'))
    await chmod(closed, 0o500)
    await expect(buildFaceModels({ outDir: closed })).rejects.toThrow(DiskError)
    await chmod(closed, 0o700)
  })

  it('missing face models are reported with their source: the installation, or a build in a checkout', async () => {
    const missing = { ...models, landmarks: join(folder, 'none.onnx') }
    const opening = FaceNetworks.open(missing, { provider: 'cpu', threads: 1 })
    await expect(opening).rejects.toThrow(/none\.onnx.*Install painlens again.*npm run build/s)
  })
})
