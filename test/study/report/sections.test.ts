/** What a report says where the data are too few to say more. */
import { describe, expect, it } from 'vitest'
import { strategiesSection } from '../../../src/study/report/checks-sections.js'
import { comparisonsOf, mapDifferencesOf, meanMapsOf } from '../../../src/study/report/comparisons.js'
import { exampleSection } from '../../../src/study/report/example-section.js'
import type { Explanations } from '../../../src/study/report/explanations.js'
import type { GateFinding } from '../../../src/study/report/gate.js'
import { gateSection, unitsSection } from '../../../src/study/report/gate-sections.js'
import { languageOf } from '../../../src/study/report/languages/index.js'
import { mapsSection } from '../../../src/study/report/maps-section.js'
import { type ReducedMap, reducedMap, reducedMapOf } from '../../../src/study/report/reduced-map.js'
import { regionSection } from '../../../src/study/report/region-sections.js'
import type { MapTask } from '../../../src/study/report/relevance-pass.js'
import type { SampledPicture } from '../../../src/study/report/sample.js'
import { strategiesOf } from '../../../src/study/report/strategies.js'
import type { StudyRun } from '../../../src/study/report/study-run.js'

const labels = ['pain', 'disgust', 'happiness']
const size = { width: 64, height: 64 }
const run = { judgement: { labels, alarmLabel: 'pain' }, dataset: { size } } as unknown as StudyRun
const mean = { value: 1.2, interval: { low: 1.1, high: 1.3 } }
const passing: GateFinding = { composite: 'lrp.z', persons: 2, follows: mean, lies: mean, passed: true }
const unit = { unit: 'AU4', base: 'resting', output: mean, probability: mean, relevance: { 'lrp.z': mean } }
const units = [unit] as unknown as Explanations['units']

/** Explanations of a run without pictures, of which the gate was passed. */
function foundWith(changed: Partial<Explanations>): Explanations {
  const explained = { run, pictures: [], maps: () => null }
  const comparisons = comparisonsOf(explained, ['lrp.z'], { seed: 1, repetitions: 20 })
  return { composites: ['lrp.z'], gate: [passing], persons: 2, pictures: [], comparisons, ...changed } as Explanations
}

const chance = { seed: 1, repetitions: 20 }

describe('examples of labels of which some cannot be drawn', () => {
  const own = { judgement: { labels: ['pain', 'fear'] } } as unknown as StudyRun
  const said = async (code: 'en' | 'de', isOfPersons: boolean): Promise<string> =>
    (await exampleSection(own, { gate: [] }, [], isOfPersons, languageOf(code))).paragraphs.join('\n')

  it('say so of these alone, and how to show them', async () => {
    expect(await said('en', false)).toMatch(/No face of fear can be drawn.*--with-pictures/)
    expect(await said('de', false)).toContain('Gesichter mit fear lassen sich nicht zeichnen')
  })

  it('are pictures of the data where these are shown', async () => {
    expect(await said('en', true)).not.toContain('can be drawn')
  })
})
const composites = ['lrp.z', 'lrp.preset']

/** Relevance of one sign everywhere, as a composite without negative parts gives it for an output above or below zero. */
function mapOf(sign: number): ReducedMap {
  const regions = new Uint8Array(size.width * size.height).fill(1)
  const relevance = new Float32Array(regions.length).fill(sign)
  return reducedMapOf(reducedMap(relevance, regions, size, { start: sign, logits: [1, 0, 0] }), labels.length)
}

/**
 * Subjects with a picture of each label, all called right. Under the preset, nothing speaks for pain in pictures of disgust, and nothing for
 * happiness in the pictures of two subjects.
 */
