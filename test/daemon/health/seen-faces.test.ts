import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { configSchema } from '../../../src/config/schema.js'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import type { CameraState, UnusableReason } from '../../../src/core/types.js'
import { Metrics } from '../../../src/daemon/health/metrics.js'
import { SeenFaces } from '../../../src/daemon/health/seen-faces.js'
import { seenFacesOptions } from '../../../src/daemon/wiring/mapping.js'
import { clockOf, moment } from '../../support/moments.js'
import { reporterInto } from '../../support/reporter.js'

const t0 = Date.UTC(2026, 0, 1)

type Faces = readonly { whyNot: UnusableReason | null }[]
const nothing: Faces = []
const covered: Faces = [{ whyNot: 'covered' }]
const usable: Faces = [{ whyNot: null }]

const config = (alarm: object) =>
  configSchema.parse({
    device: 'box',
    mqtt: { url: 'mqtt://localhost' },
    cameras: [{ id: 'bed', url: 'rtsp://localhost/a' }],
    alarm
  })

/** The real reporter and alarm stage behind it, in the order in which the daemon tells them. */
function setUp(alarm: object = {}) {
  let now = t0
  const clock = clockOf(() => now)
  const said: AlarmMessage[] = []
  const reporter = reporterInto(said, clock)
  const seen = new SeenFaces({ ...seenFacesOptions(config(alarm)), tell: (...told) => reporter.faces(...told) })
  const state = (next: CameraState, camera = 'bed') => {
    reporter.cameraState(camera, next, moment(now))
    seen.cameraState(camera, next)
  }
  /** One frame a second with these faces. */
  const show = (seconds: number, faces: Faces, camera = 'bed') => {
    for (let second = 0; second < seconds; second++) {
      now += 1000
      seen.judged({ camera, at: moment(now), faces, dropped: 0 })
      reporter.tick()
    }
  }
  const pass = (seconds: number) => {
    now += seconds * 1000
  }
  const told = () =>
    said
      .filter(({ phase }) => phase !== 'update')
      .map(({ condition, phase, reason }) => `${condition} ${reason ?? phase}`)
  const of = (camera = 'bed') => seen.of(camera, moment(now))
  state('ok')
  return { said, seen, state, show, pass, told, of, now: () => now }
}

describe('faces of which none is usable', () => {
  test('are reported after ten minutes, with the time of the first, and one that is usable for two seconds ends it', () => {
    const { said, show, told } = setUp()
    show(30, usable)
    show(600, covered)
    expect(told()).toEqual([])
    show(5, covered)
    expect(told()).toEqual(['face_unusable start'])
    expect(said[0]).toMatchObject({ camera: 'bed', onset: '2026-01-01T00:00:31.000Z', duration_s: 600 })
    show(2, usable)
    expect(told()).toEqual(['face_unusable start'])
    show(1, usable)
    expect(told()).toEqual(['face_unusable start', 'face_unusable cleared'])
  })

  test('are no longer reported when no face has been there for a minute', () => {
    const { show, told } = setUp()
    show(700, covered)
    show(59, nothing)
    expect(told()).toEqual(['face_unusable start'])
    show(1, nothing)
    expect(told()).toEqual(['face_unusable start', 'face_unusable cleared'])
    show(599, covered)
    expect(told()).toHaveLength(2)
  })

  test('are reported although they are found in some frames only', () => {
    const { show, told } = setUp()
    for (let round = 0; round < 21; round++) {
      show(1, covered)
      show(29, nothing)
    }
    expect(told()).toEqual(['face_unusable start'])
  })

  test('are reported although the cover is misread now and then, so that a few frames read as usable', () => {
    const { show, told } = setUp()
    for (let round = 0; round < 25; round++) {
      show(23, covered)
      show(2, usable)
    }
    expect(told()).toEqual(['face_unusable start'])
    // Of a camera with a picture in 10 s, a single one.
    const seldom = setUp()
    const picture = (faces: Faces) => {
      seldom.pass(9)
      seldom.show(1, faces)
    }
    for (let n = 0; n < 62; n++) picture(n % 5 === 2 ? usable : covered)
    picture(usable)
    expect(seldom.told()).toEqual(['face_unusable start'])
    picture(usable)
    expect(seldom.told()).toEqual(['face_unusable start', 'face_unusable cleared'])
  })

  test('are not reported where faces in between are usable for seconds, though none is found for a while among them', () => {
    const { show, told } = setUp()
    for (let round = 0; round < 30; round++) {
      show(50, covered)
      show(2, usable)
      show(20, nothing)
      show(1, usable)
    }
    expect(told()).toEqual([])
  })

  test('are not reported while another one is usable; each camera has its own count', () => {
    const { show, told, said, state } = setUp({ face_unusable_min: 1 })
    show(200, [...covered, ...usable])
    expect(told()).toEqual([])
    state('ok', 'window')
    show(100, covered, 'window')
    expect(said[0]).toMatchObject({ condition: 'face_unusable', camera: 'window' })
  })
})

