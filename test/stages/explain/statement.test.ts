import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { de } from '../../../src/contract/languages/de.js'
import { en } from '../../../src/contract/languages/en.js'
import type { Statement } from '../../../src/contract/languages/index.js'
import { type RegionName, type RegionShare, regionNames } from '../../../src/core/types.js'
import { explanationInWords, rules, statementOf, unsteadyFrom } from '../../../src/stages/explain/statement.js'

type Parts = Partial<Record<RegionName, number>>
type Mass = { positive: number; negative: number }

/** Shares of the positive and of the negative relevance, of which there is `mass`; the balances follow from them. */
const shares = (positive: Parts, negative: Parts = {}, mass: Mass = onlyFor): RegionShare[] => {
  const balances = regionNames.map(
    (region) => (positive[region] ?? 0) * mass.positive - (negative[region] ?? 0) * mass.negative
  )
  const all = balances.reduce((sum, value) => sum + Math.abs(value), 0)
  return regionNames.map((region, i) => ({
    region,
    positive: positive[region] ?? 0,
    negative: negative[region] ?? 0,
    balance: all > 0 ? balances[i]! / all : 0
  }))
}

const even = (names: readonly RegionName[] = regionNames): Parts =>
  Object.fromEntries(names.map((name) => [name, 1 / names.length]))

/** Regions with a little positive relevance each: 0.36 of it together. */
const lesser = { brows: 0.08, eyes: 0.08, nose: 0.08, forehead: 0.08, chin: 0.04 }

const only = (label: string) => ({ labels: [label], ratherThan: [] })

const onlyFor = { positive: 1, negative: 0 }
const onlyAgainst = { positive: 0, negative: 2 }
const forAndAgainst = { positive: 0.7, negative: 0.3 }

