/** What LRP costs over one forward pass of the classifier, alternating in one run, and what memory the daemon needs for it. */
import * as ort from 'onnxruntime-node'
import { passesOf } from '#painlens/lib/lrp/cost.js'
import { OnnxEngine } from '#painlens/lib/lrp/engines/onnx.js'
import { acquireBackend } from '#painlens/lib/lrp/engines/tfjs-backend.js'
import { TfjsOps } from '#painlens/lib/lrp/engines/tfjs-ops.js'
import { compositeOf, createExplainer, type EngineName, layerGraphOf, readLayerGraph } from '#painlens/lib/lrp/index.js'
import { Walk } from '#painlens/lib/lrp/walk.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { batchDims } from '#painlens/lib/model/preprocess.js'
import { readModel } from '#painlens/lib/onnx/index.js'
import { openSession, proveProvider } from '#painlens/lib/ort/provider.js'
import type { ProviderName } from '#painlens/lib/ort/provider-names.js'
import { createRandom } from '#painlens/lib/random.js'
import { median } from '#painlens/lib/statistics/index.js'
import { lrpNodesTable } from './lrp-nodes.js'
import { Peer, type PeerTask } from './peer.js'
import { ms, table } from './table.js'

/** What the peer calls them, and how many times the ONNX engine's time it should take at least. */
const peerAims: Record<Preset, { task: PeerTask; aim: number }> = {
  'preset A flat': { task: 'a', aim: 3 },
  'preset B flat': { task: 'b', aim: 3.3 }
}

const presets = { 'preset A flat': 'lrp.sequential_preset_a_flat', 'preset B flat': 'lrp.sequential_preset_b_flat' }
type Preset = keyof typeof presets

/** Times over one forward pass that an engine should stay below. */
const aims: Record<EngineName, Record<Preset, number>> = {
  onnx: { 'preset A flat': 3.1, 'preset B flat': 4.2 },
  tfjs: { 'preset A flat': 12, 'preset B flat': 16 }
}

export interface LrpBench {
  manifest: Manifest
  threads: number
  rounds: number
}

type Sample = { data: Float32Array; dims: number[] }

/** @returns Markdown: what each engine takes, with CUDA where that works, the shares of the ONNX engine's nodes, one session's pieces, and a peer */
export async function lrpTable(options: LrpBench): Promise<string> {
  const cuda = await proveProvider('cuda', options.manifest.file).catch(() => null)
  const rows = [...(await engineRows('onnx', 'cpu', options)), ...(await engineRows('tfjs', 'cpu', options))]
  if (cuda) rows.push(...(await engineRows('onnx', 'cuda', options)))
  const head = ['engine', 'composite', 'LRP, ms', 'forward pass, ms', 'ratio', 'aim', 'floor', 'explanations/s']
  const nodes = await lrpNodesTable({ ...options, sample: noiseFor(options.manifest), composites: presets })
  return [table(head, rows), nodes, await piecesTable(options), await peerTable(options)].join('\n\n')
}

async function engineRows(engine: EngineName, provider: ProviderName, options: LrpBench): Promise<string[][]> {
  const { manifest, threads } = options
  const session = await openSession(manifest.file, { provider, threads })
  const sample = noiseFor(manifest)
  const forward = (): Promise<unknown> =>
    session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', sample.data, sample.dims) })
  const rows: string[][] = []
  try {
    const ownForward = engine === 'tfjs' ? await tfjsForward(options, sample, forward) : 1
    for (const preset of Object.keys(presets) as Preset[]) {
      const times = await alternating(engine, presets[preset], sample, forward, { ...options, provider })
      const floor = (await passes(manifest, presets[preset])) * ownForward
      const [lrp, alone] = [median(times.lrp), median(times.forward)]
      const numbers = [ms(lrp), ms(alone), (lrp / alone).toFixed(2), String(aims[engine][preset]), floor.toFixed(2)]
      rows.push([times.name, preset, ...numbers, (1000 / lrp).toFixed(1)])
    }
  } finally {
    await session.release()
  }
  return rows
}

async function alternating(
  engine: EngineName,
  composite: string,
  sample: Sample,
  forward: () => Promise<unknown>,
  { manifest, threads, rounds, provider }: LrpBench & { provider: ProviderName }
): Promise<{ name: string; lrp: number[]; forward: number[] }> {
  const explainer = await createExplainer({ model: manifest.file, composite, engine, threads, provider })
  try {
    const times = await inTurns(rounds, { forward, lrp: () => explainer.explain(sample, { target: 0 }) })
    return { name: explainer.engine, ...times }
  } finally {
    await explainer.close()
  }
}

