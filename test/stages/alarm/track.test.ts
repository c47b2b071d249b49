import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Box } from '../../../src/core/types.js'
import { setAsideIfAnother } from '../../../src/stages/alarm/another.js'
import { type AlarmRecord, TokenBucket } from '../../../src/stages/alarm/record.js'
import { EndedAlarms, follow, newTrack, predecessor, type TrackState, waitS } from '../../../src/stages/alarm/track.js'
import { moment } from '../../support/moments.js'

const rules = {
  onsetThreshold: 0.7,
  onsetS: 2,
  onsetFrames: 3,
  clearThreshold: 0.45,
  clearS: 3,
  alwaysAlarm: 0.95,
  smoothingS: 2,
  updateS: 10,
  updateMinS: 1,
  updatesPerS: 20,
  trackLostS: 5,
  faceUnusableS: 600,
  remindS: null
}
const t0 = 1_000_000
const box: Box = { x: 100, y: 100, width: 80, height: 100 }

describe('a smoothed score', () => {
  const smoothed = (steps: readonly (readonly [ms: number, score: number | null])[], smoothingS = 2) => {
    const track = newTrack('a', moment(t0))
    let at = t0
    for (const [ms, score] of steps) {
      at += ms
      follow(track, { ...rules, smoothingS }, moment(at), score, box)
    }
    return track.smoothed
  }

  it('has followed a step by 63.2 % after one time constant, in one frame or in many', () => {
    const once = 1 - Math.exp(-1)
    expect(smoothed([[0, 0], [1000, 1]], 1)).toBeCloseTo(once, 10) // biome-ignore format: pairs
    const many = Array.from({ length: 40 }, () => [50, 1] as const)
    expect(smoothed([[0, 0], ...many])).toBeCloseTo(once, 10)
  })

  it('is the score itself without smoothing, the first one included', () => {
    expect(smoothed([[0, 0.2], [0, 0.9]], 0)).toBeCloseTo(0.9, 10) // biome-ignore format: pairs
    expect(smoothed([[0, 0.4]], 0)).toBe(0.4)
  })

  it('begins at 0: the first score, too, counts by the time in which it was seen', () => {
    expect(smoothed([[0, 0.9]])).toBe(0)
    expect(smoothed([[0, 0.9], [200, 0.9]])).toBeCloseTo(0.9 * (1 - Math.exp(-0.1)), 10) // biome-ignore format: pairs
  })

  it('follows a score after a long absence as one after a second: nothing is known of the time between', () => {
    const afterAbsence = (ms: number) => smoothed([[0, 0], [ms, 1]], 1) // biome-ignore format: pairs
    expect(afterAbsence(60_000)).toBe(afterAbsence(1000))
    expect(afterAbsence(1000)).toBeGreaterThan(afterAbsence(999))
  })

  it('stays as it is at a time that stands still or runs backwards, and where the face cannot be judged', () => {
    const before = [[0, 0], [1000, 0.8]] as const // biome-ignore format: pairs
    const rest = [[0, 1], [-700, 1], [400, Number.NaN], [400, null]] as const // biome-ignore format: pairs
    expect(smoothed([...before, ...rest])).toBe(smoothed(before))
  })

  it('at exactly a threshold counts as above the onset, and as below the clearing', () => {
    const at = (score: number) => {
      const track = newTrack('a', moment(t0))
      follow(track, { ...rules, smoothingS: 0 }, moment(t0), score, box)
      return [track.above?.since ?? null, track.below?.since ?? null]
    }
    expect(at(0.7)).toEqual([t0, null])
    expect(at(0.699)).toEqual([null, null])
    expect(at(0.45)).toEqual([null, t0])
    expect(at(0.451)).toEqual([null, null])
  })
})

