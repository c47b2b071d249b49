import { describe, expect, it } from 'vitest'
import { targetOf } from '../../../src/commands/explain/job.js'
import { UsageError } from '../../../src/core/errors.js'
import type { Manifest } from '../../../src/lib/model/manifest.js'

const manifest = { name: 'test', labels: ['pain', 'Disgust', 'Valence+', 'low mood', '2'] } as unknown as Manifest

describe('--target', () => {
  it.each([
    [undefined, 'max'],
    ['pain', 0],
    [' PAIN ', 0],
    ['Valence+', 2],
    ['2', 4],
    ['pain - disgust', { 0: 1, 1: -1 }],
    ['low mood + 0.5 pain - 2 disgust', { 0: 0.5, 1: -2, 3: 1 }],
    ['2 * pain - Valence+', { 0: 2, 2: -1 }],
    ['pain + pain - disgust + disgust', { 0: 2 }]
  ])('%j means %j', (text, wanted) => {
    expect(targetOf(text, manifest)).toEqual(wanted)
  })

  it.each([
    ['anger', /test has no label "anger"/],
    ['pain-disgust', /test has no label "pain-disgust"\. Use one of .* or a contrast such as "pain - Disgust"/],
    ['pain - anger', /test has no label "anger"/],
    ['pain - ', /test has no label "pain - "/],
    ['pain - pain', /"pain - pain" is for no label/]
  ])('%j is refused', (text, message) => {
    expect(() => targetOf(text, manifest)).toThrow(UsageError)
    expect(() => targetOf(text, manifest)).toThrow(message)
  })
})
