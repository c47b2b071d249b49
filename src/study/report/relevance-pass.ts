/** All LRP of a report: fold by fold, composite by composite, so that one model is open at a time; what is done is kept. */
import { join } from 'node:path'
import type { Crop } from '../../core/types.js'
import type { Target } from '../../lib/lrp/index.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { batchDims, preprocess } from '../../lib/model/preprocess.js'
import { summedOverColours } from '../../stages/explain/index.js'
import { regionMap } from '../../stages/explain/regions.js'
import { type ModelSource, openSource } from '../../stages/explain/source.js'
import { RowsFile } from '../rows-file.js'
import type { BeginPart, PartProgress } from './progress.js'
import { type ReducedMap, reducedMap, reducedMapOf, reducedSize } from './reduced-map.js'
import { type CropForm, type DrawnFace, drawnFace, switches } from './rendered-faces.js'
import type { SampledPicture } from './sample.js'
import type { StudyRun } from './study-run.js'

export interface PassOptions {
  run: StudyRun
  pictures: readonly SampledPicture[]
  /** Explained by the models of all folds. */
  shared: readonly SampledPicture[]
  /** Rendered persons. */
  persons: number
  composites: readonly string[]
  threads: number
  /** Where rows are kept until the report is written. */
  work: string
  cropOf(place: number): Promise<Crop>
  begin: BeginPart
  signal: AbortSignal
}

/** A picture and the label whose relevance is asked for. */
export interface MapTask {
  place: number
  target: number
  /** Where relevance is of a contrast: what speaks for the target rather than for this label. */
  minus?: number
}

/** What a unit of a rendered face changes when it is switched on. */
export interface SwitchEffect {
  person: number
  /** Number in `switches`. */
  which: number
  /** The alarm label's output before the softmax, and its probability. */
  output: { off: number; on: number }
  probability: { off: number; on: number }
  /** Signed change of relevance in the pixels that moved, and of all; as shares of the relevance of both faces. */
  inside: number
  all: number
  /** Share of the absolute change that lies in the pixels that moved, and their share of the crop. */
  concentration: number
  area: number
}

export interface PassResult {
  /** Null where this was not asked for. */
  mapOf(composite: string, fold: number, task: MapTask): ReducedMap | null
  effects: ReadonlyMap<string, readonly SwitchEffect[]>
}

/**
 * What is asked of a picture: what the model calls it; the alarm's label; and the contrast of the alarm's label with its own label, with each
 * other one where it shows the alarm's.
 */
function mapTasksOf({ judged, label, place }: SampledPicture, alarm: number, classes: number): MapTask[] {
  const others = Array.from({ length: classes }, (_, i) => i).filter((other) => other !== alarm)
  const contrasts = label === alarm ? others : [label]
  return [
    ...[...new Set([judged.predicted, alarm])].map((target) => ({ place, target })),
    ...contrasts.map((minus) => ({ place, target: alarm, minus }))
  ]
}

export function tasksOf(
  { run, pictures, shared }: Pick<PassOptions, 'run' | 'pictures' | 'shared'>,
  fold: number
): MapTask[] {
  const { labels, alarmLabel } = run.judgement
  const alarm = labels.indexOf(alarmLabel)
  const others = shared.filter(({ judged }) => judged.fold !== fold)
  return [
    ...pictures
      .filter(({ judged }) => judged.fold === fold)
      .flatMap((picture) => mapTasksOf(picture, alarm, labels.length)),
    ...others.map(({ place, label }) => ({ place, target: label }))
  ]
}

const personsOf = ({ run, persons }: Pick<PassOptions, 'run' | 'persons'>, fold: number): number[] => {
  const folds = [...run.folds.keys()]
  return Array.from({ length: persons }, (_, person) => person).filter(
    (person) => folds[person % folds.length] === fold
  )
}

