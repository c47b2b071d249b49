import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Point, type RegionName, regionNames } from '../../../src/core/types.js'
import { createRandom } from '../../../src/lib/random.js'
import { createIdentity, expressionUnits, randomPose, renderPortrait } from '../../../src/show/render/index.js'
import { fillPolygon, regionMap, regionPolygons, regionShares } from '../../../src/stages/explain/regions.js'

const regionAt = (labels: Uint8Array, width: number, x: number, y: number): RegionName =>
  regionNames[labels[Math.floor(y) * width + Math.floor(x)]!]!

/** A schematic face: all the landmarks that matter, at easy places; eyes 80 apart in a picture of 200x240. */
function schematicFace(): Float32Array {
  const points: Point[] = []
  for (let i = 0; i <= 16; i++) {
    const angle = Math.PI - (i / 16) * Math.PI
    points.push({ x: 100 + 80 * Math.cos(angle), y: 90 + 130 * Math.sin(angle) })
  }
  for (const x of [35, 46, 58, 70, 80, 120, 130, 142, 154, 165]) points.push({ x, y: 65 })
  for (const y of [85, 100, 115, 128]) points.push({ x: 100, y })
  for (const x of [86, 93, 100, 107, 114]) points.push({ x, y: 138 })
  for (const centre of [60, 140])
    for (const [dx, dy] of [
      [-14, 0],
      [-5, -6],
      [5, -6],
      [14, 0],
      [5, 6],
      [-5, 6]
    ] as const)
      points.push({ x: centre + dx, y: 90 + dy })
  for (const [dx, dy] of [
    [-30, 0],
    [-18, -8],
    [-7, -11],
    [0, -9],
    [7, -11],
    [18, -8],
    [30, 0],
    [18, 9],
    [8, 12],
    [0, 13],
    [-8, 12],
    [-18, 9],
    [-25, 0],
    [-8, -2],
    [0, -2],
    [8, -2],
    [25, 0],
    [8, 2],
    [0, 2],
    [-8, 2]
  ] as const)
    points.push({ x: 100 + dx, y: 170 + dy })
  return Float32Array.from(points.flatMap(({ x, y }) => [x, y]))
}

/** Winding number by summed angles: another way than the scanlines'. */
function windingNumber(polygon: readonly Point[], { x, y }: Point): number {
  let turned = 0
  polygon.forEach((a, i) => {
    const b = polygon[(i + 1) % polygon.length]!
    let angle = Math.atan2(b.y - y, b.x - x) - Math.atan2(a.y - y, a.x - x)
    if (angle > Math.PI) angle -= 2 * Math.PI
    if (angle < -Math.PI) angle += 2 * Math.PI
    turned += angle
  })
  return Math.round(turned / (2 * Math.PI))
}