describe('a camera without any face', () => {
  test('is reported only where the config sets a time', () => {
    const { show, told } = setUp()
    show(50_000, nothing)
    expect(told()).toEqual([])
    const other = setUp({ nobody_seen_min: 60 })
    other.show(3600, nothing)
    expect(other.told()).toEqual([])
    other.show(2, nothing)
    expect(other.told()).toEqual(['nobody_seen start'])
    other.show(1, covered)
    expect(other.told()).toEqual(['nobody_seen start', 'nobody_seen cleared'])
  })
})

describe('a camera that is not watched', () => {
  test.each(['paused', 'lost', 'frozen', 'dark', 'connecting'] as const)('raises nothing while it is %s', (state) => {
    const world = setUp({ face_unusable_min: 1, nobody_seen_min: 1 })
    world.show(59, covered)
    world.state(state)
    // Frames that were under way, or those of a dark room.
    world.show(120, covered)
    world.show(120, nothing)
    expect(world.told().filter((one) => /face|nobody/.test(one))).toEqual([])
  })

  test('begins anew after a pause for care', () => {
    const { show, state, pass, told } = setUp()
    show(700, covered)
    state('paused')
    pass(900)
    state('ok')
    expect(told()).toEqual(['face_unusable start', 'face_unusable camera_paused'])
    show(599, covered)
    expect(told()).toHaveLength(2)
    show(2, covered)
    expect(told().at(-1)).toBe('face_unusable start')
  })

  test('that is lost again and again still tells that no face is usable in between', () => {
    const { show, state, pass, told } = setUp()
    const about = () => told().filter((one) => one.startsWith('face_unusable'))
    for (let round = 0; round < 7; round++) {
      show(100, covered)
      expect(about()).toEqual(round < 6 ? [] : ['face_unusable start'])
      state('lost')
      pass(30)
      state('ok')
    }
    expect(about()).toEqual(['face_unusable start', 'face_unusable camera_lost'])
    show(2, covered)
    expect(about()).toHaveLength(3)
  })

  test('counts no more than 15 s of a time without judged frames', () => {
    const { show, pass, told, of } = setUp({ face_unusable_min: 1 })
    show(1, usable)
    show(11, covered)
    pass(3600)
    show(1, covered)
    expect(told()).toEqual([])
    // One watched second with the usable face is not known: the first frame has no time before it.
    expect(of().usableShare).toBe(0)
  })

  test('that was taken out of the config is forgotten', () => {
    const { seen, show, of } = setUp()
    show(10, usable)
    seen.forget('bed')
    expect(of()).toEqual({ faceAt: null, usableAt: null, usableShare: null, judgedEveryMs: null })
  })
})

describe('the last usable face and its share', () => {
  test('are of the watched time of the last hour', () => {
    const { show, state, pass, of, now } = setUp()
    expect(of()).toEqual({ faceAt: null, usableAt: null, usableShare: null, judgedEveryMs: null })
    show(301, usable)
    expect(of()).toEqual({ faceAt: now(), usableAt: now(), usableShare: 1, judgedEveryMs: 1000 })
    const usableAt = now()
    show(300, covered)
    const faceAt = now()
    state('paused')
    pass(600)
    state('ok')
    show(301, nothing)
    expect(of().usableAt).toBe(usableAt)
    expect(of().usableShare).toBeCloseTo(1 / 3, 5)
    pass(7200)
    expect(of()).toEqual({ faceAt, usableAt, usableShare: null, judgedEveryMs: null })
  })

  test('are metrics by camera, and absent where nothing is known', async () => {
    const metrics = new Metrics()
    metrics.read({
      cameras: () => [],
      faces: () => [
        ['bed', { usableAgeMs: 1500, usableShare: 0.25, judgedEveryMs: 400 }],
        ['window', { usableAgeMs: null, usableShare: null, judgedEveryMs: null }]
      ],
      outbox: () => ({ depth: 0, inMemory: 0, works: true, trouble: null, expired: 0, evicted: 0, refused: 0 }),
      mqtt: () => ({ connected: false, connections: 0 }),
      workers: () => ({}),
      loopP99Ms: () => 0,
      publishP95Ms: () => null,
      live: () => true,
      ready: () => true
    })
    const { text } = await metrics.text()
    expect(text.split('\n').filter((line) => line.startsWith('painlens_camera_'))).toEqual([
      'painlens_camera_usable_face_age_seconds{camera="bed"} 1.5',
      'painlens_camera_usable_share{camera="bed"} 0.25',
      'painlens_camera_judged_every_seconds{camera="bed"} 0.4'
    ])
  })
})