/** How many explanations the pass makes. */
export function stepsOf(options: Pick<PassOptions, 'run' | 'pictures' | 'shared' | 'persons' | 'composites'>): number {
  const each = [...options.run.folds.keys()].map(
    (fold) => tasksOf(options, fold).length + personsOf(options, fold).length * switches.length
  )
  return options.composites.length * each.reduce((sum, one) => sum + one, 0)
}

/** @throws ModelError, InferenceError, DiskError; the signal's reason */
export async function relevancePass(options: PassOptions): Promise<PassResult> {
  const { run, composites, begin } = options
  const progress = begin('explanations', stepsOf(options))
  const classes = run.judgement.labels.length
  const maps = new Map<string, ReducedMap>()
  const effects = new Map<string, SwitchEffect[]>(composites.map((composite) => [composite, []]))
  for (const [fold, manifest] of run.folds)
    for (const composite of composites) {
      const model = new LazyModel(manifest, composite, options.threads)
      try {
        const tasks = tasksOf(options, fold)
        for (const [i, row] of (await mapRows(options, fold, model, tasks, progress)).entries())
          maps.set(keyOf(composite, fold, tasks[i]!), reducedMapOf(row, classes))
        effects.get(composite)!.push(...(await switchRows(options, fold, model, progress)))
      } finally {
        await model.close()
      }
    }
  return { mapOf: (composite, fold, task) => maps.get(keyOf(composite, fold, task)) ?? null, effects }
}

const keyOf = (composite: string, fold: number, { place, target, minus }: MapTask): string =>
  `${composite} ${fold} ${place} ${target} ${minus ?? ''}`

/** Opened when it is first needed: what is in the files already needs no model. */
export class LazyModel {
  #source: Promise<ModelSource> | null = null

  constructor(
    readonly manifest: Manifest,
    readonly composite: string,
    private readonly threads: number,
    private readonly model?: string | Uint8Array
  ) {}

  /** Relevance per pixel, and the outputs before the softmax. Values that are not finite stay so. */
  async explain(crop: Crop, target: Target): Promise<{ relevance: Float32Array; logits: Float32Array }> {
    const { manifest, composite, threads, model } = this
    this.#source ??= openSource(manifest, { composite, threads, engine: 'onnx', ...(model && { model }) })
    const source = await this.#source
    const sample = { data: preprocess(crop, manifest.input), dims: batchDims(manifest.input, 1) }
    const { logits, relevance } = await source.explain(sample, { target })
    return { relevance: summedOverColours(relevance, manifest.input), logits: logits[0]! }
  }

