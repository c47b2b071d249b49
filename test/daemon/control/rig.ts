import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BehaviorSubject, Subject } from 'rxjs'
import { onTestFinished } from 'vitest'
import { parseConfig } from '../../../src/config/index.js'
import { systemClock } from '../../../src/core/clock.js'
import { createLog } from '../../../src/core/log.js'
import { Secrets } from '../../../src/core/secrets.js'
import type { Face, Frame, Size } from '../../../src/core/types.js'
import { type Control, type ControlOptions, startControl } from '../../../src/daemon/control/server.js'
import { type Pause, type WatchedCamera, watchCamera } from '../../../src/daemon/line/watched-camera.js'
import type { CameraStatus } from '../../../src/stages/camera/camera.js'

/** A folder of a test, which other users may pass through: what lies in it protects itself. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-control-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const smallSize: Size = { width: 8, height: 6 }

/** A watched camera whose frames and states a test gives. */
export interface TestCamera {
  watched: WatchedCamera
  /** Gives a frame of that grey. @returns whether it was released */
  frame(grey: number): { released: boolean }
  state(status: Partial<CameraStatus>): void
  /** Ends the detection that is under way. */
  detected(): void
}

export interface TestCameraOptions {
  id?: string
  faces?: Face[]
  /** Detection ends when `detected` is called. */
  slow?: boolean
  pause?: Pause
  password?: string
  size?: Size
  silentAfterS?: number
}

export async function testCamera(options: TestCameraOptions = {}): Promise<TestCamera> {
  const { id = 'bed', faces = [], slow = false, pause = null, password = 'pw-of-camera', size = smallSize } = options
  const { silentAfterS = 10 } = options
  const text = `device: d
mqtt: { url: "mqtt://h" }
cameras: [{ id: "${id}", url: "rtsp://u:${password}@h/", location: { room: "312" }, silent_after_s: ${silentAfterS},
  zones: [{ name: window, polygon: [[0, 0], [1, 0], [1, 1]] }], masks: [[[0, 0], [0.5, 0], [0, 0.5]]] }]`
  const { config } = await parseConfig(text, '/etc/painlens.yaml', { env: {} })
  const frames = new Subject<Frame>()
  const now = systemClock.now()
  const states = new BehaviorSubject<CameraStatus>({ state: 'ok', since: now })
  const ends: (() => void)[] = []
  const none = { fps: 5, frames: 1, dropped: 0, damaged: 0, shape: null, lastFrameAt: now, restarts: 0, quietMs: 0 }
  const decoding = { decoder: 'ffmpeg', decoderProblem: null, decoderProblemCode: null }
  const watched = watchCamera({
    config: config.cameras[0]!,
    camera: {
      id,
      frames,
      states,
      stats: () => ({ ...states.value, ...none, ...decoding }),
      start: () => undefined,
      stop: async () => undefined
    },
    clock: systemClock,
    stages: {
      onFrame: () => undefined,
      detect: async ({ camera, at, picture }) => {
        if (slow) await new Promise<void>((end) => ends.push(end))
        return { camera, at, picture, faces, lost: [] }
      },
      classify: () => ({ verdicts: Promise.resolve([]), isWaiting: () => false, replace: () => undefined }),
      onFailure: () => undefined,
      onSuccess: () => undefined
    },
    onJudged: () => undefined,
    onState: () => undefined,
    pause,
    onPause: () => undefined
  })
  onTestFinished(() => watched.stop())
  return {
    watched,
    frame: (grey) => {
      const told = { released: false }
      const data = new Uint8Array(new SharedArrayBuffer(size.width * size.height * 3)).fill(grey)
      const release = (): void => {
        told.released = true
        // The camera stage writes the next frame over it.
        data.fill(255)
      }
      frames.next({
        camera: id,
        ...size,
        damaged: false,
        picture: { x: 1, y: 0, width: 6, height: 6 },
        at: now,
        data,
        release
      })
      return told
    },
    state: (status) => states.next({ ...states.value, ...status }),
    detected: () => ends.shift()?.()
  }
}

/** A control socket with its log. */
export async function testControl(
  path: string,
  cameras: readonly WatchedCamera[] = [],
  options: Partial<ControlOptions> = {}
): Promise<{ control: Control; lines: Record<string, unknown>[] }> {
  const lines: Record<string, unknown>[] = []
  const secrets = new Secrets()
  secrets.add('pw-of-camera')
  const control = await startControl({
    configFile: '/etc/painlens/painlens.yaml',
    path,
    device: 'd',
    outbox: { content: async function* () {} },
    reference: async () => undefined,
    cameras: new Map(cameras.map((camera) => [camera.config.id, camera])),
    secrets,
    clock: systemClock,
    log: createLog('info', secrets, (line) => void lines.push(JSON.parse(line))),
    ...options
  })
  onTestFinished(() => control.stop())
  return { control, lines }
}

export const never: AbortSignal = new AbortController().signal