describe('the map of facial regions', () => {
  const size = { width: 200, height: 240 }

  it('labels each part of a schematic face, symmetrically', () => {
    const labels = regionMap(schematicFace(), size)
    const places: [RegionName, number, number][] = [
      ['brows', 58, 64],
      ['brows', 100, 66],
      ['eyes', 60, 90],
      ['nose', 100, 108],
      ['nostrils', 92, 136],
      ['nasolabial_folds', 70, 156],
      ['mouth', 100, 170],
      ['mouth', 100, 150],
      ['cheeks', 42, 125],
      ['forehead', 80, 30],
      ['chin', 100, 200],
      ['outside', 8, 8],
      ['outside', 20, 230]
    ]
    for (const [region, x, y] of places) {
      expect([region, x, regionAt(labels, 200, x, y)]).toEqual([region, x, region])
      expect([region, 'mirrored', regionAt(labels, 200, 199 - x, y)]).toEqual([region, 'mirrored', region])
    }
  })

  it('is the mirror image for a mirrored face', () => {
    const face = schematicFace()
    const labels = regionMap(face, size)
    const differing = labels.filter((label, i) => {
      const mirror = Math.floor(i / 200) * 200 + 199 - (i % 200)
      return label !== labels[mirror]
    })
    expect(differing.length).toBeLessThan(0.002 * labels.length)
  })

  it('is rotated for a face rotated by 90 degrees', () => {
    const face = schematicFace()
    const upright = regionMap(face, size)
    // (x, y) → (240 - y, x): clockwise.
    const turned = face.map((_, i) => (i % 2 === 0 ? 240 - face[i + 1]! : face[i - 1]!))
    const labels = regionMap(turned, { width: 240, height: 200 })
    let differing = 0
    for (let y = 0; y < 240; y++)
      for (let x = 0; x < 200; x++) if (upright[y * 200 + x] !== labels[x * 240 + (239 - y)]) differing++
    expect(differing).toBeLessThan(0.002 * upright.length)
  })

  it('gives overlaps to the region listed first, as a pixel-wise second implementation does', () => {
    const face = schematicFace()
    const labels = regionMap(face, size)
    const polygons = regionPolygons(face)
    for (let y = 2; y < 240; y += 7)
      for (let x = 3; x < 200; x += 7) {
        const first = polygons.find(({ polygon }) => windingNumber(polygon, { x: x + 0.5, y: y + 0.5 }) !== 0)
        expect(`${x},${y} ${regionAt(labels, 200, x, y)}`).toBe(`${x},${y} ${first?.region ?? 'outside'}`)
      }
  })

  it('matches the pixels that action units moved on rendered faces', async () => {
    const share = new Map<RegionName, number[]>()
    for (const [seed, expression] of (['pain', 'disgust', 'happiness', 'pain'] as const).entries()) {
      const random = createRandom(seed)
      const units = expressionUnits(expression, 0.9, random)
      const picture = await renderPortrait({
        identity: createIdentity(900 + seed),
        units,
        pose: randomPose(random),
        faceSize: 120
      })
      const labels = regionMap(picture.landmarks, picture)
      for (const { region, polygon } of picture.moved) {
        const mask = new Uint8Array(labels.length)
        fillPolygon(mask, picture, polygon, 1)
        const inside = mask.reduce((n, value) => n + value, 0)
        const right = mask.reduce((n, value, i) => n + (value && regionNames[labels[i]!] === region ? 1 : 0), 0)
        share.set(region, [...(share.get(region) ?? []), right / inside])
      }
    }
    for (const [region, shares] of share) {
      const mean = shares.reduce((a, b) => a + b, 0) / shares.length
      expect(`${region} ${mean > 0.6 ? 'fits' : mean}`).toBe(`${region} fits`)
    }
    expect([...share.keys()]).toEqual(expect.arrayContaining(['brows', 'eyes', 'mouth', 'nose', 'cheeks']))
  })

  it('ignores landmarks that are not finite, and accepts landmarks outside the picture', () => {
    const face = schematicFace()
    const shifted = face.map((value, i) => (i % 2 === 0 ? value - 100 : value))
    const labels = regionMap(shifted, { width: 100, height: 240 })
    expect(regionAt(labels, 100, 40, 90)).toBe('eyes')
    const broken = Float32Array.from(face).fill(Number.NaN, 96)
    expect(regionAt(regionMap(broken, size), 200, 60, 90)).toBe('eyes')
    expect(
      regionMap(
        face.map((v) => v + 1e7),
        size
      ).every((label) => regionNames[label] === 'outside')
    ).toBe(true)
    expect(regionMap(new Float32Array(136).fill(Number.NaN), size)).toHaveLength(200 * 240)
  })

  it('labels every pixel for any landmarks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -60, max: 90, noNaN: true }), { minLength: 136, maxLength: 136 }),
        (landmarks) => {
          const labels = regionMap(Float32Array.from(landmarks), { width: 32, height: 24 })
          return labels.length === 32 * 24 && labels.every((label) => label < regionNames.length)
        }
      ),
      { numRuns: 60 }
    )
  })
})

