/** What the ONNX engine spends an explanation's time on, by ONNX Runtime's own profile. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OnnxEngine } from '#painlens/lib/lrp/engines/onnx.js'
import { compositeOf, readLayerGraph, type Sample } from '#painlens/lib/lrp/index.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { batchDims } from '#painlens/lib/model/preprocess.js'
import { table } from './table.js'

interface ProfileEvent {
  cat: string
  name: string
  dur: number
  args?: { op_name?: string }
}

const runs = 5
/** Smaller shares are summed up as the rest. */
const leastShare = 0.01

export interface NodesBench {
  manifest: Manifest
  threads: number
  sample: Sample
  /** By their names in the table. */
  composites: Readonly<Record<string, string>>
}

/** @returns a Markdown table: the share of each type of node in the time of all nodes */
export async function lrpNodesTable({ composites, ...options }: NodesBench): Promise<string> {
  const shares: Map<string, number>[] = []
  for (const composite of Object.values(composites)) shares.push(await sharesOf(composite, options))
  const types = [...new Set(shares.flatMap((each) => [...each.keys()]))]
  const ofType = (type: string): number[] => shares.map((each) => each.get(type) ?? 0)
  const named = types.filter((type) => ofType(type).some((share) => share >= leastShare))
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const rows = named.sort((a, b) => ofType(b)[0]! - ofType(a)[0]!).map((type) => [type, ...ofType(type).map(percent)])
  const rest = shares.map((each) => percent(1 - named.reduce((sum, type) => sum + (each.get(type) ?? 0), 0)))
  return table(['nodes', ...Object.keys(composites)], [...rows, ['others', ...rest]])
}

async function sharesOf(
  composite: string,
  { manifest, threads, sample }: Omit<NodesBench, 'composites'>
): Promise<Map<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  const load = () => readLayerGraph(manifest.file, { inputDims: batchDims(manifest.input, 1) })
  const profiled = { threads, folder, profileFilePrefix: join(folder, 'profile') }
  try {
    const engine = await OnnxEngine.create(load, compositeOf(composite), profiled)
    const weights = new Float32Array(engine.classes)
    for (let run = 0; run < runs; run++) await engine.explain({ ...sample, data: sample.data.slice() }, weights)
    engine.endProfiling()
    await engine.close()
    const file = (await readdir(folder)).find((name) => name.startsWith('profile'))!
    return byType(JSON.parse(await readFile(join(folder, file), 'utf8')) as ProfileEvent[])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function byType(events: readonly ProfileEvent[]): Map<string, number> {
  const times = new Map<string, number>()
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue
    const type = args?.op_name ?? '?'
    times.set(type, (times.get(type) ?? 0) + dur)
  }
  const total = [...times.values()].reduce((a, b) => a + b, 0)
  return new Map([...times].map(([type, time]) => [type, time / total]))
}
