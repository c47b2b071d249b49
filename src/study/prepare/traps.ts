import { neutral, noUsableFace } from '../dataset.js'
import { labelsOfOneSource, type Trap } from '../traps.js'
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
  if (labels.includes(noUsableFace))
    findings.problem('--labels names a column of the results, which is no label', noUsableFace)
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
 * Warns of what makes a study worth less than it seems.
 * @param clips with their subjects as they are in the data: empty where unknown
 */
export function warnOfTraps(clips: readonly Clip[], { labels }: ClipChoice, { warnings }: Findings): void {
  const shown = new Set(clips.map(({ label }) => label))
  const missing = labels.filter((label) => !shown.has(label))
  if (missing.length > 0) warnings.push({ trap: 'missing_labels', labels: missing })
  const outputs = [...shown].filter((label) => label !== neutral)
  if (outputs.length < 2) warnings.push({ trap: 'too_few_labels', labels: outputs })
  warnOfSources(clips, warnings)
  const rows = clips.filter(({ subject }) => subject === '').length
  if (rows > 0) warnings.push({ trap: 'rows_without_subject', rows, all: rows === clips.length })
  warnOfSpelling(clips, warnings)
  const subjects = new Set(clips.map(({ subject, file }) => subject || file)).size
  if (subjects < usualFolds) warnings.push({ trap: 'few_subjects', subjects, folds: usualFolds })
  for (const label of [...shown].sort()) {
    const own = new Set(clips.filter((clip) => clip.label === label).map(({ subject, file }) => subject || file))
    if (own.size === 1 && subjects > 1) warnings.push({ trap: 'single_subject', label })
  }
}

/** Names are not told: the warning is kept with the data set, which may have pseudonyms. */
function warnOfSpelling(clips: readonly Clip[], warnings: Trap[]): void {
  const spellings = new Map<string, Map<string, string>>()
  for (const { subject, row } of clips) {
    const alike = subject
      .normalize('NFKC')
      .toLowerCase()
      .replaceAll(/[\s_.-]+/g, ' ')
      // A spreadsheet takes 007 for a number, and writes 7.
      .replaceAll(/(?<!\d)0+(?=\d)/g, '')
    const own = spellings.get(alike) ?? new Map<string, string>()
    spellings.set(alike, own)
    if (!own.has(subject)) own.set(subject, row)
  }
  const several = [...spellings.values()].filter(({ size }) => size > 1)
  if (several.length === 0) return
  const named = [...new Set(several[0]!.values())].flatMap((row) => /^row (\d+)$/.exec(row)?.[1] ?? []).map(Number)
  warnings.push({ trap: 'several_spellings', names: several.length, rows: named.length > 1 ? named : [] })
}

function warnOfSources(clips: readonly Clip[], warnings: Trap[]): void {
  const alone = labelsOfOneSource(clips)
  if (alone.length > 0) warnings.push({ trap: 'one_source', labels: alone })
  const subjects = new Map<string, Set<string>>()
  for (const { source, subject } of clips)
    if (subject !== '') subjects.set(subject, (subjects.get(subject) ?? new Set()).add(source))
  const shared = [...subjects.values()].filter((own) => own.size > 1).length
  if (shared > 0) warnings.push({ trap: 'shared_names', names: shared })
}
