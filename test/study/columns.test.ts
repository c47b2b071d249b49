import { expect, it } from 'vitest'
import { curveArea, percent } from '../../src/study/evaluate/columns.js'

it.each([
  [0, '0 %'],
  [0.0004, 'below 0.1 %'],
  [0.004, '0.4 %'],
  [0.5, '50 %'],
  [0.996, '99.6 %'],
  [0.9999, 'above 99.9 %'],
  [1, '100 %'],
  [null, '-']
])('a share of %s is written as %s: only 0 is 0 %%, only 1 is 100 %%', (share, text) => {
  expect(percent(share)).toBe(text)
})

it('an area below 1 is not written as 1 with two digits', () => {
  expect([0.98, 0.998, 1, null].map(curveArea)).toEqual(['0.98', '0.998', '1.00', '-'])
})