describe('the face that a new track goes on from', () => {
  const track = (changes: Partial<TrackState>): TrackState => ({ ...newTrack('a', moment(t0)), box, ...changes })
  /** @param old last seen at t0 unless told otherwise @param young a new track, first seen at t0 + 2000 */
  const found = (old: Partial<TrackState>, young: Partial<TrackState> = {}, afterMs = 0) => {
    const next = track({ firstSeen: moment(t0 + 2000), lastSeen: moment(t0 + 2000), ...young })
    return predecessor([['old', track(old)]], next, moment(next.firstSeen + afterMs), rules)?.[0] === 'old'
  }

  it('is of the same camera, and has a place', () => {
    expect(found({})).toBe(true)
    expect(found({ camera: 'b' })).toBe(false)
    expect(found({ box: null })).toBe(false)
    expect(found({}, { box: null })).toBe(false)
  })

  it('was gone before the new one came: two at the same time are two people', () => {
    expect(found({ lastSeen: moment(t0 + 2000) })).toBe(false)
    expect(found({ lastSeen: moment(t0 + 2000), lost: true })).toBe(false)
    expect(found({ lastSeen: moment(t0 + 1999), lost: true })).toBe(true)
  })

  it('has been unseen for a second, or the tracker has given it up', () => {
    expect(found({ lastSeen: moment(t0 + 1500) }, {}, 499)).toBe(false)
    expect(found({ lastSeen: moment(t0 + 1500) }, {}, 500)).toBe(true)
    expect(found({ lastSeen: moment(t0 + 1500), lost: true })).toBe(true)
  })

  it('was seen less than its wait before the new one came, which is as young itself', () => {
    // Seen for as long as anything is remembered: waited for little longer than track_lost_s.
    const known = { presence: { seenS: 1e9, spanS: 1e9 } }
    expect(found(known, { firstSeen: moment(t0 + 4999) })).toBe(true)
    expect(found(known, { firstSeen: moment(t0 + 5001) })).toBe(false)
    expect(found(known, {}, 5000)).toBe(true)
    expect(found(known, {}, 5001)).toBe(false)
    // Not seen before: four times as long.
    expect(found({}, { firstSeen: moment(t0 + 19_999) })).toBe(true)
    expect(found({}, { firstSeen: moment(t0 + 20_000) })).toBe(false)
  })

  it('is at most one face away, by its centre', () => {
    expect(found({}, { box: { ...box, x: 200 } })).toBe(true)
    expect(found({}, { box: { ...box, x: 201 } })).toBe(false)
    expect(found({}, { box: { ...box, y: 200 } })).toBe(true)
    expect(found({}, { box: { ...box, y: 201 } })).toBe(false)
    expect(found({}, { box: { ...box, x: 160, y: 180 } })).toBe(true)
    expect(found({}, { box: { ...box, x: 161, y: 180 } })).toBe(false)
    // Twice as large around the same centre.
    expect(found({}, { box: { x: 60, y: 50, width: 160, height: 200 } })).toBe(true)
    expect(found({}, { box: { x: 160, y: 150, width: 160, height: 200 } })).toBe(true)
    expect(found({}, { box: { x: 320, y: 350, width: 160, height: 200 } })).toBe(false)
  })

  it('is less than two and a half times as large or as small', () => {
    const around = (factor: number): Box => ({
      x: 140 - 40 * factor,
      y: 150 - 50 * factor,
      width: 80 * factor,
      height: 100 * factor
    })
    expect(found({}, { box: around(2.5) })).toBe(true)
    expect(found({}, { box: around(2.6) })).toBe(false)
    // A profile is as tall as the face and narrower.
    expect(found({}, { box: { x: 130, y: 100, width: 20, height: 100 } })).toBe(true)
  })

  it('is the one that was seen last, of several', () => {
    const olds = [t0, t0 + 300, t0 + 100].map(
      (lastSeen, i) => [`old${i}`, track({ lastSeen: moment(lastSeen) })] as [string, TrackState]
    )
    const young = track({ firstSeen: moment(t0 + 2000) })
    expect(predecessor(olds, young, moment(t0 + 2000), rules)?.[0]).toBe('old1')
  })
})

describe('a token bucket', () => {
  const taken = (perS: number, times: readonly number[]) => {
    const bucket = new TokenBucket(perS)
    return times.map((ms) => bucket.take(moment(t0 + ms)))
  }

  test('gives a second of tokens at once, and then as many as come', () => {
    expect(taken(2, [0, 0, 0, 499, 500, 500, 1000])).toEqual([true, true, false, false, true, false, true])
  })

  test('keeps no more than a second of them, however long it waits', () => {
    expect(taken(2, [0, 0, 60_000, 60_000, 60_000])).toEqual([true, true, true, true, false])
  })

  test('gives one at least, where it fills slowly', () => {
    expect(taken(0.5, [0, 0, 1999, 2000, 2000])).toEqual([true, false, false, true, false])
  })

  test('gets nothing of a time that runs backwards, nor of its coming back', () => {
    expect(taken(1, [1000, 0, 1000, 1999, 2000])).toEqual([true, false, false, false, true])
  })

  test('never gives more than a second at once and what came since', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 5, noNaN: true }), fc.array(fc.nat(1500)), (perS, gaps) => {
        let at = 0
        const times = gaps.map((gap) => {
          at += gap
          return at
        })
        const count = taken(perS, times).filter(Boolean).length
        expect(count).toBeLessThanOrEqual(Math.max(1, perS) + (perS * (at - (times[0] ?? 0))) / 1000 + 1e-6)
      })
    )
  })
})

