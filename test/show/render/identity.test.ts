import { describe, expect, it } from 'vitest'
import { createIdentity } from '../../../src/show/render/index.js'

const many = Array.from({ length: 600 }, (_, seed) => createIdentity(seed))
const brightness = ([red, green, blue]: readonly [number, number, number]): number =>
  0.299 * red + 0.587 * green + 0.114 * blue

describe('createIdentity', () => {
  it('a seed gives the same person again, and other seeds other persons', () => {
    expect(createIdentity(42)).toEqual(createIdentity(42))
    expect(createIdentity(42).eyeX).not.toBe(createIdentity(43).eyeX)
  })

  it('skin tones are spread evenly over the full range', () => {
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = many.filter(({ tone }) => Math.floor(tone * 10) === tenth).length / many.length
      expect(share).toBeGreaterThan(0.06)
      expect(share).toBeLessThan(0.14)
    }
  })

  it('every hair style, beard and kind of glasses occurs', () => {
    expect(new Set(many.map(({ hairStyle }) => hairStyle)).size).toBe(8)
    expect(new Set(many.map(({ beard }) => beard)).size).toBe(5)
    expect(new Set(many.map(({ glasses }) => glasses)).size).toBe(3)
    expect(many.some(({ female, beard }) => female && beard !== 'none')).toBe(false)
  })

  it('overriding one trait changes only what follows from it', () => {
    const plain = createIdentity(9)
    const dark = createIdentity(9, { tone: 1 })
    expect(dark.eyeX).toBe(plain.eyeX)
    expect(dark.hairStyle).toBe(plain.hairStyle)
    expect(createIdentity(9, { glasses: 'thick' }).glasses).toBe('thick')
    const tones = [0, 0.25, 0.5, 0.75, 1].map((tone) => brightness(createIdentity(9, { tone }).skin))
    expect(tones).toEqual([...tones].sort((a, b) => b - a))
    expect(tones[0]! - tones[4]!).toBeGreaterThan(120)
  })
})
