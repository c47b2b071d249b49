import { beforeAll, describe, expect, it } from 'vitest'
import { createScene, type Scene } from '../../../src/show/render/index.js'
import { inside, middle, plain } from './pictures.js'

const size = { width: 320, height: 180 }

describe('createScene', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await createScene({ identity: plain(), ...size, centre: { x: 160, y: 80 }, faceSize: 50 })
  })

  it('the resident is drawn at the requested place and size', async () => {
    const { landmarks, box, width, height, data } = await scene.render({ units: {} })
    expect([width, height, data.length]).toEqual([320, 180, 320 * 180 * 3])
    expect(middle(landmarks, 27, 30).x).toBeCloseTo(160, 0)
    expect(box.width).toBeGreaterThan(44)
    expect(box.width).toBeLessThan(56)
    expect(box.y).toBeGreaterThan(40)
    expect(box.y + box.height).toBeLessThan(125)
  })

  it('only the surroundings of the head are redrawn, into the given array', async () => {
    const into = new Uint8Array(320 * 180 * 3)
    const rest = await scene.render({ units: {} })
    const smile = await scene.render({ units: { AU12: 1 }, into })
    expect(smile.data).toBe(into)
    const around = [
      { x: 100, y: 20 },
      { x: 220, y: 20 },
      { x: 220, y: 140 },
      { x: 100, y: 140 }
    ]
    let [changed, outside] = [0, 0]
    for (let i = 0; i < into.length; i += 3) {
      if (into[i] === rest.data[i]) continue
      changed++
      if (!inside(around, (i / 3) % 320, Math.floor(i / 960))) outside++
    }
    expect(changed).toBeGreaterThan(50)
    expect(outside).toBe(0)
  })

  it('each frame of a scene has noise of its own, by its seed', async () => {
    const frame = (seed: number) => scene.render({ units: {}, noise: 3, seed })
    const [a, again, b] = [await frame(1), await frame(1), await frame(2)]
    expect(Buffer.compare(a.data, again.data)).toBe(0)
    expect(Buffer.compare(a.data, b.data)).not.toBe(0)
  })

  it('blur affects head and background alike', async () => {
    const roughness = (data: Uint8Array): number => {
      let sum = 0
      for (let i = 3; i < data.length; i++) sum += (data[i]! - data[i - 3]!) ** 2
      return sum
    }
    const clear = await scene.render({ units: {} })
    const soft = await scene.render({ units: {}, blur: 1.2 })
    expect(roughness(soft.data)).toBeLessThan(0.8 * roughness(clear.data))
    expect(soft.landmarks).toEqual(clear.landmarks)
  })

  it('a head that reaches beyond the picture is drawn', async () => {
    const corner = await createScene({ identity: plain(), ...size, centre: { x: 5, y: 175 }, faceSize: 90 })
    const { data, box } = await corner.render({ units: {}, blur: 0.5, pose: { yaw: 0, pitch: 0, roll: 30 } })
    expect(data).toHaveLength(320 * 180 * 3)
    expect(box.x).toBeLessThan(0)
  })
})
