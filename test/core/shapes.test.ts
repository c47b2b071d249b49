import { expect, it } from 'vitest'
import { z } from 'zod'
import { readShape } from '../../src/core/shapes.js'

const share = z.number().min(0).max(1)
const schema = z.object({
  name: z.string(),
  crops: z.int().min(0),
  rate: z.number().positive().optional(),
  folds: z.array(z.object({ accuracy: share.nullable() })),
  recall: z.record(z.string(), share),
  mean: z.tuple([z.number(), z.number()]).optional(),
  alarms: z
    .discriminatedUnion('measurable', [
      z.object({ measurable: z.literal(true), videos: z.int() }),
      z.object({ measurable: z.literal(false), reason: z.string() })
    ])
    .optional(),
  colour: z.enum(['bgr', 'rgb']).optional(),
  hash: z
    .string()
    .regex(/^[0-9a-f]{4}$/)
    .meta({ allowed: '4 hexadecimal digits' })
    .optional(),
  nothing: z.null().optional(),
  strict: z.strictObject({ a: z.boolean() }).optional()
})
const good = { name: 'x', crops: 3, folds: [{ accuracy: 0.5 }, { accuracy: null }], recall: { pain: 1 } }

it('what the schema takes is given back, without keys that it does not know', () => {
  expect(readShape(schema, { ...good, more: 1 })).toEqual({ value: good })
})

it.each([
  [{ ...good, name: undefined }, 'name: missing, allowed is text'],
  [{ ...good, name: 7 }, 'name: found 7, allowed is text'],
  [{ ...good, crops: 1.5 }, 'crops: found 1.5, allowed is a whole number from 0'],
  [{ ...good, crops: 'three' }, 'crops: found "three", allowed is a whole number from 0'],
  [{ ...good, rate: 0 }, 'rate: found 0, allowed is a number above 0'],
  [
    { ...good, folds: [{ accuracy: 0.5 }, { accuracy: 1.4 }] },
    'folds[1].accuracy: found 1.4, allowed is a number from 0 to 1 or null'
  ],
  [{ ...good, folds: [3] }, 'folds[0]: found 3, allowed is a section'],
  [{ ...good, folds: {} }, 'folds: found a section, allowed is a list'],
  [{ ...good, recall: { pain: '\u001b[2J' } }, 'recall.pain: found "\\u001b[2J", allowed is a number from 0 to 1'],
  [{ ...good, recall: { 'a\u001bb': true } }, 'recall.a\\x1bb: found true, allowed is a number from 0 to 1'],
  [{ ...good, mean: [1, null] }, 'mean[1]: found nothing, allowed is a number'],
  [
    { ...good, alarms: { measurable: true, videos: 'x'.repeat(41) } },
    'alarms.videos: found text, allowed is a whole number'
  ],
  [{ ...good, colour: 'red' }, 'colour: found "red", allowed is bgr or rgb'],
  [{ ...good, hash: 'xyz' }, 'hash: found "xyz", allowed is 4 hexadecimal digits'],
  [{ ...good, nothing: 1 }, 'nothing: found 1, allowed is null'],
  [{ ...good, strict: { a: true, b: 1 } }, 'strict.b: found an unknown key'],
  [null, 'the file: found nothing, allowed is a section'],
  [[], 'the file: found an empty list, allowed is a section'],
  [undefined, 'the file: missing, allowed is a section']
])('%j is refused with the place, what was found there and what is allowed', (value, problem) => {
  expect(readShape(schema, value)).toEqual({ problem })
})

it('of many problems five are told, and how many more there are', () => {
  const folds = Array.from({ length: 9 }, () => ({ accuracy: 2 }))
  const { problem } = readShape(schema, { ...good, folds }) as { problem: string }
  expect(problem.split('; ')).toHaveLength(6)
  expect(problem).toMatch(/folds\[4\]\.accuracy: .*; and 4 more$/)
})
