import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Box } from '../../../src/core/types.js'
import type { Candidate } from '../../../src/lib/face/boxes.js'
import { Tracker } from '../../../src/lib/face/tracker.js'

const boxAt = (x: number, y = 100, width = 100): Box => ({ x, y, width, height: width * 1.2 })
const at = (x: number, y = 100, width = 100, score = 0.9): Candidate => ({ box: boxAt(x, y, width), score })

const minScore = 0.5
const anyFace = fc
  .record({
    x: fc.integer({ min: 0, max: 600 }),
    y: fc.integer({ min: 0, max: 400 }),
    width: fc.integer({ min: 20, max: 200 }),
    score: fc.constantFrom(0.3, 0.5, 0.9)
  })
  .map(({ x, y, width, score }) => at(x, y, width, score))
const anyFrames = fc.array(
  fc.record({ faces: fc.array(anyFace, { maxLength: 5 }), wait: fc.integer({ min: -500, max: 1500 }) }),
  { maxLength: 25 }
)

describe('the tracker', () => {
  it('gives each face of a frame a track of its own, and ends each track once and only when due', () => {
    fc.assert(
      fc.property(anyFrames, (frames) => {
        const tracker = new Tracker({ patienceMs: 2000, minScore })
        const lastSeen = new Map<number, number>()
        const gone = new Set<number>()
        let now = 1_000_000
        for (const { faces, wait } of frames) {
          now += wait
          const { ids, lost } = tracker.update(faces, now)
          const tracked = ids.filter((id) => id !== null)
          expect(ids).toHaveLength(faces.length)
          expect(new Set(tracked).size).toBe(tracked.length)
          for (const id of tracked) {
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
      { seed: 3, numRuns: 300 }
    )
  })

  it('never gives a number to a second face after its first one is gone, and never leaves a sure face without one', () => {
    fc.assert(
      fc.property(anyFrames, (frames) => {
        const tracker = new Tracker({ minScore })
        let [now, highest] = [0, 0]
        for (const { faces, wait } of frames) {
          now += wait
          const known = new Set(tracker.tracks.map(({ id }) => id))
          const { ids } = tracker.update(faces, now)
          for (const [i, id] of ids.entries()) {
            if (faces[i]!.score >= minScore) expect(id).not.toBeNull()
            if (id === null || known.has(id)) continue
            expect(faces[i]!.score).toBeGreaterThanOrEqual(minScore)
            expect(id).toBeGreaterThan(highest)
          }
          highest = Math.max(highest, ...ids.map((id) => id ?? 0))
        }
      })
    )
  })

  it('gives the same ids for the same faces, whenever it is asked', () => {
    const idsOf = (frames: readonly { faces: readonly Candidate[]; wait: number }[]) => {
      const tracker = new Tracker({ minScore })
      let now = 0
      return frames.map(({ faces, wait }) => {
        now += wait
        return tracker.update(faces, now)
      })
    }
    fc.assert(fc.property(anyFrames, (frames) => void expect(idsOf(frames)).toEqual(idsOf(frames))))
  })

  it('has no more tracks than there were faces within its patience, however many came before', () => {
    const tracker = new Tracker({ patienceMs: 2000, minScore })
    for (let frame = 0; frame < 2000; frame++) {
      // Each face is far from all those before.
      const faces = [0, 1, 2].map((i) => at((frame % 100) * 300, 1000 * i + (frame % 7) * 3000))
      tracker.update(faces, frame * 200)
      expect(tracker.tracks.length).toBeLessThanOrEqual(3 * 12)
    }
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
    expect(tracker.update([at(120, 120, 40)], 400).ids).not.toEqual([id])
  })

  it('of two faces the nearer one keeps the id', () => {
    const tracker = new Tracker()
    const [id] = tracker.update([at(100)], 0).ids
    expect(tracker.update([at(150), at(110)], 200).ids[1]).toBe(id)
  })

  it('a face that walks past a still one keeps its id, at any speed, and the still one that it hides keeps its own', () => {
    const walks = fc.record({
      // Slower, it hides the other one for longer than a track lives.
      speed: fc.integer({ min: 100, max: 400 }),
      // Of the still one's size and at its very place, it might be either.
      size: fc.constantFrom(85, 115, 130),
      phase: fc.integer({ min: 0, max: 79 })
    })
    fc.assert(
      fc.property(walks, ({ speed, size, phase }) => {
        const tracker = new Tracker()
        const [still] = tracker.update([at(600)], 0).ids
        let [walker, time] = [null as number | null, 200]
        for (let x = phase - 100; x < 1300; x += speed / 5, time += 200) {
          const isHidden = Math.abs(x - 600) < 80
          const { ids } = tracker.update(isHidden ? [at(x, 100, size)] : [at(x, 100, size), at(600)], time)
          walker ??= ids[0] ?? null
          expect(ids).toEqual(isHidden ? [walker] : [walker, still])
        }
      }),
      { seed: 5, numRuns: 200 }
    )
  })

  it('a face of a low score keeps a track, but begins none', () => {
    const tracker = new Tracker({ minScore: 0.5 })
    expect(tracker.update([at(100, 100, 100, 0.3)], 0).ids).toEqual([null])
    const [id] = tracker.update([at(100)], 200).ids
    expect(tracker.update([at(110, 100, 100, 0.3)], 400).ids).toEqual([id])
    // A good score has the first choice.
    expect(tracker.update([at(112, 100, 100, 0.3), at(116)], 600).ids).toEqual([null, id])
    // Unseen in the frame before, it takes a good score to be seen again.
    tracker.update([], 800)
    expect(tracker.update([at(110, 100, 100, 0.3)], 1000).ids).toEqual([null])
    expect(tracker.update([at(110)], 1200).ids).toEqual([id])
  })
})
