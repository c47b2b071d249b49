import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/lib/random.js'
import {
  type ActionUnits,
  createIdentity,
  frontal,
  randomPose,
  renderPortrait
} from '../../../src/show/render/index.js'
import { grey, middle, plain, point } from './pictures.js'

const render = (units: ActionUnits = {}, pose = frontal) =>
  renderPortrait({ identity: plain(), units, pose, faceSize: 160 })

/** Pairs of points that mirror each other in the iBUG order. */
const mirrored = [
  [0, 16],
  [4, 12],
  [7, 9],
  [17, 26],
  [21, 22],
  [31, 35],
  [36, 45],
  [37, 44],
  [39, 42],
  [40, 47],
  [48, 54],
  [50, 52],
  [60, 64],
  [67, 65],
  [58, 56]
] as const

describe('landmarks', () => {
  it('landmarks are the 68 iBUG points, each at its place in the face', async () => {
    const { landmarks, box, width } = await render()
    expect(landmarks).toHaveLength(136)
    for (const [left, right] of mirrored) {
      const [a, b] = [point(landmarks, left), point(landmarks, right)]
      expect(a.x + b.x, `${left} and ${right}`).toBeCloseTo(width, 3)
      expect(a.y).toBeCloseTo(b.y, 3)
      expect(a.x).toBeLessThan(b.x)
    }
    const heights = [19, 37, 28, 30, 33, 51, 62, 66, 57, 8].map((i) => point(landmarks, i).y)
    expect(heights).toEqual([...heights].sort((a, b) => a - b))
    for (let i = 0; i < 68; i++) {
      const { x, y } = point(landmarks, i)
      expect(x).toBeGreaterThanOrEqual(box.x - 1)
      expect(x).toBeLessThanOrEqual(box.x + box.width + 1)
      expect(y).toBeLessThanOrEqual(box.y + box.height + 3)
    }
    expect(box.y).toBeLessThan(point(landmarks, 19).y - 20)
  })

  it("the drawn iris is centred in its eye's six landmarks", async () => {
    const picture = await render({ AU5: 1 })
    for (const from of [36, 42]) {
      const eye = middle(picture.landmarks, from, from + 5)
      let [sum, x, y] = [0, 0, 0]
      for (let dy = -8; dy <= 8; dy++)
        for (let dx = -10; dx <= 10; dx++) {
          const weight = Math.max(0, 70 - grey(picture.data, picture, eye.x + dx, eye.y + dy))
          sum += weight
          x += weight * dx
          y += weight * dy
        }
      expect(sum).toBeGreaterThan(1000)
      expect(Math.abs(x / sum)).toBeLessThan(1.5)
      expect(Math.abs(y / sum)).toBeLessThan(3)
    }
  })

  it('the landmarks of a closed mouth lie on its dark line', async () => {
    const picture = await render()
    const { x, y } = point(picture.landmarks, 62)
    const line = Math.min(...[-1, 0, 1, 2].map((dy) => grey(picture.data, picture, x, y + dy)))
    expect(line).toBeLessThan(grey(picture.data, picture, x, point(picture.landmarks, 51).y - 3) - 20)
    expect(line).toBeLessThan(grey(picture.data, picture, x, point(picture.landmarks, 57).y - 3) - 20)
  })

  it('landmarks follow the action units: lids meet, corners rise, the jaw drops, brows come down', async () => {
    const at = async (units: ActionUnits) => (await render(units)).landmarks
    const rest = await at({})
    const height = (landmarks: Float32Array, i: number): number => point(landmarks, i).y
    const shut = await at({ AU43: 1 })
    expect(height(shut, 41) - height(shut, 37)).toBeLessThan(2)
    expect(height(rest, 41) - height(rest, 37)).toBeGreaterThan(5)
    expect(height(await at({ AU12: 1 }), 48)).toBeLessThan(height(rest, 48) - 5)
    expect(height(await at({ AU27: 1 }), 8)).toBeGreaterThan(height(rest, 8) + 10)
    expect(height(await at({ AU4: 1 }), 21)).toBeGreaterThan(height(rest, 21) + 5)
    expect(height(await at({ AU1: 1 }), 21)).toBeLessThan(height(rest, 21) - 4)
  })

  it('landmarks roll with the head, clockwise about the neck', async () => {
    const straight = await render()
    const rolled = await render({}, { ...frontal, roll: 20 })
    const scale = 160 / 200
    const pivot = { x: straight.width / 2, y: straight.height * 0.49 + 90 * scale }
    const [cos, sin] = [Math.cos(Math.PI / 9), Math.sin(Math.PI / 9)]
    for (let i = 0; i < 68; i++) {
      const { x, y } = point(straight.landmarks, i)
      const [dx, dy] = [x - pivot.x, y - pivot.y]
      const found = point(rolled.landmarks, i)
      expect(found.x).toBeCloseTo(pivot.x + dx * cos - dy * sin, 2)
      expect(found.y).toBeCloseTo(pivot.y + dx * sin + dy * cos, 2)
    }
    // The picture rolls the same way: the eye's white and iris are found where the points say.
    const eye = middle(rolled.landmarks, 36, 41)
    const darkest = Math.min(
      ...[-3, 0, 3].flatMap((dx) => [-3, 0, 3].map((dy) => grey(rolled.data, rolled, eye.x + dx, eye.y + dy)))
    )
    expect(darkest).toBeLessThan(60)
  })

  it('landmarks turn with the head: the nose leads, the far eye narrows', async () => {
    const turned = (await render({}, { ...frontal, yaw: 0.3 })).landmarks
    const rest = (await render()).landmarks
    const nose = (landmarks: Float32Array): number =>
      point(landmarks, 30).x - (middle(landmarks, 36, 41).x + middle(landmarks, 42, 47).x) / 2
    expect(nose(turned)).toBeGreaterThan(nose(rest) + 4)
    const width = (landmarks: Float32Array, a: number, b: number): number =>
      point(landmarks, b).x - point(landmarks, a).x
    expect(width(turned, 42, 45)).toBeLessThan(width(turned, 36, 39))
  })

  it('landmarks are finite and near the face for any person and pose', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const random = createRandom(seed)
      const { landmarks, width } = await renderPortrait({
        identity: createIdentity(seed),
        units: { AU27: random(), AU12: random() },
        pose: randomPose(random, 1.5),
        faceSize: 60
      })
      expect(landmarks.every((value) => value > 0 && value < width)).toBe(true)
    }
  })
})
