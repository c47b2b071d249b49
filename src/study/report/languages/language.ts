import type { RegionName } from '../../../core/types.js'
import type { Interval } from '../../../lib/statistics/intervals.js'
import type { Evaluation } from '../../evaluate/evaluation.js'
import type { Trap } from '../../traps.js'
import type { FindingWords } from './language-findings.js'

/** A fold's accuracy says little where it has few pictures, as where each subject is one. */
export interface BestFold {
  accuracy: number
  crops: number
  wilson: Interval
}

/** All that a report says in one language: one file in this folder, and one row in index.ts. No sentence says more than its numbers. */
export interface ReportLanguage extends FindingWords {
  /** With the language's decimal sign. */
  number(value: number, digits: number): string
  label(name: string): string
  region: Record<RegionName, string>
  page: PageWords
  data: DataWords
}

interface PageWords {
  title: string
  /** What was judged, by what, with what seed. */
  lead(said: {
    crops: number
    subjects: number
    folds: number
    best: number
    version: string
    seed: number
    key: string
  }): string
  noDevice: string
  withoutPictures: string
  withPictures: string
  files: string
  training: string
  /** Of a trap in the data. */
  trap(found: Trap): string
  /** Any other warning, as it stands: in English, or as it was written by hand. */
  warning(text: string): string
}

/** Tables 1 and 2, and figure 1. */
interface DataWords {
  titles: { data: string; classes: string; confusion: string }
  /** A caption of one of the paper's own tables and figures. */
  paper: string
  own: string
  head: {
    label: string
    images: string
    subjects: string
    videos: string
    sources: string
    precision: string
    recall: string
    recallInterval: string
    f1: string
    whose: string
    called: string
    shown: string
    noFace: string
    share: string
  }
  mean: string
  table1: string
  table2: string
  figure1: string
  paperNote: string
  confusionNote: string
  /** Accuracy with its intervals, and beside it guessing and the paper. */
  accuracy(
    said: Pick<Evaluation, 'accuracy' | 'balanced_accuracy' | 'most_frequent'> & {
      best: BestFold | null
      paper: number
    }
  ): string
  guessing(difference: number, p: number | null, subjects: number): string
  differences(found: readonly { better: string; worse: string; difference: number; p: number }[]): string
  /** The commonest confusion. */
  confused(said: { label: string; called: string; share: number; paper: number | null } | null): string
}

/** `A`, `A and B`, `A, B and C`. */
export function listing(parts: readonly string[], and: string): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} ${and} ${parts.at(-1)}`
}

/** A p value as papers print it. */
export function pText(p: number | null, number: (value: number, digits: number) => string): string {
  return p === null ? '–' : p < 0.001 ? `< ${number(0.001, 3)}` : number(p, 3)
}