/** Of a session that judges and explains: the pieces of an explanation, for each of which a verdict may have to wait. */
async function piecesTable({ manifest, threads, rounds }: LrpBench): Promise<string> {
  const { data, dims } = noiseFor(manifest)
  const load = () => readLayerGraph(manifest.file, { inputDims: dims })
  const rows: string[][] = []
  for (const preset of Object.keys(presets) as Preset[]) {
    const engine = await OnnxEngine.create(load, compositeOf(presets[preset]), { threads, judges: true })
    try {
      const sample = () => ({ data: data.slice(), dims })
      const weights = new Float32Array(engine.classes)
      let begun = await engine.begin(sample(), weights)
      const first = async (): Promise<void> => {
        begun = await engine.begin(sample(), weights)
      }
      const second = async (): Promise<unknown> => ('between' in begun ? engine.finish(begun) : null)
      const times = await inTurns(rounds, { forward: () => engine.logits(sample()), first, second })
      const alone = median(times.forward)
      const pieces = [median(times.first), median(times.second)]
      rows.push([preset, ms(alone), ...pieces.map((took) => `${ms(took)} (${(took / alone).toFixed(2)})`)])
    } finally {
      await engine.close()
    }
  }
  return table(['one session', 'forward pass, ms', 'first piece, ms (ratio)', 'second piece, ms (ratio)'], rows)
}

async function peerTable({ manifest, threads, rounds }: LrpBench): Promise<string> {
  const opened = await Peer.open(threads)
  if (typeof opened === 'string') return `LRP in PyTorch: not measured (${opened})`
  const { peer, name } = opened
  const sample = noiseFor(manifest)
  const rows: string[][] = []
  try {
    for (const preset of Object.keys(presets) as Preset[]) {
      const { task, aim } = peerAims[preset]
      const explainer = await createExplainer({
        model: manifest.file,
        composite: presets[preset],
        engine: 'onnx',
        threads
      })
      const calls = { own: () => explainer.explain(sample, { target: 0 }), peer: () => peer.run(task) }
      const times = await inTurns(rounds, calls).finally(() => explainer.close())
      const [own, other] = [median(times.own), median(times.peer)]
      rows.push([preset, ms(own), ms(other), (other / own).toFixed(2), String(aim)])
    }
  } finally {
    await peer.close()
  }
  return table([name, 'ONNX engine, ms', 'PyTorch, ms', 'ratio', 'aim'], rows)
}

/** Calls each in turn, `rounds` times, after one round that does not count. */
async function inTurns<K extends string>(
  rounds: number,
  calls: Record<K, () => Promise<unknown>>
): Promise<Record<K, number[]>> {
  const names = Object.keys(calls) as K[]
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>
  for (let round = 0; round <= rounds; round++)
    for (const name of names) {
      const startedAt = performance.now()
      await calls[name]()
      if (round > 0) times[name].push(performance.now() - startedAt)
    }
  return times
}

async function passes(manifest: Manifest, composite: string): Promise<number> {
  return passesOf(layerGraphOf(await readModel(manifest.file)), compositeOf(composite))
}

/** How much longer tfjs takes for the forward pass alone, which is what its floor is made of. */
async function tfjsForward(
  { manifest, threads, rounds }: LrpBench,
  { data, dims }: Sample,
  forward: () => Promise<unknown>
): Promise<number> {
  const backend = await acquireBackend(threads)
  const ops = new TfjsOps(backend.tf, backend.wasm)
  try {
    const walk = new Walk(ops, layerGraphOf(await readModel(manifest.file)), compositeOf('lrp.flat'))
    const tfjs = async (): Promise<unknown> => ops.scope(() => ops.values(walk.forward(ops.tensor(data, dims)).output))
    const times = await inTurns(rounds, { forward, tfjs })
    return median(times.tfjs) / median(times.forward)
  } finally {
    ops.dispose()
    await backend.release()
  }
}

/** Pixels of noise: the time does not depend on what a picture shows. */
function noiseFor({ input }: Manifest): Sample {
  const random = createRandom(1)
  const dims = batchDims(input, 1)
  const data = Float32Array.from({ length: 3 * input.width * input.height }, () => random.normal(0, 60))
  return { data, dims }
}
