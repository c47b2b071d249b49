/** What a report says where the data are too few to say more. */
import { describe, expect, it } from 'vitest'
import { comparisonsOf } from '../../../src/study/report/comparisons.js'
import type { Explanations } from '../../../src/study/report/explanations.js'
import type { GateFinding } from '../../../src/study/report/gate.js'
import { gateSection } from '../../../src/study/report/gate-sections.js'
import { languageOf } from '../../../src/study/report/languages/index.js'
import { regionSection } from '../../../src/study/report/region-sections.js'
import type { StudyRun } from '../../../src/study/report/study-run.js'

const labels = ['pain', 'disgust', 'happiness']
const run = { judgement: { labels, alarmLabel: 'pain' } } as unknown as StudyRun
const mean = { value: 1.2, interval: { low: 1.1, high: 1.3 } }
const passing: GateFinding = { composite: 'lrp.z', persons: 2, follows: mean, lies: mean, passed: true }

/** Explanations of a run without pictures, of which the gate was passed. */
function foundWith(changed: Partial<Explanations>): Explanations {
  const explained = { run, pictures: [], maps: () => null }
  const comparisons = comparisonsOf(explained, ['lrp.z'], { seed: 1, repetitions: 20 })
  return { composites: ['lrp.z'], gate: [passing], persons: 2, pictures: [], comparisons, ...changed } as Explanations
}

describe.each(['en', 'de'] as const)('a report in %s', (code) => {
  const language = languageOf(code)

  it('has no figure of differences that no subject can show, and says that they cannot be tested', () => {
    const { paragraphs, parts } = regionSection(run, foundWith({}), language)
    expect(parts.map(({ name }) => name)).toEqual(['regions'])
    expect(parts[0]!.table!.rows.map(([first]) => first)).toEqual([language.regions.none])
    const untested = paragraphs.filter((text) => /no subject has pictures of both|hat keine Person/.test(text))
    expect(untested).toHaveLength(2)
    expect(paragraphs.join(' ')).not.toMatch(/by more than chance|mehr als zufällig/)
  })

  it('warns of a gate that two rendered persons have passed, and not of one of ten', () => {
    const warned = (persons: number): boolean =>
      gateSection(foundWith({ persons }), language).paragraphs.some((text) => /^!(Only|Nur) 2 /.test(text))
    expect([warned(2), warned(10)]).toEqual([true, false])
  })
})
