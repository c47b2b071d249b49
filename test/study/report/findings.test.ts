/** What a report finds, on maps and faces of which it is known what there is to find. */
import { describe, expect, it } from 'vitest'
import { regionNames } from '../../../src/core/types.js'
import { createRandom } from '../../../src/lib/random.js'
import { comparisonsOf, type ExplainedStudy, mapDifferencesOf } from '../../../src/study/report/comparisons.js'
import { picturesToJudge, surestPictures } from '../../../src/study/report/examples.js'
import type { Explanations } from '../../../src/study/report/explanations.js'
import { gateOf, unitEffectsOf } from '../../../src/study/report/gate.js'
import { languageOf } from '../../../src/study/report/languages/index.js'
import { gridSide, type ReducedMap, reducedMap, reducedMapOf } from '../../../src/study/report/reduced-map.js'
import { regionSection } from '../../../src/study/report/region-sections.js'
import type { SwitchEffect } from '../../../src/study/report/relevance-pass.js'
import { switches } from '../../../src/study/report/rendered-faces.js'
import { fewOf, type SampledPicture, sampleOf } from '../../../src/study/report/sample.js'
import { strategiesOf } from '../../../src/study/report/strategies.js'
import type { StudyRun } from '../../../src/study/report/study-run.js'

const labels = ['pain', 'disgust', 'happiness']
const chance = { seed: 1, repetitions: 300 }
const composite = 'lrp.z'
const side = gridSide
/** The upper half of the crop is brows, the lower half mouth. */
const places = Uint8Array.from({ length: side * side }, (_, i) =>
  regionNames.indexOf(i < (side * side) / 2 ? 'brows' : 'mouth')
)

/** A map with this share of its relevance in the upper half. */
function mapWith(upper: number, seed: number): ReducedMap {
  const random = createRandom(seed)
  const half = (side * side) / 2
  const relevance = Float32Array.from({ length: side * side }, (_, i) => {
    return (random.uniform(0.5, 1.5) * (i < half ? upper : 1 - upper)) / half
  })
  return reducedMapOf(reducedMap(relevance, places, { width: side, height: side }, { start: 1, logits: [1, 0, 0] }), 3)
}

interface Shown {
  subject: string
  label: string
  called?: string
  source?: string
  map: ReducedMap
}

function explainedOf(shown: readonly Shown[]): ExplainedStudy {
  const pictures = shown.map(({ subject, label, called = label, source = 'lab' }, place): SampledPicture => {
    const row = { crop: `${place}.png`, subject, label, source, video: '', timeS: null, intensity: null }
    const predicted = labels.indexOf(called)
    const judged = { row, fold: 1, predicted, probabilities: new Float64Array(3), uncalibrated: new Float64Array(3) }
    return { place, judged, label: labels.indexOf(label), right: called === label }
  })
  const run = { judgement: { labels, alarmLabel: 'pain' } } as unknown as StudyRun
  return { run, pictures, maps: (_, __, { place }) => shown[place]!.map }
}

/** Eight subjects; of pain 70 % of the relevance is above, of the others 50 %. */
const differing = (): Shown[] =>
  Array.from({ length: 8 }, (_, s) =>
    labels.flatMap((label) =>
      Array.from({ length: 1 + (s % 3) }, (_, i) => ({
        subject: `s${s}`,
        label,
        map: mapWith((label === 'pain' ? 0.7 : 0.5) + 0.01 * s, 100 * s + i)
      }))
    )
  ).flat()

