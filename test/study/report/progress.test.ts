import { describe, expect, it } from 'vitest'
import { progressOf } from '../../../src/study/report/progress.js'

describe('a part of a report', () => {
  it('is told when it ends, and counts what is left where a run goes on', () => {
    const lines: string[] = []
    const progress = progressOf((line) => lines.push(line))('shuffled weights', 5)
    progress.kept(2)
    for (let i = 0; i < 3; i++) progress.step()
    expect(lines).toEqual(['shuffled weights: 3 of 3, done in 0 s\n'])
  })

  it('of which all was done before says nothing', () => {
    const lines: string[] = []
    progressOf((line) => lines.push(line))('examples', 2).kept(2)
    expect(lines).toEqual([])
  })
})
