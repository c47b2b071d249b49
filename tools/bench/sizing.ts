/** What cameras need of a machine, worked out from the cost of each piece of work: arithmetic only; docs/operate/sizing.md explains it. */
import { parse } from 'yaml'
import { z } from 'zod'
import { table } from './table.js'

const number = z.number().nonnegative()
const byModel = z.strictObject({ small: number, vgg_face: number })
export type ModelName = keyof z.infer<typeof byModel>

/** docs/operate/sizing.yaml, which says what each figure is. */
export const sizingSchema = z.strictObject({
  costs: z.strictObject({
    decode_picture_ms: number,
    hand_over_frame_ms: number,
    rest_of_frame_ms: number,
    look_everywhere_ms: number,
    look_at_known_ms: number,
    classify_ms: byModel,
    explain_view_ms: byModel
  }),
  camera: z.strictObject({
    stream_fps: number,
    stream_mbit_s: number,
    faces: number,
    alarms_per_hour: number,
    explanations_per_alarm: number,
    views: number
  }),
  memory: z.strictObject({ daemon: byModel, camera: number }),
  load: z.number().gt(0).max(1),
  jetsons: z.array(
    z.strictObject({
      name: z.string(),
      cores: number,
      core: number,
      gpu_tflops: number,
      gpu_gb_s: number,
      memory_gb: number
    })
  ),
  gpu: z.strictObject({
    flop: z.strictObject({ vgg_face: number }),
    weights_gb: byModel,
    passes: number,
    efficiency: z.number().gt(0).max(1),
    call_ms: number
  })
})
export type Sizing = z.infer<typeof sizingSchema>
export type Jetson = Sizing['jetsons'][number]

/** How often a second each piece of work is done. */
export interface Rates {
  pictures: number
  frames: number
  everywhere: number
  known: number
  classified: number
  explainedViews: number
}

/** The whole frame is searched once a second; in the other frames faces are searched for where they were. */
export function ratesOf(sizing: Sizing, cameras: number, fps: number): Rates {
  const { stream_fps, faces, alarms_per_hour, explanations_per_alarm, views } = sizing.camera
  const everywhere = faces > 0 ? Math.min(1, fps) : fps
  return {
    pictures: cameras * stream_fps,
    frames: cameras * fps,
    everywhere: cameras * everywhere,
    known: cameras * (fps - everywhere) * faces,
    classified: cameras * fps * faces,
    explainedViews: (cameras * alarms_per_hour * explanations_per_alarm * views) / 3600
  }
}

/** @returns how many cores are busy all the time, on the machine that the costs are from */
export function coresOf({ costs }: Sizing, rates: Rates, model: ModelName): number {
  return handlingMs({ costs }, rates) / 1000 + inferenceMs(costs, rates, model) / 1000
}

/** What stays with the CPU where a GPU computes: decoding and copying, in ms a second. */
function handlingMs({ costs }: Pick<Sizing, 'costs'>, { pictures, frames }: Rates): number {
  return pictures * costs.decode_picture_ms + frames * (costs.hand_over_frame_ms + costs.rest_of_frame_ms)
}

function inferenceMs(costs: Sizing['costs'], rates: Rates, model: ModelName): number {
  return (
    rates.everywhere * costs.look_everywhere_ms +
    rates.known * costs.look_at_known_ms +
    rates.classified * costs.classify_ms[model] +
    rates.explainedViews * costs.explain_view_ms[model]
  )
}

export interface JetsonLoad {
  /** Cores that are busy, of its own, with ffmpeg decoding on them. */
  cores: number
  /** The share of its GPU's time. */
  gpu: number
}

/** An estimate: each piece takes what its arithmetic or its weights take at the data sheet's rates, whichever is longer. */
export function jetsonLoad(sizing: Sizing, jetson: Jetson, rates: Rates, model: ModelName): JetsonLoad {
  const costs = gpuCosts(sizing, jetson)
  return {
    cores: handlingMs(sizing, rates) / 1000 / jetson.core,
    gpu: inferenceMs(costs, rates, model) / 1000
  }
}

