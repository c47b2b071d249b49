import { describe, expect, it } from 'vitest'
import { type Clip, Findings } from '../../../src/study/prepare/clips.js'
import type { Medium } from '../../../src/study/prepare/inspect.js'
import { type PlanOptions, picturesOf, preparePlan } from '../../../src/study/prepare/plan.js'
import { namesOf } from '../../../src/study/prepare/pseudonyms.js'
import { chosen, warnOfTraps } from '../../../src/study/prepare/traps.js'
import { trapText } from '../../../src/study/traps.js'

const labels = ['pain', 'disgust', 'happiness', 'neutral']
const clip = (label: string, subject: string, source = 'a', file = `/data/${subject}-${label}.mp4`): Clip => ({
  ...{ row: 'row 2', file, subject, label, source, startS: null, endS: null, intensity: null }
})
const everyone = (label: string, source = 'a'): Clip[] => [1, 2, 3, 4, 5].map((i) => clip(label, `s${i}`, source))

function warningsOf(clips: Clip[]): string {
  const findings = new Findings()
  warnOfTraps(clips, { labels, exclude: [] }, findings)
  return findings.warnings.map(trapText).join('\n')
}

describe('warnings of study prepare', () => {
  it('are none where every class has subjects enough, from one source', () => {
    expect(warningsOf(labels.flatMap((label) => everyone(label)))).toBe('')
  })

  it('are none where every class comes from both sources', () => {
    const warned = warningsOf(labels.flatMap((label) => [...everyone(label, 'a'), ...everyone(label, 'b')]))
    expect(warned).toBe('5 name(s) of subjects are in several sources: each is taken for one person.')
  })

  it.each([
    [
      'pain and rest alone, of which no model can be made',
      [...everyone('pain'), ...everyone('neutral')],
      /two labels or more beside neutral, .*: these data have pain\./
    ],
    ['rest alone', everyone('neutral'), /these data have none\./],
    ['a class that is missing', everyone('pain'), /No row shows disgust or happiness or neutral/],
    [
      'a class from one source, others from another',
      [...everyone('pain', 'a'), ...everyone('disgust', 'b')],
      /ONE SOURCE ONLY: PAIN \(a\), DISGUST \(b\)/
    ],
    ['fewer subjects than folds', everyone('pain').slice(1), /Only 4 subject\(s\), which make 4 folds at most/],
    ['no subjects', everyone('pain').map((one) => ({ ...one, subject: '' })), /NO ROW HAS SUBJECT/],
    ['a row without a subject', [...everyone('pain'), clip('pain', '')], /1 ROWS HAVE NO SUBJECT/],
    [
      'a subject in several spellings',
      [...everyone('pain'), clip('pain', 'S1'), clip('pain', 'Jo-Ann'), clip('pain', 'jo_ann')],
      /^2 NAME\(S\) OF SUBJECTS ARE WRITTEN IN SEVERAL WAYS.*, which differ only in case, blanks/m
    ],
    [
      'a number of a subject that a spreadsheet has shortened',
      [...everyone('pain'), clip('pain', '007'), clip('pain', '7'), clip('pain', '70'), clip('pain', 's01')],
      /^2 NAME\(S\) OF SUBJECTS ARE WRITTEN IN SEVERAL WAYS.*zeros in front of numbers/m
    ],
    ['a class of one subject', [...everyone('pain'), clip('disgust', 's1')], /A single subject shows disgust/]
  ])('tell of %s', (_, clips, words) => {
    expect(warningsOf(clips)).toMatch(words)
  })

  it('a name that is written in several ways is not told where it is kept, but its rows are', () => {
    const warned = warningsOf([
      ...everyone('pain'),
      clip('pain', 'Müller'),
      { ...clip('pain', 'MÜLLER'), row: 'row 7' }
    ])
    expect(warned).toMatch(/\(row 2, row 7, for example\)/)
    expect(warned).not.toMatch(/müller/i)
  })

  it('a subject in composed and decomposed letters, which look alike, is one person', () => {
    const findings = new Findings()
    const clips = ['Jos\u00e9', 'Jose\u0301', 'Ann'].map((name) => clip('pain', name))
    const found = chosen(clips, { labels, exclude: [] }, findings)
    expect(new Set(found.map(({ subject }) => subject)).size).toBe(2)
    expect(chosen(clips, { labels, exclude: ['Jose\u0301'] }, findings).map(({ subject }) => subject)).toEqual(['Ann'])
    expect(findings.problems).toEqual([])
  })

  it('a label that the results have as a column of another meaning is refused', () => {
    const findings = new Findings()
    chosen(everyone('pain'), { labels: ['pain', 'no_usable_face'], exclude: [] }, findings)
    expect(findings.problems.join()).toMatch(/^no_usable_face: --labels names a column of the results/)
  })

  it('labels have one spelling; other expressions are counted, unknown labels are a problem', () => {
    const findings = new Findings()
    const clips = [clip('Pain', 's1'), clip('fear', 's1'), clip('happy', 's1'), clip('pain', 's2')]
    const found = chosen(clips, { labels, exclude: ['s2', 's9'] }, findings)
    expect(found.map(({ label }) => label)).toEqual(['pain'])
    expect(Object.fromEntries(findings.leftOut)).toEqual({ 'label fear': 1, 'a subject of --exclude': 1 })
    expect(findings.problems).toEqual([
      's9: --exclude names a subject that is not in these data',
      'row 2: the label "happy" is not one of pain, disgust, happiness, neutral'
    ])
  })
})

