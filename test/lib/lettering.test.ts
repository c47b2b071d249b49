import { describe, expect, it } from 'vitest'
import { Lettering } from '../../src/lib/lettering/index.js'

describe('lettering', () => {
  it('draws each character at any place, without a number that is none', async () => {
    const lettering = await Lettering.load()
    const text = 'true: pain · predicted: disgust 0.62 Übelkeit Ärger źle ŠČ → 痛'
    for (let x = 0; x < 60; x += 0.37) {
      const drawn = lettering.draw(text, x, 20, { size: 18 })
      expect(drawn).toMatch(/^<path fill="black" d="[MLQCZ\d.\s-]+"\/>$/)
    }
  })

  it('knows how wide a text is, and cuts one that is too wide', async () => {
    const lettering = await Lettering.load()
    const style = { size: 20 }
    expect(lettering.width('painpain', style)).toBeCloseTo(2 * lettering.width('pain', style), 0)
    expect(lettering.width('pain', { size: 40 })).toBeCloseTo(2 * lettering.width('pain', style), 6)
    const fitted = lettering.fitted('a very long name of a picture', 100, style)
    expect(fitted).toMatch(/^a very.*…$/)
    expect(lettering.width(fitted, style)).toBeLessThanOrEqual(100)
    expect(lettering.fitted('short', 100, style)).toBe('short')
  })

  it('tells whether it has all characters of a text', async () => {
    const lettering = await Lettering.load()
    expect(lettering.covers('Zimmer 3 – Süd, źle')).toBe(true)
    expect(lettering.covers('', { weight: 'bold' })).toBe(true)
    expect(lettering.covers('房 3')).toBe(false)
  })
})