describe('where relevance lies, label against label', () => {
  it('is the difference of the means of subjects, however many pictures each has', () => {
    const shown = differing()
    const [found] = comparisonsOf(explainedOf(shown), [composite], chance)
    const meanOf = (subject: string, label: string): number => {
      const own = shown.filter((one) => one.subject === subject && one.label === label)
      return own.reduce((sum, { map }) => sum + map.positive[0]!, 0) / own.length
    }
    const subjects = [...new Set(shown.map(({ subject }) => subject))]
    const wanted = subjects.reduce((sum, s) => sum + meanOf(s, 'pain') - meanOf(s, 'disgust'), 0) / subjects.length
    const brows = found!.regions.find(({ region }) => region === 'brows')!
    expect(found).toMatchObject({ label: 'pain', other: 'disgust', question: 'own', reading: 'right', subjects: 8 })
    expect(brows.difference).toBeCloseTo(wanted, 6)
    expect(brows.difference).toBeCloseTo(0.2, 1)
    // All 256 flips: the data and their mirror image are the furthest.
    expect(brows.p).toBeCloseTo(2 / 256, 10)
    expect(brows.interval!.low).toBeGreaterThan(0.15)
    expect(found!.regions.find(({ region }) => region === 'nose')).toMatchObject({ difference: 0, share: 0 })
  })

  it('leaves misread pictures out of the right ones, and the other way round', () => {
    const shown = differing().map((one) => (one.subject === 's0' ? { ...one, called: 'happiness' } : one))
    const found = comparisonsOf(explainedOf(shown), [composite], chance)
    const of = (reading: string) => found.find((one) => one.reading === reading && one.other === 'disgust')!
    expect([of('right').subjects, of('misread').subjects]).toEqual([7, 1])
    expect(of('misread').regions[0]!.p).toBeNull()
  })

  it('says nothing of pictures without subjects', () => {
    const shown = differing().map((one) => ({ ...one, subject: '' }))
    expect(comparisonsOf(explainedOf(shown), [composite], chance).every(({ regions }) => regions.length === 0)).toBe(
      true
    )
  })

  it('finds the half of the map that differs as a cluster with its sign', () => {
    const [found] = mapDifferencesOf(explainedOf(differing()), [composite], chance)
    const sure = found!.clusters.filter(({ p }) => p < 0.05)
    const upper = sure.find(({ sign }) => sign > 0)!
    expect(upper.cells.filter((cell) => cell >= (side * side) / 2).length).toBeLessThan(20)
    expect(upper.cells.length).toBeGreaterThan(400)
    expect(sure.some(({ sign }) => sign < 0)).toBe(true)
  })
})

describe('the words for each question', () => {
  const shown = differing()
  // The contrast of pictures of pain lies below, that of the others is even.
  const contrasts = shown.map(({ label }, i) => mapWith(label === 'pain' ? 0.3 : 0.5, 500 + i))
  const explained: ExplainedStudy = {
    ...explainedOf(shown),
    maps: (_, __, { place, minus }) => (minus === undefined ? shown[place]!.map : contrasts[place]!)
  }
  const comparisons = comparisonsOf(explained, [composite], chance)
  const gate = [{ composite, passed: true }]
  const found = { composites: [composite], gate, pictures: explained.pictures, comparisons } as unknown as Explanations

  it.each(['en', 'de'] as const)(
    'say in %s where relevance lies and how certain that is, as the comparisons do',
    (code) => {
      const language = languageOf(code)
      const { paragraphs } = regionSection(explained.run, found, language)
      for (const [question, more] of [
        ['own', 'brows'],
        ['alarm', 'brows'],
        ['contrast', 'mouth']
      ] as const)
        for (const other of ['disgust', 'happiness']) {
          const one = comparisons.find(
            (each) => each.question === question && each.other === other && each.reading === 'right'
          )!
          const named = (region: string) => {
            const { difference, interval, p } = one.regions.find((each) => each.region === region)!
            const [low, high] = difference > 0 ? [interval!.low, interval!.high] : [-interval!.high, -interval!.low]
            const each = 100 * Math.abs(difference)
            const bounds = { low: 100 * low, high: 100 * high }
            return [{ region: language.region[region as 'brows'], low: each, high: each, interval: bounds, p: p! }]
          }
          const pair = { explained: question, label: language.label('pain'), other: language.label(other) }
          const [up, down] = [named(more), named(more === 'brows' ? 'mouth' : 'brows')]
          const text = language.regions.agree({ ...pair, subjects: { low: 8, high: 8 }, more: up, less: down })
          expect(paragraphs, `${question} ${other}`).toContain(text)
          expect(text).toContain({ en: 'p = 0.008 or less', de: 'p = 0,008 oder weniger' }[code])
        }
    }
  )
})

