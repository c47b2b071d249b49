/** Measures one stage on a provider: are its numbers the CPU's, where did its nodes run, how long does it take. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as ort from 'onnxruntime-node'
import { messageOf } from '#painlens/core/errors.js'
import { isCopy, type PlacedNode, placedNodes } from '#painlens/lib/ort/provider.js'
import { type ProviderName, profileNames } from '#painlens/lib/ort/provider-names.js'
import { median } from '#painlens/lib/statistics/index.js'
import type { GpuMemory } from './gpu-memory.js'
import { type Feeds, nudged, type Session, type Stage } from './gpu-stages.js'

export interface MeasureOptions {
  provider: ProviderName
  threads: number
  /** For the timed runs of one batch, after one that does not count; at least one is timed. */
  budgetMs: number
  /** By `performance.now()`: no batch is begun after it. */
  deadline: number
  memory: GpuMemory
}

export interface BatchResult {
  batch: number
  /** Median of the whole batch, its way to the provider and back included. */
  ms: number
  runs: number
  /** The largest difference from the CPU's output, as a share of that output's largest value; of all outputs the worst. */
  difference: number
}

export interface StageResult {
  stage: string
  model: string
  kind: Stage['kind']
  batches: BatchResult[]
  /** Batch sizes for which the time was up. */
  skipped: number[]
  /** How many pictures were looked at for those that are measured with (see `Reference`). */
  tried: number
  /** How far the last bits of an input move the outputs of those that are measured with, as `difference` is measured. */
  moved: number
  nodes: number
  /** Nodes that ran on another provider, the runtime's copies not among them. */
  elsewhere: PlacedNode[]
  /** How often a run copies a tensor between the provider's memory and the host's, beside its inputs and outputs. */
  copies: number
  /** Of the GPU, with the largest batch done; null where it cannot be determined. */
  memoryBytes: number | null
  error?: string
}

type Outputs = Record<string, number[] | Float32Array>

/** Never fails: what goes wrong is in the result, so that the stages behind it are measured all the same. */
export async function measureStage(stage: Stage, options: MeasureOptions): Promise<StageResult> {
  const { name, model, kind } = stage
  const result: StageResult = {
    ...{ stage: name, model, kind, batches: [], skipped: [], tried: 0, moved: 0 },
    ...{ nodes: 0, elsewhere: [], copies: 0, memoryBytes: null }
  }
  try {
    const found = await reference(stage, options)
    result.tried = found.tried
    result.moved = found.moved
    await onProvider(stage, options, found, result)
  } catch (error) {
    result.error = messageOf(error).split('\n')[0]
  }
  return result
}

/**
 * The pictures of the largest batch and the CPU's outputs for them, worked out one by one: no batch can be its own oracle.
 * Taken are the first whose outputs float32 determines, or where those are too few, the best: LRP divides by sums that may
 * nearly cancel, and where an input's last bits decide, two runtimes differ that are both right.
 */
interface Reference {
  pictures: number[]
  tried: number
  moved: number
  wanted: Outputs
}

/** The largest difference from the CPU, as a share of the largest value, that counts as the same. */
export const differenceBound = 2e-3
/** Inputs whose last bits are changed may move the outputs by half of it. */
const mostMoved = differenceBound / 2
const mostTried = 64

async function reference(stage: Stage, { threads, deadline }: MeasureOptions): Promise<Reference> {
  const needed = stage.batches.at(-1)!
  const tried: { picture: number; outputs: Outputs; moved: number }[] = []
  const determined = (): number => tried.filter(({ moved }) => moved <= mostMoved).length
  const session = await stage.open({ provider: 'cpu', threads })
  const run = async (feeds: Feeds): Promise<Outputs> => numbersOf(await session.run(feeds))
  try {
    while (
      tried.length < needed ||
      (determined() < needed && tried.length < mostTried && performance.now() < deadline)
    ) {
      const picture = tried.length
      const feeds = stage.feeds(session, [picture])
      const outputs = await run(feeds)
      tried.push({ picture, outputs, moved: worstDifference(await run(nudged(feeds)), outputs) })
    }
  } finally {
    await session.release()
  }
  const chosen = bestOf(tried, needed)
  const names = Object.keys(chosen[0]!.outputs)
  return {
    pictures: chosen.map(({ picture }) => picture),
    tried: tried.length,
    moved: Math.max(...chosen.map(({ moved }) => moved)),
    wanted: Object.fromEntries(names.map((name) => [name, chosen.flatMap(({ outputs }) => [...outputs[name]!])]))
  }
}

