/** Sentences of a report whose numbers could say more than they mean. */
import { expect, it } from 'vitest'
import type { Evaluation } from '../../../src/study/evaluate/evaluation.js'
import { languageOf } from '../../../src/study/report/languages/index.js'

const known = {
  accuracy: { value: 0.56, subjects: null },
  balanced_accuracy: { value: 0.55 },
  most_frequent: null
} as unknown as Pick<Evaluation, 'accuracy' | 'balanced_accuracy' | 'most_frequent'>
const best = { accuracy: 1, crops: 4, wilson: { low: 0.51, high: 1 } }

it('the best fold, which is one person with four pictures, is told with how many they are and what that can mean', () => {
  expect(languageOf('en').data.accuracy({ ...known, best, paper: 0.67 })).toMatch(
    /best fold reaches 100.% of 4 pictures \(95.%: 51.% to 100.%\); the paper/
  )
  expect(languageOf('de').data.accuracy({ ...known, best, paper: 0.67 })).toMatch(
    /100.% von 4 Bildern \(95.%: 51.% bis 100.%\), der beste des Papers/
  )
})
