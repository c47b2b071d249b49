import type { Clip, Findings } from './clips.js'

/** Labels that data sets have beside those that were asked for: their rows are left out and counted. */
const otherExpressions = new Set('anger fear sadness surprise contempt embarrassment'.split(' '))
/** How many folds `study train` makes unless told otherwise. */
const usualFolds = 5

export interface ClipChoice {
  /** Labels that are prepared. */
  labels: readonly string[]
  /** Subjects that are left out, by the names of the data. */
  exclude: readonly string[]
}

/**
 * The clips that are asked for, with labels and subjects in one spelling; a label that is unknown is a problem. The same letters may be written in
 * several ways (Unicode's composed and decomposed forms, the latter by macOS), which look alike and would be two people.
 */
export function chosen(all: readonly Clip[], { labels, exclude: given }: ClipChoice, findings: Findings): Clip[] {
  const exclude = given.map((name) => name.normalize())
  const clips = all.map((clip) => ({ ...clip, subject: clip.subject.normalize() }))
  const subjects = new Set(clips.map(({ subject }) => subject))
  for (const name of exclude)
    if (!subjects.has(name)) findings.problem('--exclude names a subject that is not in these data', name)
  const left = new Set(exclude)
  return clips.flatMap((clip) => {
    const label = clip.label.toLowerCase()
    if (left.has(clip.subject)) {
      findings.leave('a subject of --exclude')
      return []
    }
    if (labels.includes(label)) return [{ ...clip, label }]
    if (otherExpressions.has(label)) findings.leave(`label ${label}`)
    else if (label !== '') findings.problem(`the label "${clip.label}" is not one of ${labels.join(', ')}`, clip.row)
    return []
  })
}

/**
 * Warns of what makes a study worth less than it seems. Each is a sentence.
 * @param clips with their subjects as they are in the data: empty where unknown
 */
export function warnOfTraps(clips: readonly Clip[], { labels }: ClipChoice, { warnings }: Findings): void {
  const shown = new Set(clips.map(({ label }) => label))
  const missing = labels.filter((label) => !shown.has(label))
  if (missing.length > 0) warnings.push(`No row shows ${missing.join(' or ')}.`)
  warnOfSources(clips, warnings)
  const nameless = clips.filter(({ subject }) => subject === '').length
  if (nameless > 0)
    warnings.push(
      `${nameless === clips.length ? 'NO ROW HAS' : `${nameless} ROWS HAVE NO`} SUBJECT: each picture or video counts as a person of its own, so that ` +
        'folds cannot keep people apart, and every figure will be too good.'
    )
  warnOfSpelling(clips, warnings)
  const subjects = new Set(clips.map(({ subject, file }) => subject || file))
  if (subjects.size < usualFolds)
    warnings.push(
      `Only ${subjects.size} subject(s), which make ${subjects.size} folds at most, where ${usualFolds} are usual: give study train --folds.`
    )
  for (const label of [...shown].sort()) {
    const own = new Set(clips.filter((clip) => clip.label === label).map(({ subject, file }) => subject || file))
    if (own.size === 1 && subjects.size > 1)
      warnings.push(`A single subject shows ${label}: no fold can both train and test it.`)
  }
}

/** Names are not told: the warning is kept with the data set, which may have pseudonyms. */
function warnOfSpelling(clips: readonly Clip[], warnings: string[]): void {
  const spellings = new Map<string, Map<string, string>>()
  for (const { subject, row } of clips) {
    const alike = subject
      .normalize('NFKC')
      .toLowerCase()
      .replaceAll(/[\s_.-]+/g, ' ')
    const own = spellings.get(alike) ?? new Map<string, string>()
    spellings.set(alike, own)
    if (!own.has(subject)) own.set(subject, row)
  }
  const several = [...spellings.values()].filter(({ size }) => size > 1)
  if (several.length === 0) return
  const rows = [...new Set(several[0]!.values())].filter((row) => /^row \d+$/.test(row))
  warnings.push(
    `${several.length} NAME(S) OF SUBJECTS ARE WRITTEN IN SEVERAL WAYS${rows.length > 1 ? ` (${rows.join(', ')}, for example)` : ''}, which differ only in case, blanks, ` +
      'hyphens, dots or underscores: if these are one person, who would be in training and test at once, write them alike.'
  )
}

function warnOfSources(clips: readonly Clip[], warnings: string[]): void {
  const sources = new Map<string, Set<string>>()
  const subjects = new Map<string, Set<string>>()
  for (const { label, source, subject } of clips) {
    sources.set(label, (sources.get(label) ?? new Set()).add(source))
    if (subject !== '') subjects.set(subject, (subjects.get(subject) ?? new Set()).add(source))
  }
  const all = new Set(clips.map(({ source }) => source))
  const alone = all.size === 1 ? [] : [...sources].filter(([, own]) => own.size === 1)
  if (alone.length > 0) {
    const named = alone.map(([label, own]) => `${label.toUpperCase()} (${[...own][0]})`).join(', ')
    warnings.push(
      `EACH OF THESE COMES FROM ONE SOURCE ONLY: ${named}. A model can learn the source (its light, its camera, its room) in ` +
        'place of the expression, and no figure will tell.'
    )
  }
  const shared = [...subjects.values()].filter((own) => own.size > 1).length
  if (shared > 0) warnings.push(`${shared} name(s) of subjects are in several sources: each is taken for one person.`)
}