describe('how long a face may be out of sight', () => {
  const waitAfter = (visits: readonly (readonly [seenS: number, awayS: number])[]) => {
    const track = newTrack('a', moment(t0))
    let at = t0
    for (const [seenS, awayS] of visits) {
      for (let ms = 0; ms < seenS * 1000; ms += 200) {
        at += 200
        follow(track, rules, moment(at), 0.9, box)
      }
      at += awayS * 1000
    }
    return waitS(track, rules)
  }

  const repeated = (seenS: number, awayS: number) => Array.from({ length: 30 }, () => [seenS, awayS] as const)

  it('is track_lost_s for one that was seen all the time, and longer the more rarely it was', () => {
    const always = waitAfter([[600, 0]])
    const half = waitAfter(repeated(3, 3))
    // A minute counts, and 2 s in sight of 8 s before: 5 s · 68.1 / 62.1.
    expect(always).toBeCloseTo(5.483, 2)
    expect(half).toBeGreaterThan(always + 2)
    expect(waitAfter(repeated(3, 6))).toBeGreaterThan(half + 2)
  })

  it('is longer for a face of which little has been seen yet', () => {
    expect(waitAfter([[2, 0]])).toBeGreaterThan(waitAfter([[20, 0]]))
    expect(waitAfter([])).toBe(20)
  })

  it('is between once and four times track_lost_s, whatever was seen', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 90 }))), (visits) => {
        expect(waitAfter(visits)).toBeGreaterThanOrEqual(5)
        expect(waitAfter(visits)).toBeLessThanOrEqual(20)
      })
    )
  })
})

describe('a face in pain that was out of sight, and shows none under the same number', () => {
  const width = 80
  /** Whether it is waited for apart, since it may be another person's, so long after it was seen last. */
  const isSetAside = (ms: number, { everyMs = 200, score = 0.1, seen = box } = {}) => {
    const alarm = { alarmId: 'a' } as AlarmRecord
    const track = { ...newTrack('a', moment(t0)), box, alarm, intervalMs: everyMs }
    const tracks = new Map([['1@a', track]])
    setAsideIfAnother(tracks, '1@a', rules, { at: moment(t0 + ms), score, box: seen })
    return !tracks.has('1@a')
  }
  /** As wide as that, around the same centre. */
  const grown = (to: number): Box => ({ ...box, x: box.x - (to - width) / 2, width: to })

  it('may be another one after more than half a second, and one and a half times the usual time between two frames', () => {
    expect([500, 501].map((ms) => isSetAside(ms))).toEqual([false, true])
    expect([600, 601].map((ms) => isSetAside(ms, { everyMs: 400 }))).toEqual([false, true])
  })

  it('may be another one sooner where it is a quarter of its width away, or a fifth larger', () => {
    const slow = { everyMs: 1000 }
    expect([20, 21].map((x) => isSetAside(600, { ...slow, seen: { ...box, x: box.x + x } }))).toEqual([false, true])
    expect([96, 97].map((to) => isSetAside(600, { ...slow, seen: grown(to) }))).toEqual([false, true])
  })

  it('is the same one at or above the clear threshold', () => {
    expect([0.449, 0.45].map((score) => isSetAside(501, { score }))).toEqual([true, false])
  })
})

describe('an alarm at the place of one that has ended', () => {
  const followed = (ms: number, patience = 1) => {
    const ended = new EndedAlarms()
    const track = { ...newTrack('a', moment(t0)), box, patience }
    ended.add(track, 'before', moment(t0))
    ended.forget(moment(t0 + ms))
    return ended.at(track, moment(t0 + ms)) ?? null
  }

  it('names it, and waits twice as long before it ends, within a minute', () => {
    expect(followed(59_999)).toEqual({ alarmId: 'before', patience: 2 })
    expect(followed(60_000)).toBeNull()
  })

  it('waits four times as long at most, however many there were', () => {
    expect([2, 4].map((patience) => followed(1000, patience)?.patience)).toEqual([4, 4])
  })
})
