import { describe, expect, it } from 'vitest'
import { uncertaintyOf } from '../../src/explain/uncertainty.js'

describe('the uncertainty', () => {
  it('is 0 for a certain classifier, 100 for one that cannot tell, and the entropy between', () => {
    expect(uncertaintyOf([1, 0, 0])).toEqual({ score: 0 })
    expect(uncertaintyOf(Float32Array.of(1 / 3, 1 / 3, 1 / 3))).toEqual({ score: 100 })
    // H = 1 bit of log2(3) = 1.585 bit.
    expect(uncertaintyOf([0.5, 0.5, 0])).toEqual({ score: 63.1 })
    expect(uncertaintyOf([1])).toEqual({ score: 0 })
  })
})