/** The first that are determined, then those that move least. */
function bestOf<T extends { moved: number }>(tried: readonly T[], needed: number): T[] {
  const rank = ({ moved }: T): number => Math.max(moved, mostMoved)
  return [...tried].sort((a, b) => rank(a) - rank(b)).slice(0, needed)
}

async function onProvider(stage: Stage, options: MeasureOptions, found: Reference, result: StageResult): Promise<void> {
  const { provider, threads, deadline, memory } = options
  const folder = await mkdtemp(join(tmpdir(), 'painlens-gpu-'))
  try {
    const session = await stage.open({ provider, threads, profileFilePrefix: join(folder, 'profile') })
    try {
      await session.run(stage.feeds(session, found.pictures.slice(0, 1)))
      addPlacement(await profileOf(session, folder), provider, result)
      for (const batch of stage.batches) {
        if (performance.now() > deadline) result.skipped.push(batch)
        else result.batches.push(await measureBatch(session, stage, batch, options.budgetMs, found))
      }
      result.memoryBytes = await memory.used()
    } finally {
      await session.release()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function profileOf(session: Session, folder: string): Promise<PlacedNode[]> {
  session.endProfiling()
  const [file] = await readdir(folder)
  return placedNodes(await readFile(join(folder, file!), 'utf8'))
}

function addPlacement(nodes: readonly PlacedNode[], provider: ProviderName, result: StageResult): void {
  result.nodes = nodes.length
  result.copies = nodes.filter(isCopy).length
  result.elsewhere = nodes.filter((node) => node.provider !== profileNames[provider] && !isCopy(node))
}

async function measureBatch(
  session: Session,
  stage: Stage,
  batch: number,
  budgetMs: number,
  { pictures, wanted }: Reference
): Promise<BatchResult> {
  const feeds = stage.feeds(session, pictures.slice(0, batch))
  const difference = worstDifference(numbersOf(await session.run(feeds)), wanted)
  const times: number[] = []
  const startedAt = performance.now()
  do {
    const runAt = performance.now()
    await session.run(feeds)
    times.push(performance.now() - runAt)
  } while (performance.now() - startedAt < budgetMs)
  return { batch, ms: median(times), runs: times.length, difference }
}

function numbersOf(outputs: ort.InferenceSession.OnnxValueMapType): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [
      name,
      data instanceof Float32Array ? data : Array.from(data as BigInt64Array, Number)
    ])
  )
}

/**
 * Of all outputs the largest difference, each as a share of the largest value wanted of it; a number that is not finite is
 * infinitely far off. `wanted` may go on behind what was got: a smaller batch is its beginning.
 */
export function worstDifference(got: Outputs, wanted: Outputs): number {
  return Math.max(...Object.keys(wanted).map((name) => shareOfLargest(got[name] ?? [], wanted[name]!)))
}

function shareOfLargest(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [largest, difference] = [0, got.length > 0 && got.length <= wanted.length ? 0 : Number.POSITIVE_INFINITY]
  for (let i = 0; i < got.length; i++) {
    largest = Math.max(largest, Math.abs(wanted[i]!))
    const own = Math.abs(got[i]! - wanted[i]!)
    if (!(own <= difference)) difference = Number.isFinite(own) ? own : Number.POSITIVE_INFINITY
  }
  return difference === 0 ? 0 : difference / (largest || 1)
}
