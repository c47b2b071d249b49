import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ModelError, ProviderError } from '../../../src/core/errors.js'
import { type Log, silentLog } from '../../../src/core/log.js'
import type { Frame, Zone } from '../../../src/core/types.js'
import { startDetector } from '../../../src/stages/detect/index.js'
import { facesOf, isOn, readPhoto } from '../../lib/face/photos.js'
import { faceModelFolder, faceModels as models } from '../../support/face-models.js'
import { killWorkers } from '../../support/kill-worker.js'
import { moment } from '../../support/moments.js'
import { until } from '../../support/slowness.js'

const crop = { width: 64, height: 64 }

async function start(
  options: { provider?: 'auto' | 'cpu' | 'cuda'; log?: Log; onTrouble?: (error: Error | null) => void } = {}
) {
  return startDetector({ models, crop, provider: 'cpu', threads: 1, log: silentLog, ...options })
}

async function frameOf(name: string, at: number, width?: number, camera = 'bed-1'): Promise<Frame> {
  const photo = await readPhoto(name, width)
  const data = new Uint8Array(new SharedArrayBuffer(photo.data.length))
  data.set(photo.data)
  const { width: wide, height: high } = photo
  const picture = { x: 0, y: 0, width: wide, height: high }
  return { camera, at: moment(at), width: wide, height: high, picture, damaged: false, data, release: () => undefined }
}

/** As much as four frames of 2560x1440. */
const ringBytes = 4 * 2560 * 1440 * 3

/** A black frame in memory of its camera that has room for larger ones. */
function inLargeMemory(camera: string, { width, height }: { width: number; height: number }): Frame {
  const memory = new SharedArrayBuffer(ringBytes)
  // So that it lies in RAM.
  new Uint8Array(memory).fill(1)
  const data = new Uint8Array(memory, 0, width * height * 3).fill(0)
  const picture = { x: 0, y: 0, width, height }
  return { camera, at: moment(0), width, height, picture, damaged: false, data, release: () => undefined }
}

const half = (left: number): Zone['polygon'] => [
  [left, 0],
  [left + 0.5, 0],
  [left + 0.5, 1],
  [left, 1]
]
const zones: Zone[] = [
  { name: 'left', polygon: half(0) },
  { name: 'right', polygon: half(0.5) }
]

const threads = (): number => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length