function partlyEmpty(subjects = 8): Explanations {
  const pictures = Array.from({ length: 3 * subjects }, (_, place): SampledPicture => {
    const label = place % 3
    const row = { crop: '', subject: `s${Math.floor(place / 3)}`, label: labels[label]!, source: 'lab', video: '' }
    const probabilities = new Float64Array(3)
    const judged = { row: { ...row, timeS: null, intensity: null }, fold: 1, predicted: label, probabilities }
    return { place, judged: { ...judged, uncalibrated: probabilities }, label, right: true }
  })
  const [plus, minus] = [mapOf(1), mapOf(-1)]
  const maps = (composite: string, _: number, { place, target, minus: less }: MapTask): ReducedMap => {
    const isDisgustForPain = place % 3 === 1 && target === 0
    const isFaint = place % 3 === 2 && target === 2 && place < 6 && less === undefined
    return composite === 'lrp.preset' && (isDisgustForPain || isFaint) ? minus : plus
  }
  const explained = { run, pictures, maps }
  return {
    ...{ composites, pictures, persons: 9, landmarks: new Float32Array(136).fill(32) },
    gate: composites.map((composite) => ({ ...passing, composite })),
    comparisons: comparisonsOf(explained, composites, chance),
    meanMaps: meanMapsOf(explained, composites),
    mapDifferences: mapDifferencesOf(explained, composites, chance),
    strategies: strategiesOf(explained, composites, 1)
  } as unknown as Explanations
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

  it('says of each figure and table how many pictures of how many have no positive relevance under a composite, all of a label or some', () => {
    const { parts } = regionSection(run, partlyEmpty(), language)
    const noteOf = (name: string): string =>
      parts.find((one) => one.name === name && !!one.figure === name.includes('-'))!.note!
    const [pain, disgust, happiness] = labels.map(language.label)
    const all = {
      en: `under lrp.preset, ${pain} − ${disgust}: 8 of 8 pictures of ${disgust} (no subject is left)`,
      de: `unter lrp.preset, ${pain} − ${disgust}: 8 von 8 Bildern von ${disgust} (keine Person bleibt)`
    }[code]
    const some = {
      en: `under lrp.preset, ${pain} − ${happiness}: 2 of 8 pictures of ${happiness} (6 subjects are left)`,
      de: `unter lrp.preset, ${pain} − ${happiness}: 2 von 8 Bildern von ${happiness} (6 Personen bleiben)`
    }[code]
    expect(noteOf('regions-own')).toContain(some)
    expect(noteOf('regions-own')).not.toContain(all)
    for (const name of ['regions-alarm', 'regions-contrast']) {
      expect(noteOf(name), name).toContain(all)
      expect(noteOf(name), name).not.toContain(some)
      expect(parts.find((one) => one.name === name)!.figure).toContain(`>${language.regions.noSubject}<`)
    }
    const { contrast } = language.regions.explained
    expect(noteOf('regions')).toContain(some)
    expect(noteOf('regions')).toContain(all.replace(': 8', ` (${contrast}): 8`))
    expect(noteOf('regions')).not.toContain('lrp.z')
  })

  it('gives in the files how many pictures were asked and how many left out, with a row where nothing is left', () => {
    const { csv } = regionSection(run, partlyEmpty(), language).parts.find(({ name }) => name === 'regions-contrast')!
    const cell = (row: readonly unknown[], field: string): unknown => row[csv.fields.indexOf(field)]
    const empty = csv.rows.filter((row) => cell(row, 'composite') === 'lrp.preset' && cell(row, 'other') === 'disgust')
    const right = empty.filter((row) => cell(row, 'pictures') === 'right')
    expect(right).toHaveLength(1)
    const counted = ['region', 'subjects', 'label_pictures', 'label_left_out', 'other_pictures', 'other_left_out']
    expect(counted.map((field) => cell(right[0]!, field))).toEqual([null, 0, 8, 0, 8, 8])
    for (const row of csv.rows) expect(row).toHaveLength(csv.fields.length)
  })

  it('names the composites under which two labels cannot be compared, and the subjects of the others', () => {
    const found = partlyEmpty()
    // Of five subjects no p can fall below 0.05.
    const comparisons = found.comparisons.map((one) =>
      one.composite === 'lrp.preset' && one.other === 'happiness' ? { ...one, subjects: 5 } : one
    )
    const { paragraphs } = regionSection(run, { ...found, comparisons }, language)
    const place = paragraphs.findIndex((text) =>
      text.startsWith({ en: 'Under lrp.preset, pain cannot be held', de: 'Unter lrp.preset lässt sich Schmerz' }[code])
    )
    expect(paragraphs[place + 1]).toMatch({ en: /over 8 subjects/, de: /über 8 Personen/ }[code])
  })

  it('puts into words what the alarm’s label and the contrast show: differences, intervals, p, subjects, and composites that disagree', () => {
    const found = partlyEmpty()
    const region = (name: string, difference: number, half: number, p: number) => ({
      ...{ region: name, share: 0, otherShare: 0, difference, p },
      interval: { low: difference - half, high: difference + half }
    })
    const shown = {
      own: { 'lrp.z': [], 'lrp.preset': [] },
      alarm: { 'lrp.z': [region('mouth', 0.051, 0.03, 0.0134)], 'lrp.preset': [region('mouth', 0.102, 0.038, 0.002)] },
      contrast: {
        'lrp.z': [region('nose', -0.03, 0.04, 0.03), region('brows', 0.2, 0.1, 0.002)],
        'lrp.preset': [region('nose', -0.03, 0.01, 0.002), region('brows', -0.2, 0.1, 0.002)]
      }
    }
    const comparisons = found.comparisons
      .filter(({ other, reading }) => other === 'happiness' && reading === 'right')
      .map((one) => {
        const own: { region: string }[] = shown[one.question][one.composite as 'lrp.z']
        const regions = one.regions.map((rest) => own.find((each) => each.region === rest.region) ?? rest)
        return { ...one, subjects: one.question === 'alarm' && one.composite === 'lrp.z' ? 7 : 8, regions }
      }) as Explanations['comparisons']
    const { paragraphs } = regionSection(run, { ...found, comparisons }, language)
    const words = {
      en: [
        'Between pain and happiness, over 8 subjects, there is no region in which all composites that pass differ in one direction by more than chance.',
        'Here each picture is explained for pain. Over 7 to 8 subjects, under every composite that passes, pictures of pain have more of their relevance than pictures of happiness at mouth (5.1 to 10.2 percentage points, 95\u00a0%: 2.1 to 14.0, p = 0.014 or less).',
        'Here each picture is explained for the contrast, what speaks for pain rather than for happiness. Over 8 subjects, under every composite that passes, pictures of pain have less of their relevance than pictures of happiness at nose (3.0 percentage points, 95\u00a0%: −1.0 to 7.0, p = 0.030 or less).',
        '!Here each picture is explained for the contrast, what speaks for pain rather than for happiness. Composites contradict each other at brows: pictures of pain have more relevance there than pictures of happiness under lrp.z, and less under lrp.preset. Nothing can be said of this region.'
      ],
      de: [
        'Zwischen Schmerz und Freude gibt es über 8 Personen keine Region, in der alle Composites, die bestehen, in dieselbe Richtung mehr als zufällig abweichen.',
        'Hier ist jedes Bild für Schmerz erklärt. Über 7 bis 8 Personen haben Bilder von Schmerz unter jedem Composite, das besteht, mehr ihrer Relevanz als Bilder von Freude bei: Mund (5,1 bis 10,2 Prozentpunkte, 95\u00a0%: 2,1 bis 14,0, p = 0,014 oder weniger).',
        'Hier ist jedes Bild für den Kontrast erklärt, also dafür, was für Schmerz statt für Freude spricht. Über 8 Personen haben Bilder von Schmerz unter jedem Composite, das besteht, weniger ihrer Relevanz als Bilder von Freude bei: Nase (3,0 Prozentpunkte, 95\u00a0%: −1,0 bis 7,0, p = 0,030 oder weniger).',
        '!Hier ist jedes Bild für den Kontrast erklärt, also dafür, was für Schmerz statt für Freude spricht. Composites widersprechen sich bei Brauen: Bilder von Schmerz haben dort unter lrp.z mehr Relevanz als Bilder von Freude, unter lrp.preset weniger. Über diese Region lässt sich nichts sagen.'
      ]
    }[code]
    expect(paragraphs.slice(1, 5)).toEqual(words)
    const { nothing } = language.regions
    const pair = { label: language.label('pain'), other: language.label('disgust'), subjects: { low: 6, high: 6 } }
    expect(nothing({ ...pair, explained: 'alarm' })).toMatch(
      {
        en: /Between pictures of pain and pictures of disgust, over 6/,
        de: /Zwischen Bildern von Schmerz und denen von Ekel /
      }[code]
    )
  })

  it('says of a question alone that too few subjects have maps for it, and once where this is so of all', () => {
    const found = partlyEmpty()
    const saidWith = (subjectsOf: (question: string) => number): string[] => {
      const comparisons = found.comparisons
        .filter(({ other }) => other === 'happiness')
        .map((one) => ({ ...one, subjects: subjectsOf(one.question) }))
      const { paragraphs } = regionSection(run, { ...found, comparisons }, language)
      return paragraphs.filter((text) =>
        text.includes({ en: 'too few for a test', de: 'zu wenige für einen Test' }[code])
      )
    }
    const pair = { label: language.label('pain'), other: language.label('happiness'), subjects: 5 }
    expect(saidWith(() => 5)).toEqual([language.regions.tooFew({ ...pair, explained: 'own' })])
    const alone = saidWith((question) => (question === 'contrast' ? 5 : 8))
    expect(alone).toEqual([language.regions.tooFew({ ...pair, explained: 'contrast' })])
    expect(alone[0]).toMatch({ en: /^Here .* only 5 subjects/, de: /^Hier .* nur 5 Personen/ }[code])
  })

  it('keeps maps in which nothing speaks for the label in the mean maps, where they are relevance too', async () => {
    const found = partlyEmpty()
    const [part] = (await mapsSection(run, found, language)).parts
    expect(part!.note).toBe(language.maps.note)
    expect(found.meanMaps.every(({ subjects }) => subjects === 8)).toBe(true)
  })

  it('says which labels have too few maps to be grouped', async () => {
    const { paragraphs, parts } = await strategiesSection(run, partlyEmpty(), language)
    expect(parts).toEqual([])
    expect(paragraphs.at(-1)).toBe(language.strategies.tooFew(labels.map(language.label)))
  })

  it('says which pictures are in no group, since nothing in their maps speaks for their label', async () => {
    const [table] = (await strategiesSection(run, partlyEmpty(16), language)).parts
    const said = { en: '2 of 16 pictures of happiness', de: '2 von 16 Bildern von Freude' }[code]
    expect(table!.note).toContain(`lrp.preset: ${said}`)
    expect(table!.note).not.toContain('lrp.z')
  })

  it('has room for the longest name at the axis of each figure, and writes its numbers as the language does', () => {
    const [follows] = gateSection(foundWith({}), language).parts
    expect(follows!.figure).toMatch({ en: />0\.2</, de: />0,2</ }[code])
    const regions = regionSection(run, partlyEmpty(), language).parts[0]!.figure!
    const outside = language.region.outside
    const place = regions.slice(0, regions.indexOf(`>${outside}<`)).match(/translate\(([\d.]+),[^)]*\)"[^>]*$/)![1]
    expect(Number(place)).toBeGreaterThan(6.5 * outside.length)
  })

  it('shows the probability to the left of the relevance, as the caption of the action units says', () => {
    const found = foundWith({ units })
    const { figure } = unitsSection(found, [], 'pain', language).parts[0]!
    const x = (name: string): number =>
      Number(figure!.match(new RegExp(`translate\\(([\\d.]+),0\\)"><text[^>]*>${name}`))![1])
    expect(x(language.units.output)).toBeLessThan(x(language.units.relevance))
  })

  it('says of a change that rounds to nothing that it is less than a tenth, and which way it goes', () => {
    const said = (change: number): string =>
      language.units.strongest({ units: [{ unit: 'AU43', points: change }], label: 'x' })
    expect(said(-0.03)).toMatch(
      { en: /AU43 \(less than 0\.1 percentage points down\)/, de: /AU43 \(weniger als 0,1 Prozentpunkte abwärts\)/ }[
        code
      ]
    )
    expect(said(-0.06)).toMatch({ en: /AU43 \(−0\.1 percentage points\)/, de: /AU43 \(−0,1 Prozentpunkte\)/ }[code])
  })

  it('names the columns of action units that too few subjects have for a test, and counts the others only', () => {
    const column = (name: string, subjects: number, p: number | null) => ({
      ...{ column: name, subjects, p },
      correlation: { value: 0.4, interval: { low: 0.3, high: 0.5 } }
    })
    const said = (...columns: ReturnType<typeof column>[]): string =>
      unitsSection(foundWith({ units }), columns, 'pain', language).paragraphs.slice(3).join('\n')
    const some = said(column('AU04', 9, 0.01), column('AU12', 7, 0.2), column('AU09', 2, null))
    expect(some).toMatch(
      { en: /within 7 to 9 subjects, .* of 2 tested/, de: /von 7 bis 9 Personen, .* 2 geprüften/ }[code]
    )
    expect(some).toMatch({ en: /\nNot tested: AU09, since/, de: /\nNicht geprüft: AU09, da/ }[code])
    const none = said(column('AU04', 3, null), column('AU12', 0, null))
    expect(none).toBe(language.units.untestedColumns({ columns: ['AU04', 'AU12'], of: 2 }))
    expect(none).toMatch({ en: /cannot be tested: .* fewer than 6/, de: /nicht prüfen: .* weniger als 6/ }[code])
    expect(said(column('AU04', 9, 0.01))).not.toContain('\n')
  })

  it('rounds the p of "or less" up, so that it holds for each composite', () => {
    const found = partlyEmpty()
    const comparisons = found.comparisons.map((one) => ({
      ...one,
      regions: one.regions.map((own) => ({ ...own, difference: 0.1, p: 0.0134 }))
    }))
    const { paragraphs } = regionSection(run, { ...found, comparisons }, language)
    expect(paragraphs.join(' ')).toContain({ en: 'p = 0.014 or less', de: 'p = 0,014 oder weniger' }[code])
  })

  it('warns of a gate that two rendered persons have passed, and not of one of ten', () => {
    const warned = (persons: number): boolean =>
      gateSection(foundWith({ persons }), language).paragraphs.some((text) => /^!(Only|Nur) 2 /.test(text))
    expect([warned(2), warned(10)]).toEqual([true, false])
  })
})
