/** How good models are on faces that lie: found, cut and judged as the daemon does it. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { alignFace } from '#painlens/lib/face/align.js'
import { defaultMinScore } from '#painlens/lib/face/boxes.js'
import { FaceNetworks } from '#painlens/lib/face/networks.js'
import { searchFaces } from '#painlens/lib/face/search.js'
import type { Pixels } from '#painlens/lib/face/similarity.js'
import { allSweeps } from '#painlens/lib/face/sweeps.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { batchDims, preprocess, softmax } from '#painlens/lib/model/preprocess.js'
import { faceModels } from '../bench/models.js'
import { turnPortrait } from '../bench/rolls-rendered.js'
import { certainFrom, labels, planSample, type SamplePlan, splits } from '../train/recipe.js'
import { renderPicture } from '../train/render-crops.js'
import type { DemoSize } from './sizes.js'

/** Shares are null where there was nothing to be counted. */
export interface RollFigures {
  /** Clockwise, in degrees, beside what the head is turned by anyway. */
  roll: number
  /** Of all faces: found, and fit to be judged. */
  usable: number | null
  /** Of usable expressions of intensity 0.4 and above: called what they are. */
  right: number | null
  /** Of usable resting faces: pain above 0.7. */
  restingAbove: number | null
}

const alarming = 0.7
const frame = { width: 640, height: 480 }

interface Judged {
  plan: SamplePlan
  /** By model; null where the face is not usable. */
  probabilities: Float32Array[] | null
}

/** For each model its figures at each roll, on the same crops: the models take the same size and alignment. */
export async function rollFigures(
  models: readonly Manifest[],
  { turned, rolls }: Pick<DemoSize, 'turned' | 'rolls'>,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal
): Promise<RollFigures[][]> {
  const networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 2 })
  const sessions = await Promise.all(models.map(({ file }) => InferenceSession.create(file, { intraOpNumThreads: 1 })))
  const asked = models.map((manifest, i) => ({ manifest, session: sessions[i]! }))
  const judged = rolls.map((): Judged[] => [])
  try {
    const plans = Array.from({ length: turned * splits.test.samples }, (_, i) =>
      planSample('test', Math.floor(i / splits.test.samples), i % splits.test.samples)
    ).filter(({ expression, intensity }) => expression === 'neutral' || intensity >= certainFrom)
    for (const [i, plan] of plans.entries()) {
      const portrait = await renderPicture(plan)
      for (const [place, roll] of rolls.entries()) {
        signal.throwIfAborted()
        const probabilities = await judge(networks, turnPortrait(portrait, roll, frame), asked)
        judged[place]!.push({ plan, probabilities })
      }
      onProgress(i + 1, plans.length)
    }
  } finally {
    await networks.close()
    for (const session of sessions) await session.release()
  }
  return models.map((_, model) => rolls.map((roll, place) => figuresOf(roll, judged[place]!, model)))
}

/** What each model says of the face in a picture; null where none is usable. */
async function judge(
  networks: FaceNetworks,
  picture: Pixels,
  models: readonly { manifest: Manifest; session: InferenceSession }[]
): Promise<Float32Array[] | null> {
  const [found] = await searchFaces(networks, picture, { minScore: defaultMinScore, around: [], sweeps: allSweeps })
  if (found?.whyNot !== null) return null
  const all: Float32Array[] = []
  for (const { manifest, session } of models) {
    const { input, alignment, temperature } = manifest
    const data = preprocess(alignFace(picture, found.landmarks, input, alignment), input)
    const { logits } = await session.run({ input: new Tensor('float32', data, batchDims(input, 1)) })
    all.push(softmax(logits!.data as Float32Array, temperature))
  }
  return all
}

function figuresOf(roll: number, judged: readonly Judged[], model: number): RollFigures {
  const share = <T>(of: readonly T[], holds: (one: T) => boolean): number | null =>
    of.length === 0 ? null : of.filter(holds).length / of.length
  const usable = judged.flatMap(({ plan, probabilities }) =>
    probabilities ? [{ plan, p: probabilities[model]! }] : []
  )
  const [resting, shown] = [true, false].map((rests) =>
    usable.filter(({ plan }) => (plan.expression === 'neutral') === rests)
  )
  return {
    roll,
    usable: share(judged, ({ probabilities }) => probabilities !== null),
    right: share(shown!, ({ plan, p }) => labels[p.indexOf(Math.max(...p))] === plan.expression),
    restingAbove: share(resting!, ({ p }) => p[0]! > alarming)
  }
}
