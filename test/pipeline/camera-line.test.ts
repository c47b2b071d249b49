import { Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { Frame, Sighting } from '../../src/core/types.js'
import { cameraLine, type Glance } from '../../src/pipeline/camera-line.js'

const turns = async (count = 5) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A line whose detector is at once and whose classifier answers when the test says so. */
function slowJudge() {
  const frames = new Subject<Frame>()
  const glances: Glance[] = []
  const waiting: (() => void)[] = []
  const counts = { detected: 0, dropped: 0, released: 0, failed: 0 }
  cameraLine(frames, {
    detect: async ({ camera, at }) => {
      counts.detected++
      return { camera, at, faces: [], lost: [at] }
    },
    classify: () => new Promise((resolve) => waiting.push(() => resolve([]))),
    onDrop: () => void counts.dropped++,
    onFailure: () => void counts.failed++,
    onSuccess: () => undefined
  }).subscribe((glance) => glances.push(glance))
  const push = (at: number) =>
    frames.next({
      camera: 'a',
      seq: at,
      at,
      width: 1,
      height: 1,
      data: new Uint8Array(new SharedArrayBuffer(3)),
      release: () => void counts.released++
    })
  return { push, glances, waiting, counts }
}

describe('cameraLine', () => {
  it('drops frames, and queues no sightings, when the classifier is slow', async () => {
    const { push, glances, waiting, counts } = slowJudge()
    for (let at = 0; at < 100; at++) {
      push(at)
      await turns()
    }
    // One is being judged, one was looked at meanwhile, one waits; all others are gone.
    expect(counts).toEqual({ detected: 2, dropped: 97, released: 99, failed: 0 })
    while (waiting.length > 0) {
      waiting.shift()!()
      await turns()
    }
    expect(glances.map(({ sighting }) => sighting.at)).toEqual([0, 1, 99])
    expect(counts.released).toBe(100)
  })

  it('once the classifier has shown to be much slower than the detector, takes the newest frame when it is free', async () => {
    const { push, glances, waiting, counts } = slowJudge()
    const judged = async (): Promise<void> => {
      waiting.shift()!()
      await turns()
    }
    push(0)
    await turns()
    push(1)
    // So long that the detector, which answers at once, is much faster however busy the machine is.
    await new Promise((resolve) => setTimeout(resolve, 300))
    await judged()
    for (const at of [2, 3, 4]) {
      push(at)
      await turns()
    }
    expect(counts.detected).toBe(2)
    await judged()
    expect(counts.detected).toBe(3)
    await judged()
    expect(glances.map(({ sighting }) => sighting.at)).toEqual([0, 1, 4])
  })

  it('loses no word of lost tracks that a detector gave', async () => {
    const { push, glances, waiting } = slowJudge()
    for (const at of [1, 2, 3]) push(at)
    await turns()
    while (waiting.length > 0) {
      waiting.shift()!()
      await turns()
    }
    const told = glances.flatMap(({ sighting }: { sighting: Sighting }) => sighting.lost)
    expect(told).toEqual(glances.map(({ sighting }) => sighting.at))
  })

  it('goes on after failures of either stage, and releases each frame', async () => {
    const frames = new Subject<Frame>()
    const seen: number[] = []
    const failures: unknown[] = []
    let released = 0
    cameraLine(frames, {
      detect: async ({ camera, at }) => {
        if (at === 1) throw new Error('detector')
        return { camera, at, faces: [], lost: [] }
      },
      classify: async ({ at }) => {
        if (at === 2) throw new Error('classifier')
        return []
      },
      onDrop: () => undefined,
      onFailure: (error) => failures.push((error as Error).message),
      onSuccess: () => undefined
    }).subscribe(({ sighting }) => seen.push(sighting.at))
    for (const at of [0, 1, 2, 3]) {
      frames.next({
        camera: 'a',
        seq: at,
        at,
        width: 1,
        height: 1,
        data: new Uint8Array(new SharedArrayBuffer(3)),
        release: () => void released++
      })
      await turns()
    }
    expect(seen).toEqual([0, 3])
    expect(failures).toEqual(['detector', 'classifier'])
    expect(released).toBe(4)
  })
})
