/** Everything that a report computes with LRP. */
import { join } from 'node:path'
import type { Crop } from '../../core/types.js'
import { packageRoot } from '../../core/version.js'
import { landmarksInCrop } from '../../lib/face/crop-landmarks.js'
import { faceModelFiles } from '../../lib/face/model-files.js'
import { FaceNetworks } from '../../lib/face/networks.js'
import { readCrop } from '../../lib/picture/read.js'
import type { Chance } from '../evaluate/figures.js'
import {
  type AgreementFinding,
  agreementOf,
  type FlippingFinding,
  flipPixels,
  type ShuffleFinding,
  type SumFinding,
  shuffleWeights,
  sumsOf
} from './checks-pass.js'
import {
  type Comparison,
  comparisonsOf,
  type ExplainedStudy,
  type MapDifference,
  type MeanMap,
  mapDifferencesOf,
  meanMapsOf
} from './comparisons.js'
import { type GateFinding, gateOf, type UnitEffect, unitEffectsOf } from './gate.js'
import { type PassOptions, relevancePass, tasksOf } from './relevance-pass.js'
import { fewOf, type SampledPicture } from './sample.js'
import { type Strategies, strategiesOf } from './strategies.js'
import type { StudyRun } from './study-run.js'

export interface Explanations {
  pictures: readonly SampledPicture[]
  composites: readonly string[]
  persons: number
  gate: GateFinding[]
  units: UnitEffect[]
  comparisons: Comparison[]
  meanMaps: MeanMap[]
  mapDifferences: MapDifference[]
  strategies: Strategies[]
  flipping: FlippingFinding[]
  shuffling: ShuffleFinding[]
  sums: SumFinding[]
  agreement: AgreementFinding[]
  /** Mean of the landmarks of the sampled pictures, in pixels of the crop. */
  landmarks: Float32Array
}

/** Of each label: explained by all folds' models; flipped; held against shuffled weights. */
const few = { shared: 4, flipped: 6, shuffled: 2 }

/** Right ones of each label, of all folds. */
export const flippedOf = ({ judgement }: StudyRun, pictures: readonly SampledPicture[]): SampledPicture[] =>
  fewOf(pictures, judgement.labels, few.flipped, ({ right }) => right)

/** Right ones of each label, of the fold whose model is the most accurate. */
export const shuffledOf = ({ judgement, best }: StudyRun, pictures: readonly SampledPicture[]): SampledPicture[] =>
  fewOf(pictures, judgement.labels, few.shuffled, ({ right, judged }) => right && judged.fold === best)

/** The pass over these pictures. @param cropOf reads them */
export function passOf(
  run: StudyRun,
  pictures: readonly SampledPicture[],
  rest: Pick<PassOptions, 'persons' | 'composites' | 'threads' | 'work' | 'begin' | 'signal' | 'cropOf'>
): PassOptions {
  const right = ({ right: is }: SampledPicture): boolean => is
  return { run, pictures, shared: fewOf(pictures, run.judgement.labels, few.shared, right), ...rest }
}

/** @throws ModelError, InferenceError, DiskError; the signal's reason */
export async function explanationsOf(options: PassOptions, crops: StudyCrops, chance: Chance): Promise<Explanations> {
  const { run, pictures, composites, persons } = options
  const pass = await relevancePass(options)
  const explained: ExplainedStudy = { run, pictures, maps: pass.mapOf }
  const flipping = await flipPixels(options, flippedOf(run, pictures))
  const shuffling = await shuffleWeights(options, shuffledOf(run, pictures), chance.seed)
  return {
    pictures,
    composites,
    persons,
    gate: gateOf(pass.effects, chance),
    units: unitEffectsOf(pass.effects, chance),
    comparisons: comparisonsOf(explained, composites, chance),
    meanMaps: meanMapsOf(explained, composites),
    mapDifferences: mapDifferencesOf(explained, composites, chance),
    strategies: strategiesOf(explained, composites, chance.seed),
    flipping,
    shuffling,
    sums: sumsOf(options, pass, (fold) => tasksOf(options, fold)),
    agreement: agreementOf(options, pass),
    landmarks: await crops.meanLandmarks(pictures.map(({ place }) => place))
  }
}

/** The prepared crops with their landmarks, which are found when they are first asked for. */
export class StudyCrops {
  readonly #landmarks = new Map<number, Float32Array>()

  private constructor(
    private readonly run: StudyRun,
    private readonly networks: FaceNetworks,
    private readonly signal: AbortSignal
  ) {}

  /** Opens the face models. @throws ModelError */
  static async open(run: StudyRun, threads: number, signal: AbortSignal): Promise<StudyCrops> {
    const models = faceModelFiles(join(packageRoot, 'models/face'))
    return new StudyCrops(run, await FaceNetworks.open(models, { provider: 'cpu', threads }), signal)
  }

  /** @throws InputError where it cannot be read */
  async get(place: number): Promise<Crop> {
    const { dataset, judgement } = this.run
    const picture = await readCrop(join(dataset.folder, judgement.judged[place]!.row.crop), dataset.size, this.signal)
    const known = this.#landmarks.get(place)
    const landmarks = known ?? (await landmarksInCrop(this.networks, picture, dataset.alignment))
    this.#landmarks.set(place, landmarks)
    return { ...picture, landmarks }
  }

  async meanLandmarks(places: readonly number[]): Promise<Float32Array> {
    const mean = new Float32Array(136)
    for (const place of places)
      for (const [i, value] of (await this.get(place)).landmarks.entries()) mean[i]! += value / places.length
    return mean
  }

  close(): Promise<void> {
    return this.networks.close()
  }
}