/** The conditions that go by what the frames show. */
const told = ['face_unusable', 'nobody_seen'] as const

/** Said again from the whole history, by what the conditions mean. */
function oracle(history: readonly { at: number; faces: Faces }[], afterMs: Record<(typeof told)[number], number>) {
  const ms = history.map(({ at }, i) => (i === 0 ? 0 : Math.min(at - history[i - 1]!.at, 15_000)))
  const between = (from: number, to: number) => ms.slice(from + 1, to + 1).reduce((sum, one) => sum + one, 0)
  const last = history.length - 1
  const indices = history.map((_, i) => i)
  const unusable = indices.filter(
    (i) => history[i]!.faces.length > 0 && history[i]!.faces.every(({ whyNot }) => whyNot !== null)
  )
  const isUsable = (i: number) => history[i]!.faces.some(({ whyNot }) => whyNot === null)
  /** Usable faces between two frames of the run, or after it, last for less than two seconds, from the first of them on. */
  const clean = (run: readonly number[]) =>
    run.every((start, n) => {
      const [first, ...more] = indices.filter((i) => i > start && i < (run[n + 1] ?? history.length) && isUsable(i))
      return first === undefined || more.reduce((sum, i) => sum + ms[i]!, 0) < 2000
    })
  /** No minute without any face lies between two frames of the run, or after it; a frame stands for the time before it. */
  const together = (run: readonly number[]) => {
    const gaps = run.map((to, n) => (n === 0 ? 0 : between(run[n - 1]!, to) - ms[to]!))
    return [...gaps, between(run.at(-1)!, last)].every((gap) => gap < 60_000)
  }
  return {
    face_unusable: unusable.some((from) => {
      const run = unusable.filter((i) => i >= from)
      return clean(run) && together(run) && between(from, run.at(-1)!) >= afterMs.face_unusable
    }),
    nobody_seen: indices.some(
      (from) =>
        history.slice(from).every(({ faces }) => faces.length === 0) && between(from, last) >= afterMs.nobody_seen
    )
  }
}

test('whatever is seen, both conditions are told exactly while they hold', () => {
  const afterMs = { face_unusable: 100_000, nobody_seen: 80_000 }
  const stretch = fc.record({
    faces: fc.constantFrom(nothing, covered, usable, [...covered, ...covered], [...usable, ...covered]),
    frames: fc.integer({ min: 1, max: 12 }),
    everyMs: fc.constantFrom(200, 1000, 5000, 12_000, 40_000)
  })
  const raised = { face_unusable: 0, nobody_seen: 0 }
  fc.assert(
    fc.property(fc.array(stretch, { minLength: 3, maxLength: 12, size: 'max' }), (stretches) => {
      const active = { face_unusable: false, nobody_seen: false }
      const seen = new SeenFaces({
        afterMs: { ...afterMs, overloaded: Number.POSITIVE_INFINITY },
        paceMs: 1000,
        tell: (condition, _, since) => {
          if (condition === 'overloaded') throw new Error('nothing was dropped')
          expect(active[condition]).toBe(since === null)
          active[condition] = since !== null
          if (since !== null) raised[condition]++
        }
      })
      seen.cameraState('bed', 'ok')
      const history: { at: number; faces: Faces }[] = []
      let at = t0
      for (const { faces, frames, everyMs } of stretches) {
        for (let frame = 0; frame < frames; frame++) {
          at += everyMs
          history.push({ at, faces })
          seen.judged({ camera: 'bed', at: moment(at), faces, dropped: 0 })
          expect(active).toEqual(oracle(history, afterMs))
        }
      }
    }),
    { numRuns: 300 }
  )
  for (const condition of told) expect(raised[condition]).toBeGreaterThan(20)
})