/** Milliseconds on a Jetson's GPU in the place of a core's. */
export function gpuCosts({ costs, gpu }: Sizing, { gpu_tflops, gpu_gb_s }: Jetson): Sizing['costs'] {
  // What a core does in a millisecond of VGG-Face, which the other models are taken to get as well.
  const flopPerMs = gpu.flop.vgg_face / costs.classify_ms.vgg_face
  const estimate = (coreMs: number, gigabytes: number): number => {
    const arithmetic = (coreMs * flopPerMs) / (gpu_tflops * 1e9)
    const memory = (gigabytes / gpu_gb_s) * 1000
    return gpu.call_ms + Math.max(arithmetic, memory) / gpu.efficiency
  }
  const perModel = (ms: Record<ModelName, number>, passes: number): Record<ModelName, number> => ({
    small: estimate(ms.small, passes * gpu.weights_gb.small),
    vgg_face: estimate(ms.vgg_face, passes * gpu.weights_gb.vgg_face)
  })
  return {
    ...costs,
    look_everywhere_ms: estimate(costs.look_everywhere_ms, 0),
    look_at_known_ms: estimate(costs.look_at_known_ms, 0),
    classify_ms: perModel(costs.classify_ms, 1),
    explain_view_ms: perModel(costs.explain_view_ms, gpu.passes)
  }
}

const cameraCounts = [1, 4, 8, 16]
const rateChoices = [2, 5]
const loads = cameraCounts.flatMap((cameras) => rateChoices.map((fps) => ({ cameras, fps })))
const models: readonly ModelName[] = ['small', 'vgg_face']
const titles: Record<ModelName, string> = { small: 'small model', vgg_face: 'VGG-Face' }

/** @returns Markdown: what stands between the headings of docs/operate/sizing.md */
export function sizingTables(sizing: Sizing): Record<'processor' | 'rest' | 'jetson' | 'pieces', string> {
  return {
    processor: processorTable(sizing),
    rest: restTable(sizing),
    jetson: models.map((model) => jetsonTable(sizing, model)).join('\n\n'),
    pieces: piecesTable(sizing)
  }
}

/** @param text  a file like docs/operate/sizing.yaml */
export function sizingReport(text: string): string {
  return Object.values(sizingTables(sizingSchema.parse(parse(text)))).join('\n\n')
}

function processorTable(sizing: Sizing): string {
  const rows = loads.map(({ cameras, fps }) => {
    const rates = ratesOf(sizing, cameras, fps)
    const busy = models.map((model) => coresOf(sizing, rates, model))
    return [cameras, fps, ...busy.flatMap((cores) => [cores.toFixed(2), Math.ceil(cores / sizing.load)])]
  })
  const columns = models.flatMap((model) => [`${titles[model]}: cores busy`, 'cores to have'])
  return table(['cameras', 'fps', ...columns], rows)
}

function restTable({ camera, memory }: Sizing): string {
  const rows = cameraCounts.map((cameras) => {
    const megabytes = models.map((model) => memory.daemon[model] + cameras * memory.camera)
    return [cameras, cameras * camera.stream_mbit_s, ...megabytes]
  })
  return table(['cameras', 'network in, Mbit/s', ...models.map((model) => `${titles[model]}: memory, MB`)], rows)
}

function jetsonTable(sizing: Sizing, model: ModelName): string {
  const rows = loads.map(({ cameras, fps }) => {
    const rates = ratesOf(sizing, cameras, fps)
    return [
      cameras,
      fps,
      ...sizing.jetsons.map((jetson) => cellOf(sizing, jetson, jetsonLoad(sizing, jetson, rates, model)))
    ]
  })
  return table([titles[model], 'fps', ...sizing.jetsons.map(({ name }) => name)], rows)
}

/** `GPU 12 %, 0.3 cores`; crossed out where that is too much. */
function cellOf({ load }: Sizing, jetson: Jetson, { cores, gpu }: JetsonLoad): string {
  const text = `GPU ${Math.round(gpu * 100)} %, ${cores.toFixed(1)} of ${jetson.cores} cores`
  return gpu > load || cores > load * jetson.cores ? `~~${text}~~` : text
}

function piecesTable(sizing: Sizing): string {
  const { views } = sizing.camera
  const pieces: [string, (costs: Sizing['costs']) => number][] = [
    ['look everywhere', (costs) => costs.look_everywhere_ms],
    ['look at a known face', (costs) => costs.look_at_known_ms],
    ['classify, VGG-Face', (costs) => costs.classify_ms.vgg_face],
    [`explain, VGG-Face, ${views} views`, (costs) => costs.explain_view_ms.vgg_face * views]
  ]
  const machines = [sizing.costs, ...sizing.jetsons.map((jetson) => gpuCosts(sizing, jetson))]
  const rows = pieces.map(([name, of]) => [name, ...machines.map((costs) => of(costs).toFixed(0))])
  return table(['ms', 'one core, measured', ...sizing.jetsons.map(({ name }) => `${name}, estimated`)], rows)
}