describe('the sentence', () => {
  const cases: [what: string, label: string, shares: RegionShare[], uncertainty: number, en: string, de: string][] = [
    [
      'names three regions that hold most of what speaks for it and one region against',
      'pain',
      shares(
        { brows: 0.34, eyes: 0.22, cheeks: 0.14, nose: 0.1, mouth: 0.1, chin: 0.1 },
        { mouth: 0.7, chin: 0.3 },
        forAndAgainst
      ),
      0,
      "The model's impression of pain rests mostly on the brows (43 %), the eyes (28 %) and the cheeks (18 %); the mouth speaks against it.",
      'Der Eindruck von Schmerz, den das Modell hat, beruht vor allem auf den Brauen (43 %), den Augen (28 %) und den Wangen (18 %); der Mund spricht dagegen.'
    ],
    [
      'names one region that holds most relevance',
      'disgust',
      shares({ nose: 0.874, chin: 0.126 }),
      0,
      "The model's impression of disgust rests mostly on the nose (87 %).",
      'Der Eindruck von Ekel, den das Modell hat, beruht vor allem auf der Nase (87 %).'
    ],
    [
      'names the three strongest of four regions, and a region against',
      'happiness',
      shares({ mouth: 0.3, cheeks: 0.26, nasolabial_folds: 0.24, eyes: 0.2 }, { brows: 1 }, forAndAgainst),
      0,
      "The model's impression of happiness rests mostly on the mouth (30 %), the cheeks (26 %) and the nasolabial folds (24 %); the brows speak against it.",
      'Der Eindruck von Freude, den das Modell hat, beruht vor allem auf dem Mund (30 %), den Wangen (26 %) und den Nasolabialfalten (24 %); die Brauen sprechen dagegen.'
    ],
    [
      'names one strong region that does not hold most relevance',
      'pain',
      shares({ ...even(), forehead: 0.28, chin: 0.01, nose: 0.01 }),
      0,
      "The model's impression of pain rests on many parts, most of all on the forehead (28 %).",
      'Der Eindruck von Schmerz, den das Modell hat, beruht auf vielen Bereichen, am stärksten auf der Stirn (28 %).'
    ],
    [
      'says that relevance without a strong region is spread over many parts',
      'pain',
      shares(even()),
      0,
      "The model's impression of pain is spread over many parts, and none of them stands out.",
      'Der Eindruck von Schmerz, den das Modell hat, verteilt sich auf viele Bereiche, und keiner davon sticht hervor.'
    ],
    [
      'warns if most relevance is outside the face',
      'pain',
      shares({ outside: 0.62, brows: 0.2, eyes: 0.1, nose: 0.08 }),
      0,
      "The model's impression of pain rests mostly on parts outside the face (62 %) and the brows (20 %); be careful with it.",
      'Der Eindruck von Schmerz, den das Modell hat, beruht vor allem auf Bereichen außerhalb des Gesichts (62 %) und den Brauen (20 %); Vorsicht ist geboten.'
    ],
    [
      'warns if the strongest region is outside the face, and names a region against',
      'pain',
      shares({ ...even(), outside: 0.3, chin: 0, nose: 0 }, { chin: 1 }, forAndAgainst),
      0,
      "The model's impression of pain rests on many parts, most of all on parts outside the face (30 %); the chin speaks against it; be careful with it.",
      'Der Eindruck von Schmerz, den das Modell hat, beruht auf vielen Bereichen, am stärksten auf Bereichen außerhalb des Gesichts (30 %); das Kinn spricht dagegen; Vorsicht ist geboten.'
    ],
    [
      'says that an unsteady result changes with the picture',
      'pain',
      shares(
        { brows: 0.34, eyes: 0.22, cheeks: 0.14, nose: 0.1, mouth: 0.1, chin: 0.1 },
        { mouth: 0.7, chin: 0.3 },
        forAndAgainst
      ),
      unsteadyFrom,
      "The model's impression of pain rests mostly on the brows (43 %), the eyes (28 %) and the cheeks (18 %); the mouth speaks against it; this changes noticeably when the picture is changed slightly.",
      'Der Eindruck von Schmerz, den das Modell hat, beruht vor allem auf den Brauen (43 %), den Augen (28 %) und den Wangen (18 %); der Mund spricht dagegen; das ändert sich deutlich, wenn das Bild leicht verändert wird.'
    ],
    [
      'says that a result without positive relevance is unsteady',
      'pain',
      shares({}, { outside: 1 }, onlyAgainst),
      100,
      'The model finds no part of the picture that speaks for pain; parts outside the face speak against it; this changes noticeably when the picture is changed slightly; be careful with it.',
      'Das Modell findet im Bild keinen Bereich, der für Schmerz spricht; Bereiche außerhalb des Gesichts sprechen dagegen; das ändert sich deutlich, wenn das Bild leicht verändert wird; Vorsicht ist geboten.'
    ],
    [
      'warns of relevance outside the face and of an unsteady result',
      'disgust',
      shares({ outside: 0.62, brows: 0.2, eyes: 0.1, nose: 0.08 }),
      73,
      "The model's impression of disgust rests mostly on parts outside the face (62 %) and the brows (20 %); this changes noticeably when the picture is changed slightly; be careful with it.",
      'Der Eindruck von Ekel, den das Modell hat, beruht vor allem auf Bereichen außerhalb des Gesichts (62 %) und den Brauen (20 %); das ändert sich deutlich, wenn das Bild leicht verändert wird; Vorsicht ist geboten.'
    ],
    [
      'says that negative relevance outweighs positive relevance',
      'pain',
      shares({ brows: 1 }, { mouth: 0.8, brows: 0.2 }, { positive: 1, negative: 1.01 }),
      0,
      "The model's impression of pain rests mostly on the brows (100 %); the mouth speaks against it; altogether more speaks against it than for it.",
      'Der Eindruck von Schmerz, den das Modell hat, beruht vor allem auf den Brauen (100 %); der Mund spricht dagegen; insgesamt spricht mehr dagegen als dafür.'
    ],
    [
      'names a region with relevance of both signs by its balance, against, and only there',
      'pain',
      shares({ brows: 0.8, eyes: 0.2 }, { eyes: 1 }, { positive: 1, negative: 0.9 }),
      0,
      "The model's impression of pain rests mostly on the brows (100 %); the eyes speak against it.",
      'Der Eindruck von Schmerz, den das Modell hat, beruht vor allem auf den Brauen (100 %); die Augen sprechen dagegen.'
    ],
    [
      'names the outside as against where it looks for both sides, and warns if it weighs most',
      'pain',
      shares(
        { outside: 0.24, cheeks: 0.2, mouth: 0.2, ...lesser },
        { outside: 0.9, chin: 0.1 },
        { positive: 1, negative: 0.9 }
      ),
      0,
      "The model's impression of pain rests mostly on the mouth (28 %) and the cheeks (28 %); parts outside the face speak against it; be careful with it.",
      'Der Eindruck von Schmerz, den das Modell hat, beruht vor allem auf dem Mund (28 %) und den Wangen (28 %); Bereiche außerhalb des Gesichts sprechen dagegen; Vorsicht ist geboten.'
    ],
    [
      'says that no part speaks for the target where each is negative on balance',
      'pain',
      shares({ brows: 0.5, mouth: 0.5 }, { brows: 0.4, mouth: 0.6 }, { positive: 1, negative: 3 }),
      0,
      'The model finds no part of the picture that speaks for pain; the mouth speaks against it.',
      'Das Modell findet im Bild keinen Bereich, der für Schmerz spricht; der Mund spricht dagegen.'
    ],
    [
      'names the region against if no relevance is positive',
      'pain',
      shares({}, { nostrils: 0.6, outside: 0.4 }, onlyAgainst),
      0,
      'The model finds no part of the picture that speaks for pain; the nostrils speak against it.',
      'Das Modell findet im Bild keinen Bereich, der für Schmerz spricht; die Nasenflügel sprechen dagegen.'
    ],
    [
      'says that nothing speaks for the target if all relevance is 0',
      'pain',
      shares({}, {}, { positive: 0, negative: 0 }),
      0,
      'The model finds no part of the picture that speaks for pain.',
      'Das Modell findet im Bild keinen Bereich, der für Schmerz spricht.'
    ],
    [
      'names the outside as against, and quotes a label without a translation',
      'Valence+',
      shares({ eyes: 0.9, chin: 0.1 }, { outside: 1 }, forAndAgainst),
      0,
      'The model\'s impression of "Valence+" rests mostly on the eyes (90 %); parts outside the face speak against it.',
      'Der Eindruck von „Valence+“, den das Modell hat, beruht vor allem auf den Augen (90 %); Bereiche außerhalb des Gesichts sprechen dagegen.'
    ]
  ]
  for (const [what, label, regions, uncertainty, english, german] of cases)
    it(`${what}`, () => {
      expect(explanationInWords(only(label), regions, uncertainty)).toEqual({ en: english, de: german })
    })

  it.each([
    [0.201, 'eyes'],
    [0.199, null]
  ] as const)('for eyes with a share of %s of what speaks against it names as against: %s', (share, region) => {
    // The rest is spread evenly over eight regions, so that each of them has a smaller share.
    const others = regionNames.filter((name) => name !== 'eyes' && name !== 'brows')
    const rest = Object.fromEntries(others.map((name) => [name, (1 - share) / 8]))
    expect(statementOf(shares({ brows: 1 }, { ...rest, eyes: share }, forAndAgainst)).against).toBe(region)
  })

  it.each([
    [null, false],
    [0.0499, false],
    [0.05, true]
  ])('of a map with a conditioning of %s is marked as unsteady: %s', (conditioning, unsteady) => {
    expect(statementOf(shares({ eyes: 1 }), 0, conditioning).unsteady).toBe(unsteady)
  })

  it('does not name a region as against whose positive and negative relevance are equal', () => {
    const mass = { positive: 0.5, negative: 0.5 }
    expect(statementOf(shares({ eyes: 1 }, { eyes: 1 }, mass)).against).toBeNull()
    expect(statementOf(shares({ eyes: 0.99, chin: 0.01 }, { eyes: 1 }, mass)).against).toBe('eyes')
  })

  it.each([
    [49.9, false],
    [50, true]
  ])('for an uncertainty of %s is marked as unsteady: %s', (uncertainty, unsteady) => {
    expect(statementOf(shares({ eyes: 1 }), uncertainty).unsteady).toBe(unsteady)
  })

  it('says of a contrast what is seen rather than what', () => {
    const regions = shares({ brows: 0.8, eyes: 0.2 }, { mouth: 1 }, forAndAgainst)
    expect(explanationInWords({ labels: ['pain'], ratherThan: ['disgust'] }, regions)).toEqual({
      en: "The model's impression of pain rather than disgust rests mostly on the brows (80 %) and the eyes (20 %); the mouth speaks against it.",
      de: 'Der Eindruck von Schmerz statt Ekel, den das Modell hat, beruht vor allem auf den Brauen (80 %) und den Augen (20 %); der Mund spricht dagegen.'
    })
    const none = explanationInWords({ labels: ['pain', 'fear'], ratherThan: ['disgust', 'happiness'] }, shares({}))
    expect(none).toEqual({
      en: 'The model finds no part of the picture that speaks for pain and "fear" rather than disgust or happiness.',
      de: 'Das Modell findet im Bild keinen Bereich, der für Schmerz und „fear“ statt Ekel oder Freude spricht.'
    })
  })

  it('quotes the label "constructor" like any other label', () => {
    const { en: english } = explanationInWords(only('constructor'), shares(even()))
    expect(english).toContain('impression of "constructor" is')
  })

  it('inflects each region correctly, in both languages', () => {
    const about = (region: RegionName): Statement => ({
      kind: 'mostly',
      regions: [{ region, percent: 80 }],
      careful: false,
      against: region,
      outweighed: false,
      unsteady: false
    })
    const german = Object.fromEntries(
      regionNames.map((region) => [region, de.explanation(only('pain'), about(region)).split('vor allem auf ')[1]])
    )
    expect(german).toEqual({
      brows: 'den Brauen (80 %); die Brauen sprechen dagegen.',
      eyes: 'den Augen (80 %); die Augen sprechen dagegen.',
      nose: 'der Nase (80 %); die Nase spricht dagegen.',
      nostrils: 'den Nasenflügeln (80 %); die Nasenflügel sprechen dagegen.',
      nasolabial_folds: 'den Nasolabialfalten (80 %); die Nasolabialfalten sprechen dagegen.',
      mouth: 'dem Mund (80 %); der Mund spricht dagegen.',
      cheeks: 'den Wangen (80 %); die Wangen sprechen dagegen.',
      forehead: 'der Stirn (80 %); die Stirn spricht dagegen.',
      chin: 'dem Kinn (80 %); das Kinn spricht dagegen.',
      outside: 'Bereichen außerhalb des Gesichts (80 %); Bereiche außerhalb des Gesichts sprechen dagegen.'
    })
    const english = regionNames.map((region) => en.explanation(only('pain'), about(region)).split('mostly on ')[1])
    expect(english).toEqual([
      'the brows (80 %); the brows speak against it.',
      'the eyes (80 %); the eyes speak against it.',
      'the nose (80 %); the nose speaks against it.',
      'the nostrils (80 %); the nostrils speak against it.',
      'the nasolabial folds (80 %); the nasolabial folds speak against it.',
      'the mouth (80 %); the mouth speaks against it.',
      'the cheeks (80 %); the cheeks speak against it.',
      'the forehead (80 %); the forehead speaks against it.',
      'the chin (80 %); the chin speaks against it.',
      'parts outside the face (80 %); parts outside the face speak against it.'
    ])
  })
})

