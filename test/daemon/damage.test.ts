import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { createRandom } from '../../src/lib/random.js'
import { createIdentity, createScene } from '../../src/show/render/index.js'
import { startFeed } from '../../src/show/simulate/feed.js'
import { type RtspServer, startRtspServer } from '../../src/show/simulate/rtsp-server.js'
import { noisy } from '../../tools/bench/sleeping-room.js'
import { shown } from '../support/film.js'
import { patience } from '../support/slowness.js'
import { eventually, Ward } from '../support/ward.js'

const size = { width: 640, height: 360 }
const random = createRandom(5)
let share = 0
let ward: Ward
let server: RtspServer
const closing: (() => Promise<void>)[] = []
beforeAll(async () => {
  ward = await Ward.open()
  server = await startRtspServer({ log: silentLog, loses: () => random.chance(share) })
  const scene = await createScene({
    ...{ identity: createIdentity(24), ...size, faceSize: 110 },
    centre: { x: size.width / 2, y: size.height * 0.44 }
  })
  const { data } = await scene.render({ units: {}, blur: 0.5 })
  const frames = shown(noisy(data, size.width, 2), 5)
  const feed = await startFeed({ server, path: '/bed', codec: 'h264', ...size, fps: 5, frames, log: silentLog })
  closing.push(() => feed.stop())
})
afterAll(async () => {
  for (const close of closing) await close()
  await server.stop()
  await ward.close()
})

describe('a camera whose packets are lost while a resident shows pain', () => {
  it('is damaged, ends the alarm as unknown, is an alarm itself after 10 s, and is watched again when the loss is over', {
    timeout: patience(150_000)
  }, async () => {
    const device = await ward.device([{ id: 'bed', url: server.url('/bed'), ...size }])
    const nurse = await device.listen()
    device.start()
    const pain = await nurse.alarm('pain', 'start', 60_000)

    share = 0.3
    const { since } = await nurse.state('bed', 'damaged')
    expect(await nurse.alarm('pain', 'end')).toMatchObject({ alarm_id: pain.alarm_id, reason: 'camera_damaged' })
    const raised = await nurse.alarm('camera_damaged', 'start')
    expect(raised).toMatchObject({ priority: 'medium', camera: 'bed', code: null })
    expect(Date.parse(raised.updated) - Date.parse(since)).toBeGreaterThanOrEqual(10_000)
    const ready = await device.ask('/ready')
    expect(ready.parts).toContainEqual({
      part: 'camera bed',
      code: null,
      why: expect.stringMatching(/^damaged: data .* missing/)
    })
    await eventually(
      () => device.metric('painlens_camera_damaged_total{camera="bed"}'),
      (damaged) => damaged > 20,
      'damaged pictures'
    )
    expect(nurse.alarms().filter(({ condition, phase }) => condition === 'pain' && phase === 'start')).toHaveLength(1)

    share = 0
    expect(await nurse.alarm('camera_damaged', 'end')).toMatchObject({ alarm_id: raised.alarm_id, reason: 'cleared' })
    await eventually(
      async () => nurse.alarms().filter(({ condition, phase }) => condition === 'pain' && phase === 'start'),
      ({ length }) => length === 2,
      'the pain once more'
    )
    expect(await device.ask('/ready')).toMatchObject({ ok: true })
  })
})
