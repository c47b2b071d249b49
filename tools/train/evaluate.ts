import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { ModelInput } from '#painlens/lib/model/manifest.js'
import { batchDims, preprocess, softmax } from '#painlens/lib/model/preprocess.js'
import { wilsonInterval } from '#painlens/lib/statistics/index.js'
import { cropOf } from './batches.js'
import { certainFrom, labels, type Split } from './recipe.js'
import type { SampleFacts, Samples } from './samples.js'

/** A sample and what the model says about it. */
export interface Scored extends SampleFacts {
  logits: Float32Array
}

const batchSize = 64

/** Runs the exported model, as the daemon will run it, on the first variant of each sample. */
export async function scoreSamples(file: string, input: ModelInput, split: Split, samples: Samples): Promise<Scored[]> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 })
  const bytes = input.width * input.height * 3
  const scored: Scored[] = []
  for (let start = 0; start < samples.facts.length; start += batchSize) {
    const facts = samples.facts.slice(start, start + batchSize)
    const data = new Float32Array(facts.length * bytes)
    for (const i of facts.keys()) {
      const crop = { ...input, data: cropOf(split, samples, start + i, 0, bytes) }
      preprocess(crop, input, data.subarray(i * bytes, (i + 1) * bytes))
    }
    const dims = batchDims(input, facts.length)
    const { logits } = await session.run({ input: new Tensor('float32', data, dims) })
    const values = logits!.data as Float32Array
    for (const [i, fact] of facts.entries())
      scored.push({ ...fact, logits: values.slice(i * labels.length, (i + 1) * labels.length) })
  }
  await session.release()
  return scored
}

/** A share of a count of samples; null where there are none. */
export interface Share {
  share: number | null
  count: number
}

export interface Metrics {
  /** Of expressions at intensity 0.4 and above. */
  accuracy: Share
  /** Rows: what it is; columns: what the model says. Both in the order of the labels. */
  confusion: number[][]
  precision: Share[]
  recall: Share[]
  byIntensity: [string, Share][]
  /** Of pain, for each tenth of intensity from `from` on: how many faces are called pain, and how many score above 0.7. */
  painByIntensity: { from: number; count: number; called: number; above07: number }[]
  byTone: [string, Share][]
  byFaceSize: [string, Share][]
  /** Faces without expression whose pain score is above 0.5 and above 0.7, in all and by what they do. */
  resting: [string, { above05: Share; above07: Share; mean: number }][]
  /** Pain of intensity 0.5 and above whose score is above 0.7. */
  painFound: Share
}

type Band = readonly [name: string, holds: (sample: Scored) => boolean]
const between = (key: 'intensity' | 'tone' | 'faceSize', low: number, high: number, name: string): Band => [
  name,
  (sample) => sample[key] >= low && sample[key] < high
]

const intensityBands = [
  between('intensity', 0.1, 0.2, '0.1 to 0.2'),
  between('intensity', 0.2, 0.4, '0.2 to 0.4'),
  between('intensity', 0.4, 0.6, '0.4 to 0.6'),
  between('intensity', 0.6, 0.8, '0.6 to 0.8'),
  between('intensity', 0.8, 1.01, '0.8 to 1')
]
const toneBands = [
  between('tone', 0, 1 / 3, 'light'),
  between('tone', 1 / 3, 2 / 3, 'middle'),
  between('tone', 2 / 3, 1.01, 'dark')
]
const faceSizeBands = [
  between('faceSize', 50, 80, '50 to 80 px'),
  between('faceSize', 80, 140, '80 to 140 px'),
  between('faceSize', 140, 201, '140 to 200 px')
]

const predicted = ({ logits }: Scored): number => logits.indexOf(Math.max(...logits))
const actual = ({ expression }: Scored): number => labels.indexOf(expression as (typeof labels)[number])
const isRight = (sample: Scored): boolean => predicted(sample) === actual(sample)

function share<T>(samples: readonly T[], holds: (sample: T) => boolean): Share {
  const hits = samples.filter(holds).length
  return { share: samples.length === 0 ? null : hits / samples.length, count: samples.length }
}

/** All figures of the model card, from the scores of a split. */
export function measure(scored: readonly Scored[], temperature: number): Metrics {
  const expressive = scored.filter(({ expression }) => expression !== 'neutral')
  const clear = expressive.filter(({ intensity }) => intensity >= certainFrom)
  const bands = (of: readonly Scored[], table: readonly Band[]): [string, Share][] =>
    table.map(([name, holds]) => [name, share(of.filter(holds), isRight)])
  const pain = (sample: Scored): number => softmax(sample.logits, temperature)[0]!
  const strongPain = clear.filter((sample) => actual(sample) === 0 && sample.intensity >= 0.5)
  return {
    accuracy: share(clear, isRight),
    confusion: labels.map((_, row) =>
      labels.map((_, column) => clear.filter((s) => actual(s) === row && predicted(s) === column).length)
    ),
    precision: labels.map((_, label) =>
      share(
        clear.filter((s) => predicted(s) === label),
        isRight
      )
    ),
    recall: labels.map((_, label) =>
      share(
        clear.filter((s) => actual(s) === label),
        isRight
      )
    ),
    byIntensity: bands(expressive, intensityBands),
    painByIntensity: Array.from({ length: 9 }, (_, i) => {
      const from = (i + 1) / 10
      const own = expressive.filter((s) => actual(s) === 0 && Math.min(9, Math.floor(s.intensity * 10)) === i + 1)
      const called = own.filter(isRight).length
      return { from, count: own.length, called, above07: own.filter((s) => pain(s) > 0.7).length }
    }),
    byTone: bands(clear, toneBands),
    byFaceSize: bands(clear, faceSizeBands),
    resting: measureResting(scored, pain),
    painFound: share(strongPain, (sample) => pain(sample) > 0.7)
  }
}

/**
 * The lowest intensity from which on pain is told from the others in every tenth: called pain by more than guessing (95 %, Wilson), and scoring above
 * 0.7 in at least half of the faces. Null where there is none.
 */
export function painSeenFrom(tenths: Metrics['painByIntensity']): { told: number | null; above07: number | null } {
  const from = (holds: (tenth: Metrics['painByIntensity'][number]) => boolean): number | null => {
    const shown = tenths.filter(({ count }) => count > 0)
    const faint = shown.findLastIndex((tenth) => !holds(tenth))
    return shown[faint + 1]?.from ?? null
  }
  return {
    told: from(({ called, count }) => wilsonInterval(called, count)!.low > 1 / labels.length),
    above07: from(({ above07, count }) => above07 >= count / 2)
  }
}

function measureResting(scored: readonly Scored[], pain: (sample: Scored) => number): Metrics['resting'] {
  const resting = scored.filter(({ expression }) => expression === 'neutral')
  const kinds = [...new Set(resting.map((sample) => sample.resting!))].sort()
  const row = (name: string, samples: readonly Scored[]): Metrics['resting'][number] => [
    name,
    {
      above05: share(samples, (sample) => pain(sample) > 0.5),
      above07: share(samples, (sample) => pain(sample) > 0.7),
      mean: samples.reduce((sum, sample) => sum + pain(sample), 0) / Math.max(1, samples.length)
    }
  ]
  return [
    row('all', resting),
    ...kinds.map((kind) =>
      row(
        kind,
        resting.filter((sample) => sample.resting === kind)
      )
    )
  ]
}
