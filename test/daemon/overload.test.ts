import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.js'
import type { AlarmMessage } from '../../src/contract/messages.js'
import { systemClock } from '../../src/core/clock.js'
import { silentLog } from '../../src/core/log.js'
import { Secrets } from '../../src/core/secrets.js'
import type { Frame } from '../../src/core/types.js'
import { SeenFaces } from '../../src/daemon/health/seen-faces.js'
import { Inference } from '../../src/daemon/line/inference.js'
import { Cameras } from '../../src/daemon/wiring/cameras.js'
import { seenFacesOptions } from '../../src/daemon/wiring/mapping.js'
import { type Feed, startFeed } from '../../src/show/simulate/feed.js'
import { startRtspServer } from '../../src/show/simulate/rtsp-server.js'
import { probeDecoders } from '../../src/stages/camera/index.js'
import { reporterInto } from '../support/reporter.js'
import { patience, until } from '../support/slowness.js'

const picture = { width: 160, height: 120, fps: 10 }

/** A camera of the network with a face in each frame, and the daemon's parts from its decoder to its alarms. */
async function watch(feed: Feed, alarm: object, detectMs: () => number) {
  const { alarm: rules, cameras } = configSchema.parse({
    device: 'box',
    mqtt: { url: 'mqtt://localhost' },
    cameras: [{ id: 'bed', url: feed.url, ...picture }],
    alarm
  })
  const said: AlarmMessage[] = []
  const reporter = reporterInto(said, systemClock)
  const options = seenFacesOptions({ alarm: rules })
  expect(options.afterMs.overloaded).toBe(6000)
  const seenFaces = new SeenFaces({
    ...options,
    // The config's least time would make this test long.
    afterMs: { ...options.afterMs, overloaded: 2500 },
    tell: (...told) => reporter.faces(...told)
  })
  const box = { x: 40, y: 30, width: 50, height: 60 }
  const crop = { width: 1, height: 1, data: new Uint8Array(3), landmarks: new Float32Array(136) }
  const face = { track: 1, box, score: 1, roll: 0, whyNot: null, landmarks: crop.landmarks, zone: null, crop }
  const classify = () => ({ verdicts: Promise.resolve([]), isWaiting: () => false, replace: () => undefined })
  const detect = async ({ at, picture }: Frame) => {
    await sleep(detectMs())
    return { camera: 'bed', at, picture, faces: [face], lost: [] }
  }
  const watched = new Cameras({
    parts: {
      decoders: await probeDecoders(),
      detector: { detect, forget: () => undefined } as never,
      classifier: { classify } as never
    },
    inference: new Inference({ now: () => performance.now(), onTrouble: () => undefined, log: silentLog }),
    ...{ reporter, seenFaces, references: null, locations: {}, homeAssistant: { announce: () => undefined } },
    pauses: { of: () => null, set: () => undefined } as never,
    published: { published: () => undefined, clear: () => undefined } as never,
    ...{ secrets: new Secrets(), log: silentLog, clock: systemClock }
  })
  onTestFinished(() => watched.stop())
  await watched.takeOver(cameras)
  const of = () => seenFaces.of('bed', systemClock.now())
  return { watched: watched.watched.get('bed')!, said, of }
}

it('a camera whose face is judged every 0.8 s raises overloaded, and ends it when the box is quick again', {
  timeout: patience(60_000)
}, async () => {
  const server = await startRtspServer({ log: silentLog })
  onTestFinished(() => server.stop())
  const frames = { lavfi: `testsrc2=s=${picture.width}x${picture.height}:r=${picture.fps}` }
  const feed = await startFeed({ server, path: '/bed', codec: 'h264', ...picture, frames, log: silentLog })
  onTestFinished(() => feed.stop())
  let slow = true
  const rules = { onset_s: 1, onset_frames: 3, overloaded_min: 0.1 }
  const { watched, said, of } = await watch(feed, rules, () => (slow ? 800 : 1))
  const raised = await until(() => said.find(({ condition }) => condition === 'overloaded'), 'word of it', 30_000)
  expect(raised).toMatchObject({ camera: 'bed', phase: 'start', priority: 'medium', type: 'technical' })
  expect(watched.stats().dropped).toBeGreaterThan(10)
  expect(of().judgedEveryMs).toBeGreaterThan(700)
  slow = false
  const over = await until(() => said.find(({ phase }) => phase === 'end'), 'its end', 30_000)
  expect(over).toMatchObject({ alarm_id: raised.alarm_id, reason: 'cleared' })
})