  async close(): Promise<void> {
    await (await this.#source)?.close()
  }
}

/** Makes the rows that a file lacks, and reads them all. @throws DiskError; what `make` throws */
export async function keptRows(
  path: string,
  { size, count, progress, signal }: { size: number; count: number; progress: PartProgress; signal: AbortSignal },
  make: (i: number) => Promise<ArrayLike<number>>
): Promise<Float32Array[]> {
  // A fold may have no pictures or persons of its own.
  if (count === 0) return []
  const file = await RowsFile.open(path, size)
  try {
    progress.kept(Math.min(file.rows, count))
    while (file.rows < count) {
      signal.throwIfAborted()
      await file.append([Float32Array.from(await make(file.rows))])
      progress.step()
    }
    const all = await file.readAll(count)
    return Array.from({ length: count }, (_, i) => all.subarray(i * size, (i + 1) * size))
  } finally {
    await file.close()
  }
}

const fileOf = ({ work }: PassOptions, kind: string, fold: number, { composite }: LazyModel): string =>
  join(work, `${kind}-${fold}-${composite}.f32`)

function mapRows(
  options: PassOptions,
  fold: number,
  model: LazyModel,
  tasks: readonly MapTask[],
  progress: PartProgress
): Promise<Float32Array[]> {
  const form = { ...options, progress, size: reducedSize(options.run.judgement.labels.length), count: tasks.length }
  return keptRows(fileOf(options, 'maps', fold, model), form, async (i) => {
    const { place, target, minus } = tasks[i]!
    const crop = await options.cropOf(place)
    const asked: Target = minus === undefined ? target : { [target]: 1, [minus]: -1 }
    const { relevance, logits } = await model.explain(crop, asked)
    const start = logits[target]! - (minus === undefined ? 0 : logits[minus]!)
    return reducedMap(relevance, regionMap(crop.landmarks, crop), crop, { start, logits })
  })
}

const effectSize = 8

async function switchRows(
  options: PassOptions,
  fold: number,
  model: LazyModel,
  progress: PartProgress
): Promise<SwitchEffect[]> {
  const persons = personsOf(options, fold)
  const explained = new ExplainedFaces(options, model)
  const form = { ...options, progress, size: effectSize, count: persons.length * switches.length }
  const rows = await keptRows(fileOf(options, 'switches', fold, model), form, (i) =>
    explained.switched(persons[Math.floor(i / switches.length)]!, i % switches.length)
  )
  return rows.map((row, i) => {
    const [off = 0, on = 0, pOff = 0, pOn = 0, inside = 0, all = 0, concentration = 0, area = 0] = row
    return {
      person: persons[Math.floor(i / switches.length)]!,
      which: i % switches.length,
      output: { off, on },
      probability: { off: pOff, on: pOn },
      ...{ inside, all, concentration, area }
    }
  })
}

interface Explained extends DrawnFace {
  relevance: Float32Array
  logits: Float32Array
}

/** The faces of one person at a time: a unit is switched against the same face again and again. */
class ExplainedFaces {
  #person = -1
  readonly #faces = new Map<string, Explained>()
  readonly #form: CropForm

  constructor(
    { run }: PassOptions,
    private readonly model: LazyModel
  ) {
    const { size, alignment } = run.dataset
    this.#form = { size, alignment }
  }

  async switched(person: number, which: number): Promise<number[]> {
    const { unit, off: offUnits, on: onUnits } = switches[which]!
    if (person !== this.#person) this.#faces.clear()
    this.#person = person
    const [off, on] = [await this.#face(offUnits), await this.#face(onUnits)]
    const { manifest } = this.model
    const mask = on.movedBy(unit)
    const sums = { inside: 0, all: 0, absoluteInside: 0, absolute: 0, mass: 0, area: 0 }
    for (let i = 0; i < mask.length; i++) {
      const change = on.relevance[i]! - off.relevance[i]!
      sums.all += change
      sums.absolute += Math.abs(change)
      sums.mass += (Math.abs(on.relevance[i]!) + Math.abs(off.relevance[i]!)) / 2
      if (mask[i] === 0) continue
      sums.area += 1 / mask.length
      sums.inside += change
      sums.absoluteInside += Math.abs(change)
    }
    const alarm = manifest.alarmIndex
    const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)
    return [
      off.logits[alarm]!,
      on.logits[alarm]!,
      probability(off.logits, manifest),
      probability(on.logits, manifest),
      share(sums.inside, sums.mass),
      share(sums.all, sums.mass),
      share(sums.absoluteInside, sums.absolute),
      sums.area
    ]
  }

  async #face(units: DrawnUnits): Promise<Explained> {
    const key = JSON.stringify(units)
    const known = this.#faces.get(key)
    if (known) return known
    const face = await drawnFace(this.#person, units, this.#form)
    const explained = { ...face, ...(await this.model.explain(face.crop, this.model.manifest.alarmIndex)) }
    this.#faces.set(key, explained)
    return explained
  }
}

type DrawnUnits = Parameters<typeof drawnFace>[1]

function probability(logits: Float32Array, { alarmIndex, temperature }: Manifest): number {
  const scaled = Array.from(logits, (logit) => Math.exp((logit - Math.max(...logits)) / temperature))
  return scaled[alarmIndex]! / scaled.reduce((sum, one) => sum + one, 0)
}
