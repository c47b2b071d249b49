import { availableParallelism } from 'node:os'
import { systemClock } from '../../core/clock.js'
import { silentLog } from '../../core/log.js'
import type { Face } from '../../core/types.js'
import { type Classifier, startClassifier } from '../../stages/classify/index.js'
import {
  type Curve,
  type FlippingCurves,
  type Predict,
  randomCurves,
  relevanceCurves
} from '../../stages/explain/checks/index.js'
import type { CheckedPicture, Maps } from './check-maps.js'
import type { Job } from './job.js'
import type { Counter } from './output.js'

/** One picture's curves. */
export type PictureCurves = FlippingCurves & { random: readonly Curve[] }

/** For each composite, each picture's curves; the random ones are the same under all of them. */
export type FlippingResults = ReadonlyMap<string, readonly PictureCurves[]>

/** Pictures at once through the classifier: its layers' outputs are large. */
const batch = 4

/** Takes the pictures apart square by square, and asks the classifier. */
export async function flipPixels(
  { manifest, composites, signal }: Job,
  pictures: readonly CheckedPicture[],
  maps: Maps,
  counter: Counter
): Promise<FlippingResults> {
  counter.begin('flipping pixels', pictures.length * (composites.length + 1))
  const results = new Map<string, PictureCurves[]>(composites.map((composite) => [composite, []]))
  const classifier = await startClassifier({
    manifest,
    provider: 'cpu',
    threads: availableParallelism(),
    log: silentLog,
    signal
  })
  try {
    for (const [i, picture] of pictures.entries()) {
      const predict = predictor(classifier, picture, signal)
      const random = await randomCurves(picture.crop, predict, i)
      counter.next()
      for (const composite of composites) {
        const own = await relevanceCurves(picture.crop, maps.get(composite)![i]!, predict)
        results.get(composite)!.push({ ...own, random })
        counter.next()
      }
    }
    return results
  } finally {
    await classifier.stop()
  }
}

function predictor(classifier: Classifier, { crop, target }: CheckedPicture, signal: AbortSignal): Predict {
  const faceOf = (data: Uint8Array): Face => ({
    track: 0,
    box: { x: 0, y: 0, width: crop.width, height: crop.height },
    score: 1,
    landmarks: crop.landmarks,
    zone: null,
    crop: { ...crop, data }
  })
  return async (pictures) => {
    const probabilities: number[] = []
    for (let first = 0; first < pictures.length; first += batch) {
      signal.throwIfAborted()
      const faces = pictures.slice(first, first + batch).map(faceOf)
      const verdicts = await classifier.classify(() => ({ camera: 'check', at: systemClock.now(), faces }))
      probabilities.push(...verdicts.map((verdict) => verdict.probabilities[target!]!))
    }
    return probabilities
  }
}
