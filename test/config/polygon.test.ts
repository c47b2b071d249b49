import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { polygonProblem } from '../../src/config/polygon.js'
import { editDistance, suggest } from '../../src/config/problems.js'

type Corner = [number, number]

describe('polygonProblem', () => {
  it.each<[string, Corner[], RegExp | null]>([
    [
      'a triangle',
      [
        [0, 0],
        [1, 0],
        [0, 1]
      ],
      null
    ],
    [
      'the other way around',
      [
        [0, 1],
        [1, 0],
        [0, 0]
      ],
      null
    ],
    [
      'an L',
      [
        [0, 0],
        [0.8, 0],
        [0.8, 0.3],
        [0.3, 0.3],
        [0.3, 0.9],
        [0, 0.9]
      ],
      null
    ],
    [
      'a corner amid a straight side',
      [
        [0, 0],
        [0.5, 0],
        [1, 0],
        [1, 1]
      ],
      null
    ],
    [
      'two corners',
      [
        [0, 0],
        [1, 0]
      ],
      /2 corners/
    ],
    [
      'a bow tie',
      [
        [0, 0],
        [1, 1],
        [1, 0],
        [0, 1]
      ],
      /after corner 1 meets the side after corner 3/
    ],
    [
      'the first corner again at the end',
      [
        [0, 0],
        [1, 0],
        [0, 1],
        [0, 0]
      ],
      /corner 1 and corner 4 in one place/
    ],
    [
      'a line',
      [
        [0, 0],
        [0.5, 0.5],
        [1, 1]
      ],
      /on one line/
    ],
    [
      'corners so close together that no pixel is between them',
      [
        [0.5, 0.5],
        [0.501, 0.5],
        [0.5, 0.501]
      ],
      /or in one place, or nearly so/
    ],
    [
      'a corner on a far side',
      [
        [0, 0],
        [1, 0],
        [1, 1],
        [0.5, 0],
        [0, 1]
      ],
      /meets/
    ],
    [
      'a spike back along a side',
      [
        [0, 0],
        [1, 0],
        [0.5, 0],
        [0.5, 1]
      ],
      /meets/
    ]
  ])('%s', (_, corners, expected) => {
    if (expected === null) expect(polygonProblem(corners)).toBeNull()
    else expect(polygonProblem(corners)).toMatch(expected)
  })

  const angles = fc
    .uniqueArray(fc.integer({ min: 0, max: 359 }), { minLength: 4, maxLength: 12 })
    .map((list) => list.sort((a, b) => a - b))
  const onCircle = (degrees: number): Corner => {
    const angle = (degrees * Math.PI) / 180
    return [0.5 + 0.4 * Math.cos(angle), 0.5 + 0.4 * Math.sin(angle)]
  }

  it('a convex outline is accepted from every first corner and in both directions', () => {
    fc.assert(
      fc.property(angles, fc.nat(11), fc.boolean(), (list, turn, back) => {
        const corners = list.map(onCircle)
        const turned = [...corners.slice(turn % corners.length), ...corners.slice(0, turn % corners.length)]
        expect(polygonProblem(back ? turned.reverse() : turned)).toBeNull()
      })
    )
  })

  it('a convex outline with two neighbouring corners swapped is refused', () => {
    fc.assert(
      fc.property(angles, fc.nat(11), (list, at) => {
        const corners = list.map(onCircle)
        const i = at % corners.length
        const j = (i + 1) % corners.length
        ;[corners[i], corners[j]] = [corners[j], corners[i]]
        expect(polygonProblem(corners)).toMatch(/meets/)
      })
    )
  })
})

describe('suggest', () => {
  it.each([
    ['ulr', 'url'],
    ['camera', 'cameras'],
    ['onset-threshold', 'onset_threshold'],
    ['Password', 'password'],
    ['explanations', 'explanation'],
    ['frobnicate', null],
    ['x', null]
  ])('%s → %s', (word, expected) => {
    expect(suggest(word, ['url', 'cameras', 'onset_threshold', 'password', 'explanation', 'log', 'id'])).toBe(expected)
  })

  it('the distance behind suggestions is symmetric and zero only for equal texts', () => {
    const word = fc.string({ maxLength: 12 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b)
        expect(distance).toBe(editDistance(b, a))
        expect(distance === 0).toBe(a === b)
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
      })
    )
  })
})
