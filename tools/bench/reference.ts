/** `npm run bench -- reference`: what references are worth to drawn elders, by `painlens study evaluate --reference`'s own code. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alarmSchema } from '#painlens/config/schema.js'
import { alarmOptions } from '#painlens/daemon/wiring/mapping.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { quantile } from '#painlens/lib/statistics/index.js'
import { readDataset } from '#painlens/study/dataset.js'
import type { Compared } from '#painlens/study/evaluate/compared.js'
import { judgeDataset } from '#painlens/study/evaluate/judge.js'
import type { JudgedData } from '#painlens/study/evaluate/judged.js'
import { type ReferenceWorth, worthOf } from '#painlens/study/evaluate/worth.js'
import { worthText } from '#painlens/study/evaluate/worth-text.js'
import { writeDataSet } from '../train/data-set.js'
import { groups, nightCrops } from './elders.js'
import { table } from './table.js'

/** Of each group. */
const people = 64
/** `alarm.reference.max_shift` that are tried; the last refuses none. */
const shifts = [0.5, 1, 1.5, 2, 3, 100]
/** Of the bootstrap; the table has no intervals. */
const repetitions = 2000

export async function referenceReport(manifest: Manifest, threads: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  const write = (line: string): void => void process.stderr.write(line)
  try {
    const parts: string[] = []
    for (const group of groups) {
      const data = join(folder, group)
      await writeDataSet(data, manifest.input, nightCrops(group, people, manifest.input))
      write(`${group}: drawn\n`)
      const options = { folder: data, threads, write, signal: new AbortController().signal }
      parts.push(`### ${group}\n\n${partOf(await judgeDataset(await readDataset(data), manifest, options))}`)
    }
    return parts.join('\n\n')
  } finally {
    await rm(folder, { recursive: true })
  }
}

function partOf(judgement: JudgedData): string {
  const config = alarmSchema.parse({})
  const { rules, priorities } = alarmOptions({ alarm: config, facility: null, cameras: [] })
  const worth = (maxShift: number, samples: number): ReferenceWorth =>
    worthOf(judgement, judgement.one!, {
      alarm: { rules, priorities },
      rules: { maxShift, alwaysAlarm: rules.alwaysAlarm },
      chance: { seed: 1, repetitions: samples }
    })
  const all = shifts.map((shift) => worth(shift, 1))
  const text = worthText(worth(config.reference.max_shift, repetitions), judgement.alarmLabel)
  return `\`\`\`\n${text}\n\`\`\`\n\n${reachesOf(all.at(-1)!)}\n\n${shiftTable(all)}`
}

/** By how much pain would be lowered, where no shift is too large. */
function reachesOf({ by_subject }: ReferenceWorth): string {
  const reaches = by_subject.flatMap(({ reach }) => reach ?? []).sort((a, b) => a - b)
  const at = (share: number): string => quantile(reaches, share).toFixed(2)
  return `Shift that the reference needs, of ${reaches.length} people: median ${at(0.5)}, 75 % ${at(0.75)}, 95 % ${at(0.95)}, largest ${at(1)}.`
}

function shiftTable(all: readonly ReferenceWorth[]): string {
  const head = [
    'max_shift',
    'have one',
    'ROC area',
    'false alarms an hour',
    'missed episodes',
    'false alarms an hour at equal missed (threshold)',
    'false positives of crops',
    'missed crops',
    'false positives at equal missed (threshold)',
    'harmed'
  ]
  const first = all[0]!
  const without = ['none', 0, ...cells(first, 'without'), '', ...cropCells(first, 'without'), '', '']
  return table(head, [
    without,
    ...all.map((worth) => [
      worth.max_shift,
      worth.referenced,
      ...cells(worth, 'with'),
      atEqual(worth.alarms?.at_equal_missed),
      ...cropCells(worth, 'with'),
      atEqual(worth.crops_at_equal_missed),
      worth.harmed.length
    ])
  ])
}

type Side = 'without' | 'with'
const figure = (compared: Compared | undefined, side: Side): string => compared?.[side]?.toFixed(3) ?? ''
const cells = ({ roc_area, alarms }: ReferenceWorth, side: Side): string[] => [
  figure(roc_area, side),
  figure(alarms?.false_alarms_per_hour, side),
  figure(alarms?.missed_episodes, side)
]
const cropCells = ({ false_positive_rate, missed_crops }: ReferenceWorth, side: Side): string[] => [
  figure(false_positive_rate, side),
  figure(missed_crops, side)
]
const atEqual = (at: ReferenceWorth['crops_at_equal_missed'] | undefined): string =>
  at ? `${figure(at.false_rate, 'with')} (${at.onset_threshold.toFixed(2)})` : 'none'
