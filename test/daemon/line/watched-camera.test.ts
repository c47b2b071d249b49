import { BehaviorSubject, Subject } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CameraConfig } from '../../../src/config/index.js'
import type { Frame } from '../../../src/core/types.js'
import { type WatchedStages, watchCamera } from '../../../src/daemon/line/watched-camera.js'
import type { CameraStatus } from '../../../src/stages/camera/camera.js'
import type { Camera } from '../../../src/stages/camera/index.js'
import { clockOf, moment } from '../../support/moments.js'

/** A camera without anything behind it, and what it has been told to show. */
function watchedBed(silentAfterS: number, stages: Partial<WatchedStages> = {}) {
  const frames = new Subject<Frame>()
  const states = new BehaviorSubject<CameraStatus>({ state: 'ok', since: moment(0) })
  const stats = () => ({ ...states.value, dropped: 0 })
  const camera = { id: 'bed', frames, states, stats, start: () => undefined, stop: async () => undefined }
  const watched = watchCamera({
    config: { id: 'bed', silent_after_s: silentAfterS } as CameraConfig,
    camera: camera as unknown as Camera,
    clock: clockOf(() => 0),
    stages: {
      detect: async ({ at, picture }) => ({ camera: 'bed', picture, at, faces: [], lost: [] }),
      classify: () => ({ verdicts: Promise.resolve([]), isWaiting: () => false, replace: () => undefined }),
      onFailure: () => undefined,
      onSuccess: () => undefined,
      onFrame: () => undefined,
      ...stages
    },
    onJudged: () => undefined,
    onState: () => undefined,
    pause: null,
    onPause: () => undefined
  })
  const show = (): void => {
    const picture = { x: 0, y: 0, width: 1, height: 1 }
    const data = new Uint8Array(new SharedArrayBuffer(3))
    frames.next({
      ...{ camera: 'bed', width: 1, height: 1, picture, at: moment(0), damaged: false, data },
      release: () => undefined
    })
  }
  return { watched, show, state: (status: Partial<CameraStatus>) => states.next({ ...states.value, ...status }) }
}

describe('a frame that is asked for', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  const never = new AbortController().signal

  it('is waited for as long as the config lets the camera be silent', async () => {
    const { watched, show } = watchedBed(60)
    const asked = watched.view(never)
    await vi.advanceTimersByTimeAsync(59_000)
    show()
    expect(await asked).toMatchObject({ faces: [] })
    await watched.stop()
  })

  it('is refused when the camera is lost meanwhile, and in any case some seconds later', async () => {
    const { watched, state } = watchedBed(60)
    const failed = watched.view(never).catch((error: Error) => error)
    await vi.advanceTimersByTimeAsync(30_000)
    state({ state: 'lost', reason: 'it hangs' })
    expect(await failed).toMatchObject({ code: 'PL-SNAPSHOT-NO-PICTURE', what: 'gives no picture (lost: it hangs)' })
    state({ state: 'ok', reason: undefined })
    const late = watched.view(never).catch((error: Error) => error)
    await vi.advanceTimersByTimeAsync(66_000)
    expect(await late).toMatchObject({ what: 'no frame has been looked at for 65 s' })
    await watched.stop()
  })
})

describe('a frame whose search fails', () => {
  const failing = async (before: (bed: ReturnType<typeof watchedBed>) => unknown) => {
    const failures: unknown[] = []
    let fail: (error: Error) => void = () => undefined
    const detect = () => new Promise<never>((_, reject) => (fail = reject))
    const bed = watchedBed(10, { detect, onFailure: (error) => failures.push(error) })
    bed.show()
    await before(bed)
    fail(new Error('out of memory'))
    await new Promise((done) => setImmediate(done))
    await bed.watched.stop()
    return failures.length
  }

  it('counts as trouble, but not when the camera was removed, lost or paused meanwhile, since no success would end that trouble', async () => {
    expect(await failing(() => undefined)).toBe(1)
    expect(await failing(({ watched }) => watched.stop())).toBe(0)
    expect(await failing(({ state }) => state({ state: 'lost' }))).toBe(0)
    expect(await failing(({ state }) => state({ state: 'frozen' }))).toBe(0)
    expect(await failing(({ watched }) => watched.pause(moment(1000)))).toBe(0)
  })
})

describe('a watched camera', () => {
  it('has its damaged frames released unseen, and the whole ones between them judged', async () => {
    const frames = new Subject<Frame>()
    const states = new BehaviorSubject({ state: 'damaged' as const, since: moment(0) })
    const camera = { id: 'bed', frames, states, start: () => undefined, stop: async () => undefined }
    const detected: number[] = []
    const released: number[] = []
    const watched = watchCamera({
      config: { id: 'bed' } as CameraConfig,
      camera: camera as unknown as Camera,
      clock: clockOf(() => 0),
      stages: {
        detect: async ({ at, picture }) => {
          detected.push(at)
          return { camera: 'bed', picture, at, faces: [], lost: [] }
        },
        classify: () => ({ verdicts: Promise.resolve([]), isWaiting: () => false, replace: () => undefined }),
        onFailure: () => undefined,
        onSuccess: () => undefined,
        onFrame: () => undefined
      },
      onJudged: () => undefined,
      onState: () => undefined,
      pause: null,
      onPause: () => undefined
    })
    for (const [at, damaged] of [true, false, true, true, false].entries()) {
      const release = () => void released.push(at)
      const picture = { x: 0, y: 0, width: 1, height: 1 }
      const data = new Uint8Array(new SharedArrayBuffer(3))
      frames.next({ camera: 'bed', width: 1, height: 1, picture, at: moment(at), damaged, data, release })
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(detected).toEqual([1, 4])
    expect(released).toEqual([0, 1, 2, 3, 4])
    await watched.stop()
  })
})
