import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { createIdentity, createScene } from '../../src/show/render/index.js'
import { type Feed, startFeed } from '../../src/show/simulate/feed.js'
import { type RtspServer, startRtspServer } from '../../src/show/simulate/rtsp-server.js'
import { noisy } from '../../tools/bench/sleeping-room.js'
import { shown } from '../support/film.js'
import { expectWhole } from '../support/nurse.js'
import { patience, until } from '../support/slowness.js'
import { eventually, Ward } from '../support/ward.js'

const size = { width: 640, height: 360 }
const fps = 5

let ward: Ward
let server: RtspServer
let bed: Feed
/** The resident's face goes behind a veil: it is found, and cannot be judged. */
let veiled = false
beforeAll(async () => {
  ward = await Ward.open()
  server = await startRtspServer({ log: silentLog })
  const scene = await createScene({
    ...{ identity: createIdentity(3), ...size },
    ...{ centre: { x: 320, y: 160 }, faceSize: 120 }
  })
  const film = async (blur: number) =>
    noisy(Uint8Array.from((await scene.render({ units: {}, blur })).data), size.width, 2.5)
  const [clear, behind] = [await film(0.5), await film(5)]
  const frames = shown((index) => (veiled ? behind : clear)(index), fps)
  bed = await startFeed({ server, path: '/bed', codec: 'h264', ...size, fps, frames, log: silentLog })
})
afterAll(async () => {
  await bed.stop()
  await server.stop()
  await ward.close()
})

it('a face in pain that goes behind a veil keeps its alarm until face_unusable says that it is not watched; an empty room raises nobody_seen', {
  timeout: patience(120_000)
}, async () => {
  const hall = (await ward.feeds(['hall']))('hall')
  const camera = { id: 'bed', url: server.url('/bed'), ...size, fps }
  // Every face is an alarm to this model.
  const device = await ward.device([camera, hall], { alarm: { face_unusable_min: 0.1, nobody_seen_min: 0.1 } })
  const nurse = await device.listen()
  const daemon = device.start()

  const pain = await nurse.alarm('pain', 'start', 60_000)
  expect((await nurse.alarm('nobody_seen', 'start', 60_000)).camera).toBe('hall')
  await nurse.command('refresh', {})
  const { cameras, active_alarms } = await until(
    () => nurse.health().findLast(({ cameras }) => cameras.bed?.usable_face_at != null),
    'health with a usable face'
  )
  expect(active_alarms).toBeGreaterThanOrEqual(2)
  expect(cameras.bed?.judged_every_s).toBeGreaterThan(0)
  expect(cameras.bed?.usable_share).toBeGreaterThan(0.5)
  expect(Date.parse(String(cameras.bed?.usable_face_at))).toBeGreaterThanOrEqual(Date.parse(pain.onset))
  expect(cameras.hall).toMatchObject({ usable_face_at: null, usable_share: 0 })

  veiled = true
  const raised = await nurse.alarm('face_unusable', 'start', 60_000)
  expect(raised).toMatchObject({ camera: 'bed', priority: 'medium' })
  const end = await nurse.alarm('pain', 'end', 60_000)
  expect(end).toMatchObject({ alarm_id: pain.alarm_id, reason: 'face_unusable' })
  expect(nurse.alarms().filter(({ condition, phase }) => condition === 'pain' && phase === 'start')).toHaveLength(1)
  const age = () => device.metric('painlens_camera_usable_face_age_seconds{camera="bed"}')
  await eventually(age, (seconds) => seconds > 6, 'an old usable face')

  await nurse.command('pause', { camera: 'bed', duration_s: 600 })
  expect((await nurse.alarm('face_unusable', 'end')).reason).toBe('camera_paused')
  expectWhole(nurse.alarms())
  daemon.child.kill('SIGTERM')
  expect(await daemon.ended).toBe(0)
  expect((await nurse.alarm('nobody_seen', 'end')).reason).toBe('stopped')
})