describe('the plan', () => {
  const findings = new Findings()
  const options: PlanOptions = { fromS: 0, toS: undefined, everyS: 0.5, dense: false }
  const media = (durationS: number | null): Map<string, Medium> =>
    new Map([['/data/v.mp4', { kind: 'video', bytes: 1, durationS }]])
  const stretches = (durationS: number | null, changed: Partial<PlanOptions> = {}, own: Partial<Clip> = {}) =>
    preparePlan(
      [{ ...clip('pain', 's1', 'a', '/data/v.mp4'), ...own }],
      media(durationS),
      { ...options, ...changed },
      findings
    )

  it('leaves out the beginning and the end of each clip', () => {
    expect(stretches(5.5, { fromS: 2, toS: -0.5 })[0]!.stretch).toEqual({ startS: 2, endS: 5, everyS: 0.5 })
    expect(stretches(5.5, { fromS: 2, toS: 4 })[0]!.stretch).toMatchObject({ startS: 2, endS: 4 })
    expect(stretches(20, { fromS: 2, toS: -1 }, { startS: 10, endS: 15 })[0]!.stretch).toMatchObject({
      startS: 12,
      endS: 14
    })
    expect(stretches(2, { fromS: 2, toS: -0.5 })).toEqual([])
    expect([...findings.leftOut]).toEqual([['shorter than --from and --to leave', 1]])
  })

  it('parts long clips into pieces that meet, on one grid of times', () => {
    const pieces = stretches(200, { everyS: 0.7 }).map(({ stretch }) => stretch!)
    expect(pieces.length).toBe(4)
    expect(pieces.at(-1)!.endS).toBe(200)
    for (const [i, { startS }] of pieces.entries()) {
      if (i > 0) expect(startS).toBe(pieces[i - 1]!.endS)
      expect(Math.abs(startS / 0.7 - Math.round(startS / 0.7))).toBeLessThan(1e-9)
    }
  })

  it('takes two pictures a second of long videos where --dense asks for it', () => {
    const found = stretches(100, { everyS: 2, dense: true })
    expect(found.every(({ dense, stretch }) => dense && stretch!.everyS === 0.5)).toBe(true)
    expect(picturesOf(found)).toBe(200)
    expect(stretches(59, { everyS: 2, dense: true })[0]).toMatchObject({ dense: false, stretch: { everyS: 2 } })
  })

  it('counts all stretches of a video together for --dense, so that the short pain of a night is not thinned out', () => {
    const at = (label: string, startS: number, endS: number, subject = 's1'): Clip => ({
      ...clip(label, subject, 'a', '/data/v.mp4'),
      ...{ startS, endS }
    })
    const planned = (changed: Partial<PlanOptions>, ...clips: Clip[]) =>
      preparePlan(clips, media(70), { ...options, everyS: 4, dense: true, ...changed }, new Findings())
    const night = [at('neutral', 0, 30), at('pain', 30, 40), at('neutral', 40, 60.1)]
    const found = planned({}, ...night)
    expect(found.map(({ dense, stretch }) => [dense, stretch!.everyS])).toEqual([1, 2, 3].map(() => [true, 0.5]))
    expect(planned({ fromS: 1 }, ...night).some(({ dense }) => dense)).toBe(false)
    expect(planned({}, ...night.slice(1), at('neutral', 0, 30, 's2')).some(({ dense }) => dense)).toBe(false)
  })

  it('reads a video that does not say how long it is to its end', () => {
    expect(stretches(null)).toMatchObject([{ stretch: { startS: 0, endS: Number.POSITIVE_INFINITY } }])
  })
})

describe('pseudonyms', () => {
  const clips = ['071309_w_21', '071614_m_20', '080209_w_26'].map((name) =>
    clip('pain', name, 'a', `/root/${name}/${name}-1.mp4`)
  )

  it('tell nothing of the names, and are the same for the same seed', () => {
    const names = namesOf(clips, { root: '/root', personal: true, seed: 3 })
    const shown = clips.map((one) => names.of(one))
    for (const { subject, video } of shown) {
      expect(subject).toMatch(/^s00[123]$/)
      expect(video).toBe(`${subject}-v001`)
    }
    expect(namesOf(clips, { root: '/root', personal: true, seed: 3 }).key).toEqual(names.key)
    expect(Object.fromEntries(names.key)[shown[1]!.subject]).toBe('071614_m_20')
    expect(Object.fromEntries(names.key)[shown[1]!.video]).toBe('071614_m_20/071614_m_20-1.mp4')
  })

  it('are not given unless they are asked for; without a subject each file is a person', () => {
    const names = namesOf(clips, { root: '/root', personal: false, seed: 3 })
    expect(names.of(clips[0]!)).toEqual({ subject: '071309_w_21', video: '071309_w_21/071309_w_21-1.mp4' })
    expect(names.of({ ...clips[0]!, subject: '' }).subject).toBe('unknown 071309_w_21/071309_w_21-1.mp4')
    expect(names.key).toEqual([])
  })
})