describe('filling a polygon', () => {
  it('fills exactly the pixels whose centres are inside', () => {
    const corner = fc.record({ x: fc.integer({ min: -8, max: 24 }), y: fc.integer({ min: -8, max: 24 }) })
    fc.assert(
      fc.property(fc.array(corner, { minLength: 3, maxLength: 7 }), (corners) => {
        // Odd fractions keep the corners, and nearly all of the edges, off the pixels' centres.
        const polygon = corners.map(({ x, y }) => ({ x: x + 0.2137, y: y + 0.3291 }))
        const size = { width: 16, height: 12 }
        const filled = new Uint8Array(16 * 12)
        fillPolygon(filled, size, polygon, 1)
        const wrong = [...filled.keys()].filter((i) => {
          const centre = { x: (i % 16) + 0.5, y: Math.floor(i / 16) + 0.5 }
          return !nearEdge(polygon, centre) && filled[i] !== (windingNumber(polygon, centre) === 0 ? 0 : 1)
        })
        expect(wrong).toEqual([])
      })
    )
  })
})

function nearEdge(polygon: readonly Point[], { x, y }: Point): boolean {
  return polygon.some((a, i) => {
    const b = polygon[(i + 1) % polygon.length]!
    const length = Math.hypot(b.x - a.x, b.y - a.y)
    return Math.abs((b.x - a.x) * (a.y - y) - (a.x - x) * (b.y - a.y)) <= 1e-6 * Math.max(length, 1)
  })
}

describe('shares by region', () => {
  const relevances = fc.array(fc.float({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 60 })

  it('sum to 1 per sign with any relevance, and equal the sum per region over the total', () => {
    fc.assert(
      fc.property(relevances, fc.integer(), (values, seed) => {
        const relevance = Float32Array.from(values)
        const labels = Uint8Array.from(values, (_, i) => Math.abs(seed + i * 7) % regionNames.length)
        const regions = regionShares(relevance, labels)
        const all = relevance.reduce((sum, value) => sum + Math.abs(value), 0)
        expect(regions.map(({ region }) => region)).toEqual(regionNames)
        for (const [sign, key] of [
          [1, 'positive'],
          [-1, 'negative']
        ] as const) {
          const total = [...relevance].reduce((sum, value) => sum + Math.max(0, sign * value), 0)
          const whole = total < 0.01 * all ? 0 : total
          regions.forEach((share, region) => {
            const part = [...relevance].reduce(
              (sum, value, i) => sum + (labels[i] === region ? Math.max(0, sign * value) : 0),
              0
            )
            expect(share[key]).toBeCloseTo(whole > 0 ? part / whole : 0, 6)
          })
          const sum = regions.reduce((total, share) => total + share[key], 0)
          expect(sum).toBeCloseTo(whole > 0 ? 1 : 0, 6)
        }
      })
    )
  })

  it('are 0 for a sign with less than 1 % of the relevance', () => {
    const labels = Uint8Array.of(0, 1, 2)
    const sums = (values: number[]) => {
      const regions = regionShares(Float32Array.from(values), labels)
      return (['positive', 'negative'] as const).map((key) => regions.reduce((sum, share) => sum + share[key], 0))
    }
    expect(sums([0.009, -0.6, -0.391])).toEqual([0, 1])
    expect(sums([0.6, 0.395, -0.005])).toEqual([1, 0])
    expect(sums([0.02, -0.98, 0])).toEqual([1, 1])
    expect(sums([0, 0, 0])).toEqual([0, 0])
  })

  it('have as balance what a region has for the target less what it has against it', () => {
    const balances = (values: number[], labels: number[]) =>
      regionShares(Float32Array.from(values), Uint8Array.from(labels))
        .map(({ balance }) => balance)
        .slice(0, 3)
    // 3 - 1 = 2 for, 1 - 5 = -4 against, 2 - 2 = 0.
    expect(balances([3, -1, 1, -5, 2, -2], [0, 0, 1, 1, 2, 2])).toEqual([1 / 3, -2 / 3, 0])
    expect(balances([1, 3], [0, 2])).toEqual([0.25, 0, 0.75])
    // What is left is a rounding error.
    expect(balances([1, -1.001], [0, 0])).toEqual([0, 0, 0])
  })
})
