/** How much of everything the demonstration makes. */
import { paperComposites } from '#painlens/study/choices.js'
import type { NightLengths } from './film.js'

export interface DemoSize {
  /** People that pre-training tells apart, and its epochs. */
  people: number
  peopleEpochs: number
  /** Subjects of the study, each with a video of eight stretches. */
  subjects: number
  folds: number
  epochs: number
  views: number
  /** Pictures of each label whose relevance the report computes, and rendered people that prove its composites. */
  reportPictures: number
  reportFaces: number
  composites: readonly string[]
  repetitions: number
  /** Residents who are filmed for long, and the lengths of what they show. */
  nights: number
  nightLengths: NightLengths
  /** People of the model's own measure, and of its measure at each roll. */
  tested: number
  turned: number
  rolls: readonly number[]
}

/** On two quiet cores within the hour; an hour at rest in all, which false alarms an hour need. */
const full: DemoSize = {
  people: 160,
  peopleEpochs: 10,
  subjects: 360,
  folds: 5,
  epochs: 16,
  views: 4,
  reportPictures: 60,
  reportFaces: 8,
  composites: paperComposites,
  repetitions: 2000,
  nights: 21,
  nightLengths: { rest: 60, shown: 12 },
  tested: 100,
  turned: 6,
  rolls: [0, 45, 90, 135, 180, 225, 270, 315]
}

/** The same steps on a few people, in about a minute: says that the pipeline works, and nothing of the model. */
const quick: DemoSize = {
  people: 4,
  peopleEpochs: 1,
  subjects: 4,
  folds: 2,
  epochs: 1,
  views: 1,
  reportPictures: 2,
  reportFaces: 2,
  composites: paperComposites.slice(0, 1),
  repetitions: 50,
  nights: 1,
  nightLengths: { rest: 4, shown: 1 },
  tested: 1,
  turned: 1,
  rolls: [90]
}

export const demoSizes = { full, quick }
export type DemoSizeName = keyof typeof demoSizes

/** What each step is told. */
export interface DemoContext {
  /** Where everything goes. */
  out: string
  size: DemoSize
  seed: number
  /** How the steps' own lines are told. */
  write: (text: string) => void
  signal: AbortSignal
}
