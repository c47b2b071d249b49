import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alarmSchema } from '../../src/config/schema.js'
import { alarmOptions } from '../../src/daemon/wiring/mapping.js'
import { createRandom } from '../../src/lib/random.js'
import type { Evaluation } from '../../src/study/evaluate/evaluation.js'
import { type EvaluateOptions, evaluateStudy } from '../../src/study/evaluate/index.js'

export const labels = ['pain', 'disgust', 'happiness'] as const

/** A crop and what is said of it; `p` is the probability of pain where it is not drawn by chance. */
export interface Said {
  subject: string
  label: string
  source?: string
  video?: string
  timeS?: number
  intensity?: number | ''
  fold?: number
  p?: number
}

export interface RunFolder {
  data: string
  run: string
  rows: Said[]
}

/** The daemon's alarms by the config's defaults. */
export const alarm = (() => {
  const { rules, priorities } = alarmOptions({ alarm: alarmSchema.parse({}), facility: null, cameras: [] })
  return { rules, priorities }
})()

export const optionsFor = (data: string, by: EvaluateOptions['by']): EvaluateOptions => ({
  data,
  by,
  alarm,
  reference: null,
  chance: { seed: 1, repetitions: 300 },
  writeResting: false,
  threads: 1
})

export const evaluate = (
  options: EvaluateOptions,
  signal: AbortSignal = new AbortController().signal
): Promise<{ folder: string; text: string }> => evaluateStudy(options, () => undefined, signal)

/** A folder for everything of a test file, and its end. */
export function folderFor(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-evaluate-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A data set without pictures, and a run whose folds have judged it: right more often than not. */
export function writeRun(folder: string, rows: Said[], { yaml = '', temperature = 1.6 } = {}): RunFolder {
  const [data, run] = [join(folder, 'data'), join(folder, 'run')]
  mkdirSync(data, { recursive: true })
  const random = createRandom(6)
  const all = rows.map((row, i) => ({ source: 's', video: `v${row.subject}`, fold: 1, ...row, crop: `crops/${i}.png` }))
  const index = all.map(({ crop, subject, label, source, video, timeS = '', intensity = '' }) =>
    [crop, subject, label, source, video, timeS, intensity].join(',')
  )
  writeFileSync(join(data, 'index.csv'), `crop,subject,label,source,video,time_s,intensity\n${index.join('\n')}\n`)
  writeFileSync(
    join(data, 'dataset.yaml'),
    `size: { width: 32, height: 32 }\nalignment: { eye_distance: 0.38, eye_y: 0.36 }\n${yaml}`
  )
  const predictions = all.map(({ crop, subject, label, fold, p }) => {
    const place = (labels as readonly string[]).indexOf(label)
    const raw = labels.map((_, i) => 0.05 + random() + (i === place ? 0.5 : 0))
    const sum = raw.reduce((a, b) => a + b, 0)
    const drawn = p === undefined ? raw.map((one) => one / sum) : [p, (1 - p) * 0.6, (1 - p) * 0.4]
    const said = labels[drawn.indexOf(Math.max(...drawn))]
    return [crop, subject, label, fold, said, ...drawn].join(',')
  })
  for (const fold of new Set(all.map((row) => row.fold))) {
    mkdirSync(join(run, `fold-${fold}`), { recursive: true })
    writeFileSync(
      join(run, `fold-${fold}`, 'model.yaml'),
      `labels: [${labels.join(', ')}]\nalarm_label: pain\ntemperature: ${temperature}\n`
    )
  }
  const header = `crop,subject,label,fold,predicted,${labels.map((label) => `p_${label}`).join(',')}`
  writeFileSync(join(run, 'predictions.csv'), `${header}\n${predictions.join('\n')}\n`)
  return { data, run, rows: all }
}

/** Subjects in folds, each with so many crops of each label. */
export function subjectsWith(crops: number, subjects = 9, withNeutral = true): Said[] {
  const shown = withNeutral ? [...labels, 'neutral'] : labels
  return Array.from({ length: subjects }, (_, s) =>
    shown.flatMap((label) =>
      Array.from({ length: crops }, (_, i) => ({
        subject: `p${s}`,
        label,
        fold: 1 + (s % 3),
        source: s % 2 === 0 ? 'ward' : 'lab',
        intensity: label === 'pain' ? 1 + (i % 4) : ('' as const)
      }))
    )
  ).flat()
}

/** A video at four frames a second. @param p the probability of pain at a time, and what is shown */
export function video(
  seconds: number,
  at: (s: number) => { label: string; p: number },
  more: Partial<Said> = {}
): Said[] {
  return Array.from({ length: seconds * 4 }, (_, i) => ({ subject: 'p1', timeS: i / 4, ...at(i / 4), ...more }))
}

export type { Evaluation }
