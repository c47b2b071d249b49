import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Box } from '../../../src/core/types.js'
import { Tracker } from '../../../src/lib/face/tracker.js'

const at = (x: number, y = 100, width = 100): Box => ({ x, y, width, height: width * 1.2 })

const anyBox = fc
  .record({
    x: fc.integer({ min: 0, max: 600 }),
    y: fc.integer({ min: 0, max: 400 }),
    width: fc.integer({ min: 20, max: 200 })
  })
  .map(({ x, y, width }) => at(x, y, width))
const anyFrames = fc.array(
  fc.record({ boxes: fc.array(anyBox, { maxLength: 5 }), wait: fc.integer({ min: 0, max: 1500 }) }),
  { maxLength: 25 }
)

describe('the tracker', () => {
  it('track ids are unique within a frame and over time, and each track ends once and only when due', () => {
    fc.assert(
      fc.property(anyFrames, (frames) => {
        const tracker = new Tracker({ patienceMs: 2000 })
        const lastSeen = new Map<number, number>()
        const gone = new Set<number>()
        let now = 1_000_000
        for (const { boxes, wait } of frames) {
          now += wait
          const { ids, lost } = tracker.update(boxes, now)
          expect(ids).toHaveLength(boxes.length)
          expect(new Set(ids).size).toBe(ids.length)
          for (const id of ids) {
            expect(gone.has(id)).toBe(false)
            lastSeen.set(id, now)
          }
          for (const id of lost) {
            expect(ids).not.toContain(id)
            expect(gone.has(id)).toBe(false)
            expect(now - lastSeen.get(id)!).toBeGreaterThan(2000)
            gone.add(id)
          }
          const alive = tracker.tracks.map(({ id }) => id)
          expect(new Set(alive)).toEqual(new Set([...lastSeen.keys()].filter((id) => !gone.has(id))))
          for (const id of alive) expect(now - lastSeen.get(id)!).toBeLessThanOrEqual(2000)
        }
      }),
      { seed: 3 }
    )
  })

  it('two faces that move less than their distance keep their ids in any order of detections', () => {
    const steps = fc.array(
      fc.record({ a: fc.integer({ min: -40, max: 40 }), b: fc.integer({ min: -40, max: 40 }), swap: fc.boolean() })
    )
    fc.assert(
      fc.property(steps, (moves) => {
        const tracker = new Tracker()
        let [a, b] = [200, 800]
        const [idA, idB] = tracker.update([at(a), at(b)], 0).ids
        moves.forEach(({ a: da, b: db, swap }, i) => {
          a = Math.min(300, Math.max(0, a + da))
          b = Math.min(900, Math.max(600, b + db))
          const boxes = swap ? [at(b), at(a)] : [at(a), at(b)]
          expect(tracker.update(boxes, 200 * (i + 1)).ids).toEqual(swap ? [idB, idA] : [idA, idB])
        })
      }),
      { seed: 4 }
    )
  })

  it('a face missed for less than the patience keeps its id, and one missed longer ends its track', () => {
    const tracker = new Tracker({ patienceMs: 2000 })
    const [id] = tracker.update([at(100)], 0).ids
    expect(tracker.update([], 1000)).toEqual({ ids: [], lost: [] })
    expect(tracker.update([at(120)], 1900).ids).toEqual([id])
    expect(tracker.update([], 3900)).toEqual({ ids: [], lost: [] })
    expect(tracker.update([], 3901)).toEqual({ ids: [], lost: [id] })
    expect(tracker.update([at(120)], 4000).ids).not.toEqual([id])
  })

  it('a face far away or of a very different size gets a new id', () => {
    const tracker = new Tracker()
    const [id] = tracker.update([at(100)], 0).ids
    expect(tracker.update([at(400)], 200).ids).not.toEqual([id])
    expect(tracker.update([{ x: 120, y: 120, width: 40, height: 48 }], 400).ids).not.toEqual([id])
  })

  it('of two faces the nearer one keeps the id', () => {
    const tracker = new Tracker()
    const [id] = tracker.update([at(100)], 0).ids
    expect(tracker.update([at(150), at(110)], 200).ids[1]).toBe(id)
  })
})