describe('the gate of known truth', () => {
  /** @param follows how relevance in the moved pixels answers the output, and how concentrated it is there */
  const effects = (follows: (change: number, noise: number) => number, concentration: number): SwitchEffect[] =>
    Array.from({ length: 6 }, (_, person) =>
      switches.map((_, which): SwitchEffect => {
        const random = createRandom(person * 50 + which)
        const change = random.normal(0, 1)
        const probability = { off: 0.3, on: which === 0 ? 0.5 : 0.3 }
        const inside = follows(change, random.normal(0, 1))
        return {
          person,
          which,
          output: { off: 0, on: change },
          probability,
          inside,
          all: inside,
          concentration,
          area: 0.1
        }
      })
    ).flat()

  it.each([
    ['follows the output and lies where pixels move', (change: number) => change, 0.4, true],
    ['lies there but follows nothing', (_: number, noise: number) => noise, 0.4, false],
    ['follows the output but lies anywhere', (change: number) => change, 0.1, false],
    ['goes against the output', (change: number) => -change, 0.4, false]
  ])('a composite whose relevance %s: passes or not', (_, follows, concentration, passed) => {
    const [found] = gateOf(new Map([[composite, effects(follows, concentration)]]), chance)
    expect(found).toMatchObject({ composite, persons: 6, passed })
  })

  it('nothing passes with a single person: there is no interval', () => {
    const one = effects((change) => change, 0.4).filter(({ person }) => person === 0)
    expect(gateOf(new Map([[composite, one]]), chance)[0]).toMatchObject({ passed: false, follows: { interval: null } })
  })

  it('the effect of a unit is the mean over persons', () => {
    const [first, second] = unitEffectsOf(new Map([[composite, effects((change) => change, 0.4)]]), chance)
    expect(first!.probability.value).toBeCloseTo(0.2, 10)
    expect(second!.probability.value).toBeCloseTo(0, 10)
  })
})

describe('groups of maps', () => {
  const clusteredBy = (own: (s: number) => boolean, source: (s: number) => string): Shown[] =>
    Array.from({ length: 10 }, (_, s) =>
      Array.from({ length: 10 }, (_, i) => ({
        subject: `s${s}`,
        label: 'pain',
        source: source(s),
        map: mapWith(own(s) ? 0.98 : 0.3, 10 * s + i)
      }))
    ).flat()

  it('of which one is a single subject’s are a warning that names it', () => {
    const found = strategiesOf(
      explainedOf(
        clusteredBy(
          (s) => s === 4,
          () => 'lab'
        )
      ),
      [composite],
      1
    )
    const suspects = found[0]!.clusters.filter(({ suspect }) => suspect.length > 0)
    expect(suspects.map(({ subject, suspect, pictures }) => [subject.name, suspect, pictures])).toEqual([
      ['s4', ['subject'], 10]
    ])
  })

  it('of which one is a single source’s are a warning of the source, not of subjects', () => {
    const found = strategiesOf(
      explainedOf(
        clusteredBy(
          (s) => s < 3,
          (s) => (s < 3 ? 'ward' : 'lab')
        )
      ),
      [composite],
      1
    )
    expect(found[0]!.clusters.flatMap(({ source, suspect }) => suspect.map((of) => [of, source.name]))).toEqual([
      ['source', 'ward']
    ])
  })

  it('are no warning where all maps are alike', () => {
    const found = strategiesOf(
      explainedOf(
        clusteredBy(
          () => false,
          () => 'lab'
        )
      ),
      [composite],
      1
    )
    expect(found[0]!.clusters.every(({ suspect }) => suspect.length === 0)).toBe(true)
  })
})

