/** What the demonstration model says of rendered residents who are turned. */
import type { Moment } from '#painlens/core/clock.js'
import { silentLog } from '#painlens/core/log.js'
import type { Face, Size } from '#painlens/core/types.js'
import { alignFace } from '#painlens/lib/face/align.js'
import { defaultMinScore } from '#painlens/lib/face/boxes.js'
import type { FaceNetworks } from '#painlens/lib/face/networks.js'
import { searchFaces } from '#painlens/lib/face/search.js'
import { type Pixels, sample, turned } from '#painlens/lib/face/similarity.js'
import { allSweeps } from '#painlens/lib/face/sweeps.js'
import { createRandom } from '#painlens/lib/random.js'
import {
  createIdentity,
  type Expression,
  expressionUnits,
  type Rendered,
  randomLight,
  randomPose,
  renderPortrait
} from '#painlens/show/render/index.js'
import { type Classifier, startClassifier } from '#painlens/stages/classify/index.js'
import { demoModel } from './models.js'
import { table } from './table.js'

const firstSeed = 930_000
const size = { width: 640, height: 480 }
/** A score that starts an alarm, unless the config says otherwise. */
const alarming = 0.7
const moods: readonly Expression[] = ['pain', 'happiness', 'neutral']

/** A portrait in the middle of a frame, turned clockwise about it. */
export function turnPortrait(portrait: Pixels, roll: number, frame: Size = size): Pixels {
  const [a, b] = turned(1, 0, -roll)
  const [x, y] = [frame.width / 2, frame.height / 2]
  const middle = portrait.width / 2
  const place = { a, b, tx: middle - (a * x - b * y), ty: middle - (b * x + a * y) }
  return { ...frame, data: sample(portrait, place, frame) }
}

/** By roll: found and usable, and of those how many reach the score of an alarm. @param count residents of each mood */
export async function renderedRolls(networks: FaceNetworks, rolls: readonly number[], count: number): Promise<string> {
  const manifest = await demoModel()
  const classifier = await startClassifier({ manifest, provider: 'cpu', threads: 1, log: silentLog })
  const portraits = await Promise.all(moods.map((mood) => draw(mood, count)))
  const rows: string[][] = []
  for (const roll of rolls) {
    const cells = [`${roll}°`]
    for (const each of portraits) {
      const scores = await scoresOf(networks, classifier, each, roll)
      const usable = scores.filter((score) => score !== null)
      cells.push(`${usable.length}`, `${usable.filter((score) => score > alarming).length}`)
    }
    rows.push(cells)
    process.stderr.write(`${cells.join(' ')}\n`)
  }
  await classifier.stop()
  return table(['roll', ...moods.flatMap((mood) => [`${mood}: usable`, `score above ${alarming}`])], rows)
}

async function draw(mood: Expression, count: number): Promise<Rendered[]> {
  const portraits: Rendered[] = []
  for (let i = 0; i < count; i++) {
    const seed = firstSeed + i
    const random = createRandom(seed)
    const units = expressionUnits(mood, random.uniform(0.7, 1), random)
    const light = randomLight(random)
    const identity = createIdentity(seed)
    portraits.push(
      await renderPortrait({ identity, units, light, pose: randomPose(random), faceSize: 140, noise: 3, seed })
    )
  }
  return portraits
}

/** The alarm label's score of each; null where the face is not found or not usable. */
async function scoresOf(networks: FaceNetworks, classifier: Classifier, portraits: readonly Rendered[], roll: number) {
  const { input, alignment } = await demoModel()
  const scores: (number | null)[] = []
  for (const portrait of portraits) {
    const frame = turnPortrait(portrait, roll)
    const options = { minScore: defaultMinScore, around: [], sweeps: allSweeps }
    const [found] = await searchFaces(networks, frame, options)
    if (!found || found.whyNot !== null) {
      scores.push(null)
      continue
    }
    const crop = alignFace(frame, found.landmarks, input, alignment)
    const face: Face = { ...found, track: 1, zone: null, crop }
    const [verdict] = await classifier.classify({ camera: 'bench', at: 0 as Moment, faces: [face] }).verdicts
    scores.push(verdict!.score)
  }
  return scores
}