describe('the detect stage', () => {
  it('returns faces with tracks, zones and aligned crops, and the same tracks in the next frame', async () => {
    const detector = await start()
    try {
      expect(detector.provider).toBe('cpu')
      const frame = await frameOf('sample1.jpg', 1000)
      const first = await detector.detect(frame, zones)
      const places = facesOf('sample1.jpg')
      expect(first).toMatchObject({ camera: 'bed-1', at: 1000, lost: [] })
      expect(first.faces).toHaveLength(places.length)
      expect(frame.data.length).toBe(frame.width * frame.height * 3)
      const byPlace = places.map((place) => first.faces.find(({ box }) => isOn(box, place))!)
      expect(byPlace.map(({ zone }) => zone)).toEqual(['left', 'left', 'right'])
      for (const face of first.faces) {
        expect(face.crop).toMatchObject(crop)
        expect(face.crop.data).toHaveLength(64 * 64 * 3)
        expect(Math.max(...face.crop.data) - Math.min(...face.crop.data)).toBeGreaterThan(100)
        const eye = (first: number, axis: number): number =>
          [0, 1, 2, 3, 4, 5].reduce((sum, i) => sum + face.crop.landmarks[2 * (first + i) + axis]! / 6, 0)
        expect(eye(36, 0)).toBeCloseTo(64 * 0.31, 1)
        expect(eye(42, 0)).toBeCloseTo(64 * 0.69, 1)
        expect(eye(36, 1)).toBeCloseTo(64 * 0.36, 1)
      }
      const tracks = byPlace.map(({ track }) => track)
      expect(new Set(tracks).size).toBe(3)
      const second = await detector.detect({ ...frame, at: moment(1200) }, zones)
      expect(places.map((place) => second.faces.find(({ box }) => isOn(box, place))!.track)).toEqual(tracks)
      expect(detector.lastMs).toBeGreaterThan(0)
    } finally {
      await detector.stop()
    }
  })

  it('keeps tracks per camera, and ends them after some time, at another picture size, and on forget', async () => {
    const detector = await start()
    try {
      const tracksOf = async (frame: Frame) => {
        const { faces, lost } = await detector.detect(frame, [])
        return { tracks: faces.map(({ track }) => track).sort(), lost: lost.sort() }
      }
      const a = await tracksOf(await frameOf('sample3.jpg', 0, 640))
      const b = await tracksOf(await frameOf('sample3.jpg', 0, 640, 'bed-2'))
      expect(a.tracks).toHaveLength(3)
      expect(b.tracks.filter((track) => a.tracks.includes(track))).toEqual([])
      const smaller = await tracksOf(await frameOf('sample3.jpg', 200, 600))
      expect(smaller.lost).toEqual(a.tracks)
      expect(smaller.tracks.filter((track) => a.tracks.includes(track))).toEqual([])
      const black = await frameOf('sample3.jpg', 5000, 600)
      black.data.fill(0)
      expect(await tracksOf(black)).toEqual({ tracks: [], lost: smaller.tracks })
      detector.forget('bed-2')
      const again = await tracksOf(await frameOf('sample3.jpg', 200, 640, 'bed-2'))
      expect(again.lost).toEqual([])
      expect(again.tracks.filter((track) => b.tracks.includes(track))).toEqual([])
    } finally {
      await detector.stop()
    }
  })

  it('gives the memory of frames back once their camera is forgotten', async () => {
    const detector = await start()
    try {
      const size = { width: 320, height: 180 }
      const cameras = Array.from({ length: 10 }, (_, i) => `bed-${i}`)
      const before = process.memoryUsage.rss()
      for (const camera of cameras) await detector.detect(inLargeMemory(camera, size), [])
      expect(process.memoryUsage.rss() - before).toBeGreaterThan(8 * ringBytes)
      for (const camera of cameras) detector.forget(camera)
      await until(() => process.memoryUsage.rss() - before < 4 * ringBytes, 'the memory')
    } finally {
      await detector.stop()
    }
  })

  it('ends its thread on stop, and rejects open and later requests', async () => {
    const before = threads()
    const detector = await start()
    expect(threads()).toBeGreaterThan(before)
    const open = detector.detect(await frameOf('sample2.jpg', 0, 640), [])
    const outcome = open.catch((error: Error) => error.message)
    await detector.stop()
    expect(await outcome).toMatch(/closed/)
    expect(threads()).toBe(before)
    await expect(detector.detect(await frameOf('sample2.jpg', 0, 640), [])).rejects.toThrow(/closed/)
  })

  it('rejects a frame whose size does not match its data, and accepts the next one', async () => {
    const crashes: (Error | null)[] = []
    const detector = await start({ onTrouble: (error) => crashes.push(error) })
    const frame = await frameOf('sample3.jpg', 0, 640)
    // An invalid frame, whose height does not match its data.
    await expect(detector.detect({ ...frame, height: 10 * frame.height }, [])).rejects.toThrow()
    expect(crashes).toEqual([])
    expect((await detector.detect(frame, [])).faces).toHaveLength(3)
    await detector.stop()
    expect(crashes).toEqual([])
  })

  it('restarts a worker that died, reports the old tracks as lost, and gives new tracks new numbers', async () => {
    const troubles: (Error | null)[] = []
    const detector = await start({ onTrouble: (error) => troubles.push(error) })
    const before = await detector.detect(await frameOf('sample3.jpg', 0, 640), [])
    const tracks = before.faces.map(({ track }) => track)
    expect(tracks).toHaveLength(3)
    expect(await killWorkers('detect/worker.js')).toBe(1)
    await until(() => troubles.length === 2, 'the restart')
    expect(troubles[0]!.message).toMatch(/the face worker: ended with code 7/)
    expect(troubles[1]).toBeNull()
    const other = await detector.detect(await frameOf('sample3.jpg', 100, 640, 'bed-2'), [])
    expect(other.lost).toEqual([])
    const after = await detector.detect(await frameOf('sample3.jpg', 100, 640), [])
    expect([...after.lost].sort()).toEqual([...tracks].sort())
    const all = [...tracks, ...other.faces.map(({ track }) => track), ...after.faces.map(({ track }) => track)]
    expect(new Set(all).size).toBe(9)
    expect((await detector.detect(await frameOf('sample3.jpg', 200, 640), [])).lost).toEqual([])
    expect(detector.restarted).toBe(1)
    await detector.stop()
  })

  it('with provider auto falls back to the CPU and warns once; a named provider that is missing fails the start', async () => {
    const warnings: string[] = []
    const log: Log = { ...silentLog, warn: (_, message) => warnings.push(message) }
    const before = threads()
    const outcome = await start({ provider: 'cuda' }).catch((error: Error) => error)
    if (!(outcome instanceof Error)) return outcome.stop()
    expect(outcome).toBeInstanceOf(ProviderError)
    expect(threads()).toBe(before)
    const detector = await start({ provider: 'auto', log })
    expect(detector.provider).toBe('cpu')
    await detector.stop()
    expect(warnings).toHaveLength(1)
  })

  it('fails on missing models with how to install them', async () => {
    const missing = { ...models, finder: join(faceModelFolder, 'none.onnx') }
    const starting = startDetector({ models: missing, crop, provider: 'cpu', threads: 1, log: silentLog })
    const error = await starting.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ModelError)
    expect((error as Error).message).toMatch(/none\.onnx.*Install painlens again/s)
  })
})
