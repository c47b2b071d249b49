import type { Point, Size } from '../../../src/core/types.js'
import { createIdentity, type Identity } from '../../../src/show/render/index.js'

/** A person whose face is the same left and right, without anything that hides it. */
export const plain = (overrides: Partial<Identity> = {}): Identity =>
  createIdentity(5, {
    glasses: 'none',
    beard: 'none',
    cannula: false,
    eyeSkew: 0,
    browSkew: 0,
    hairStyle: 'short',
    age: 0.3,
    tone: 0.2,
    ...overrides
  })

export const grey = (data: Uint8Array, { width }: Size, x: number, y: number): number => {
  const at = (Math.round(y) * width + Math.round(x)) * 3
  return 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!
}

export const point = (landmarks: Float32Array, index: number): Point => ({
  x: landmarks[2 * index]!,
  y: landmarks[2 * index + 1]!
})

export const middle = (landmarks: Float32Array, from: number, to: number): Point => {
  const indices = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  return {
    x: indices.reduce((sum, i) => sum + landmarks[2 * i]!, 0) / indices.length,
    y: indices.reduce((sum, i) => sum + landmarks[2 * i + 1]!, 0) / indices.length
  }
}

/** Even-odd rule. */
export function inside(polygon: readonly Point[], x: number, y: number): boolean {
  let odd = false
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [a, b] = [polygon[i]!, polygon[j]!]
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) odd = !odd
  }
  return odd
}