describe('the pictures of a report', () => {
  const judged = differing().map(
    (one, place) => explainedOf([one]).pictures.map((picture) => ({ ...picture, place }))[0]!.judged
  )
  const judgement = { labels, judged } as unknown as Parameters<typeof sampleOf>[0]

  it('are as many of each subject as the others allow, and the same for a seed', () => {
    const taken = sampleOf(judgement, 8, 3)
    expect(taken).toEqual(sampleOf(judgement, 8, 3))
    for (const label of labels.keys()) {
      const own = taken.filter((picture) => picture.label === label).map((picture) => picture.judged.row.subject)
      expect(own).toHaveLength(8)
      expect(new Set(own).size).toBe(8)
    }
  })

  it('are of the same subjects for every label, those with all labels first, so that labels can be compared within subjects', () => {
    // 40 subjects have one picture of each label, and ten others have pain only.
    const many = explainedOf(
      Array.from({ length: 50 }, (_, s) =>
        (s < 40 ? labels : ['pain']).map((label) => ({ subject: `s${s}`, label, map: mapWith(0.5, 1) }))
      ).flat()
    )
    const taken = sampleOf(
      { labels, judged: many.pictures.map((one) => one.judged) } as unknown as Parameters<typeof sampleOf>[0],
      12,
      5
    )
    const [pain, ...others] = labels.map((_, label) =>
      taken
        .filter((one) => one.label === label)
        .map((one) => one.judged.row.subject)
        .sort()
    )
    expect(pain).toHaveLength(12)
    for (const other of others) expect(other).toEqual(pain)
  })

  it('that people see are of the most accurate fold, also where the sample has none of it', () => {
    // Each of 30 subjects is a fold of its own, and has two pictures of pain that are called right, and one that is not.
    const calls = ['pain', 'pain', 'disgust']
    const { pictures } = explainedOf(
      Array.from({ length: 30 }, (_, s) =>
        calls.map((called) => ({ subject: `s${s}`, label: 'pain', called, map: mapWith(0.5, 1) }))
      ).flat()
    )
    const judged = pictures.map((picture, i) => {
      const probabilities = Float64Array.from(labels, (label) => (label === calls[i % 3] ? 0.5 + (i % 3) / 10 : 0))
      return { ...picture.judged, fold: 1 + Math.floor(i / 3), probabilities }
    })
    const run = (best: number) => ({ best, judgement: { labels, judged } }) as unknown as StudyRun
    for (let best = 1; best <= 30; best++) {
      const first = 3 * (best - 1)
      expect(picturesToJudge(run(best), 1).map(({ place }) => place)).toEqual([first, first + 1, first + 2])
      expect(surestPictures(run(best), 1).map(({ place }) => place)).toEqual([first + 1, first + 2])
    }
  })

  it('that a check takes are some of each label', () => {
    const few = fewOf(sampleOf(judgement, 8, 3), labels, 2)
    expect(labels.map((_, label) => few.filter((picture) => picture.label === label).length)).toEqual([2, 2, 2])
  })
})

describe('a reduced map', () => {
  it('keeps sums, shares and cells of the map, and counts values that are not finite', () => {
    const size = { width: 64, height: 64 }
    const relevance = new Float32Array(64 * 64)
    relevance[0] = 3
    relevance[65] = -1
    relevance[64 * 64 - 1] = 1
    relevance[70] = Number.NaN
    const regions = new Uint8Array(64 * 64).fill(regionNames.indexOf('mouth'))
    regions[0] = regionNames.indexOf('eyes')
    const map = reducedMapOf(reducedMap(relevance, regions, size, { start: 2.5, logits: [2.5, 1, 0] }), 3)
    expect(map).toMatchObject({ start: 2.5, sum: 3, notFinite: 1, mass: { positive: 4, negative: 1 } })
    expect([...map.logits]).toEqual([2.5, 1, 0])
    expect(map.positive[regionNames.indexOf('eyes')]).toBeCloseTo(0.75, 6)
    expect([map.grid.positive[0], map.grid.negative[0], map.grid.positive.at(-1)]).toEqual([3, 1, 1])
  })
})
