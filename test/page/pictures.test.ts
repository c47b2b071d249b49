import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { InputError } from '../../src/core/errors.js'
import type { Log } from '../../src/core/log.js'
import { silentLog } from '../../src/core/log.js'
import { lookMs, Pictures, type SeenFrame } from '../../src/page/pictures.js'
import { logIn, post, servePage, tokens } from './rig.js'

/** A frame of 160x90 with bars at the left and right, and a picture of one grey between them. */
function frame(): SeenFrame {
  const [width, height] = [160, 90]
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) data.fill(200, (y * width + 40) * 3, (y * width + 120) * 3)
  const landmarks = Float32Array.from([70.4, 20, 90, 30.6])
  const face = { box: { x: 60, y: 9, width: 40, height: 45 }, roll: 12.4, whyNot: 'small' as const, landmarks }
  return { width, height, picture: { x: 40, y: 0, width: 80, height: 90 }, data, faces: [face] }
}

function setUp() {
  const lines: object[] = []
  const log: Log = { ...silentLog, info: (fields) => void lines.push(fields) }
  const now = { ms: 0 }
  const state = { views: 0, paused: false }
  const view = async () => {
    state.views++
    return frame()
  }
  const source = { view, isPaused: () => state.paused, cameras: () => ['bed'] }
  return { pictures: new Pictures({ ...source, now: () => now.ms, log }), source, lines, now, state, log }
}

describe('pictures for technicians', () => {
  it("are the camera's picture alone, with its faces as shares of it", async () => {
    const { pictures } = setUp()
    pictures.look('bed', 'K')
    const { jpeg, sight } = await pictures.picture('bed', 'K')
    const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height]).toEqual([80, 90])
    expect(Math.min(...data)).toBeGreaterThan(190)
    const face = { box: [0.25, 0.1, 0.5, 0.5], px: 40, roll_deg: 12, why_not: 'small', landmarks: [30, 20, 50, 31] }
    expect(sight).toEqual({ width: 80, height: 90, faces: [face] })
  })

  it('say of a face that lies across how wide it is from ear to ear, and not how high', async () => {
    const { source, log } = setUp()
    const [face] = frame().faces!
    const lying = { ...frame(), faces: [{ ...face!, roll: 90, box: { x: 60, y: 9, width: 52, height: 40 } }] }
    const pictures = new Pictures({ ...source, view: async () => lying, now: () => 0, log })
    pictures.look('bed', 'K')
    expect((await pictures.picture('bed', 'K')).sight.faces).toMatchObject([{ px: 40, roll_deg: 90 }])
  })

  it('are encoded once for eight who look, at most twice a second, and never while none is asked for', async () => {
    const { pictures, now, state } = setUp()
    const names = Array.from({ length: 8 }, (_, i) => `viewer-${i}`)
    for (const name of names) pictures.look('bed', name)
    expect(state.views).toBe(0)
    for (now.ms = 0; now.ms < 2000; now.ms += 100) await Promise.all(names.map((name) => pictures.picture('bed', name)))
    expect(state.views).toBe(4)
  })

  it('are given to the one who has asked, is logged, and only for ten minutes', async () => {
    const { pictures, now, lines } = setUp()
    const refused = { code: 'PL-PAGE-LOOK' }
    await expect(pictures.picture('bed', 'K')).rejects.toMatchObject(refused)
    expect(() => pictures.look('__proto__', 'K')).toThrow(InputError)
    pictures.look('bed', 'K')
    expect(lines).toEqual([{ camera: 'bed', by: 'K', minutes: 10 }])
    await expect(pictures.picture('bed', 'L')).rejects.toMatchObject(refused)
    now.ms = lookMs - 1
    await pictures.picture('bed', 'K')
    now.ms = lookMs
    await expect(pictures.picture('bed', 'K')).rejects.toMatchObject(refused)
  })

  it('stop with a pause, also one that begins while a picture is under way', async () => {
    const { pictures, state, now } = setUp()
    pictures.look('bed', 'K')
    const taking = pictures.picture('bed', 'K')
    state.paused = true
    await expect(taking).rejects.toMatchObject({ code: 'PL-SNAPSHOT-PAUSED' })
    await expect(pictures.picture('bed', 'K')).rejects.toMatchObject({ code: 'PL-SNAPSHOT-PAUSED' })
    state.paused = false
    now.ms += 1
    await pictures.picture('bed', 'K')
    expect(state.views).toBe(2)
  })

  it('are for the role of the technician, where the config allows them', async () => {
    const { source } = setUp()
    for (const [allowed, token, statuses] of [
      [true, tokens.technician, [200, 200, 200]],
      [true, tokens.ward, [401, 401, 401]],
      [false, tokens.technician, [200, 409, 409]]
    ] as const) {
      const { url } = await servePage({ pictures: allowed ? source : null })
      const headers = { cookie: await logIn(url, token) }
      const list = await fetch(`${url}/api/cameras`, { headers })
      const look = await post(url, '/api/look', { camera: 'bed' }, headers)
      const picture = await fetch(`${url}/api/picture?camera=bed`, { headers })
      expect([list.status, look.status, picture.status]).toEqual(statuses)
      if (picture.ok) expect(picture.headers.get('cache-control')).toBe('no-store')
    }
  })
})
