import { BehaviorSubject, Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { CameraConfig } from '../../../src/config/index.js'
import type { Frame } from '../../../src/core/types.js'
import { watchCamera } from '../../../src/daemon/line/watched-camera.js'
import type { Camera } from '../../../src/stages/camera/index.js'
import { clockOf, moment } from '../../support/moments.js'

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