describe('the statement', () => {
  it('names a region against only where notably much speaks against it, a notable share of it there, on balance', () => {
    const against = (positive: Parts, negative: Parts, mass: Mass) =>
      statementOf(shares(positive, negative, mass)).against
    expect(against({ brows: 1 }, { mouth: 1 }, { positive: 0.9, negative: 0.1 })).toBeNull()
    expect(against({ brows: 1 }, { mouth: 1 }, { positive: 0.85, negative: 0.15 })).toBe('mouth')
    expect(against({ brows: 1 }, even(), forAndAgainst)).toBeNull()
    // The brows have the largest negative share and speak for it on balance all the same.
    expect(against({ brows: 1 }, { brows: 0.6, mouth: 0.4 }, forAndAgainst)).toBe('mouth')
    expect(against({ brows: 1 }, { brows: 1 }, forAndAgainst)).toBeNull()
    expect(against({ brows: 0.8, eyes: 0.2 }, { eyes: 1 }, { positive: 1, negative: 0.9 })).toBe('eyes')
  })

  it('says "mostly" only for more than half of what speaks for it, in regions of at least 15 %', () => {
    const kind = (positive: Parts) => statementOf(shares(positive)).kind
    expect(kind({ brows: 0.5, eyes: 0.14, nose: 0.14, mouth: 0.14, chin: 0.08 })).toBe('many')
    expect(kind({ brows: 0.51, eyes: 0.14, nose: 0.14, mouth: 0.14, chin: 0.07 })).toBe('mostly')
    expect(kind({ ...even(), brows: 0.149, eyes: 0.051 })).toBe('spread')
    expect(kind({ ...even(), brows: 0.1501, eyes: 0.0499 })).toBe('many')
  })

  it('is unsteady only for a known and high uncertainty', () => {
    const unsteady = (uncertainty?: number) => statementOf(shares({ brows: 1 }), uncertainty).unsteady
    expect([undefined, 0, unsteadyFrom - 0.1, unsteadyFrom, 100].map(unsteady)).toEqual([
      false,
      false,
      false,
      true,
      true
    ])
  })

  const weights = fc.array(fc.nat(100), { minLength: 10, maxLength: 10 })
  const anyShares = fc
    .record({ up: weights, down: weights, positive: fc.nat(50), negative: fc.nat(50) })
    .map(({ up, down, positive, negative }) => {
      const part = (values: number[]): Parts => {
        const sum = values.reduce((a, b) => a + b, 0)
        return Object.fromEntries(regionNames.map((name, i) => [name, sum > 0 ? values[i]! / sum : 0]))
      }
      const mass = {
        positive: up.some((v) => v > 0) ? positive : 0,
        negative: down.some((v) => v > 0) ? negative : 0
      }
      return shares(part(up), part(down), mass)
    })

  it('agrees with the balances, whatever they are', () => {
    fc.assert(
      fc.property(anyShares, (given) => {
        const balance = Object.fromEntries(given.map((share) => [share.region, share.balance]))
        const all = Object.values(balance)
        const [pro, contra] = [1, -1].map((sign) => all.reduce((sum, b) => sum + Math.max(0, sign * b), 0))
        const { kind, regions, careful, against, outweighed } = statementOf(given)
        const named = regions.map(({ region }) => balance[region]! / pro!)
        expect(regions.length).toBeLessThanOrEqual(rules.mostNamed)
        expect([...named].sort((a, b) => b - a)).toEqual(named)
        expect(named.every((share) => share >= 0.15)).toBe(true)
        regions.forEach(({ percent }, i) => {
          expect(Math.abs(percent - 100 * named[i]!)).toBeLessThanOrEqual(0.5 + 1e-9)
        })
        if (kind === 'mostly') expect(named.reduce((a, b) => a + b, 0)).toBeGreaterThan(0.5)
        if (kind === 'spread') expect(Math.max(...all)).toBeLessThan(0.15 * pro!)
        expect(kind === 'none').toBe(pro === 0)
        const weighsMost = -balance.outside! === Math.max(...all.map(Math.abs))
        if (regions[0]?.region === 'outside' || (against === 'outside' && weighsMost)) expect(careful).toBe(true)
        if (careful) expect(regions[0]?.region === 'outside' || weighsMost).toBe(true)
        expect(outweighed).toBe(kind !== 'none' && contra! > pro!)
        if (against) expect(balance[against]!).toBeLessThan(0)
      })
    )
  })

  it('puts each region into words once at most, in both languages, whatever the shares', () => {
    // Longest first, so that "die Nase" is not found in "die Nasenflügel".
    const names = {
      en: /brows|eyes|nostrils|nose|nasolabial folds|mouth|cheeks|forehead|chin|outside/g,
      de: /Brauen|Augen|Nasenflügel|Nasolabialfalten|Nase|Mund|Wangen|Stirn|Kinn|außerhalb/g
    }
    fc.assert(
      fc.property(anyShares, fc.option(fc.nat(100), { nil: undefined }), (given, uncertainty) => {
        const text = explanationInWords(only('pain'), given, uncertainty)
        const { regions, against } = statementOf(given)
        for (const language of ['en', 'de'] as const) {
          const found = text[language].match(names[language]) ?? []
          expect(new Set(found).size).toBe(found.length)
          expect(found.length).toBe(regions.length + (against ? 1 : 0))
        }
      }),
      { numRuns: 500 }
    )
  })
})
