/** What TF32 would do to explanations: its rounding, done on the CPU. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { compositeOf } from '#painlens/lib/lrp/composites.js'
import { lrpModelOf, lrpNames } from '#painlens/lib/lrp/engines/onnx-graph.js'
import { layerGraphOf } from '#painlens/lib/lrp/graph/index.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { type OnnxModel, type OnnxNode, readModel, tensorOf, writeModel } from '#painlens/lib/onnx/index.js'
import { median } from '#painlens/lib/statistics/index.js'
import { worstDifference } from './gpu-measure.js'
import { explainFeeds, type Feeds, gpuComposites, nudged } from './gpu-stages.js'
import { table } from './table.js'

const composites = { ...gpuComposites, 'lrp.epsilon': 'lrp.epsilon' }
/** What cuDNN and cuBLAS compute on tensor cores. */
const products: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul'])
/** 2¹³ + 1 leaves 11 of float32's 24 bits: TF32's 10 and the one that is not stored (Veltkamp's splitting). */
const splitter = 8193

const pictures = [0, 1, 2, 3, 4]

/**
 * @returns a Markdown table: how far TF32 moves logits and relevance, as a share of the largest value, and for comparison how
 * far the inputs' last float32 bits do; medians of five pictures
 */
export async function tf32Table(manifests: readonly Manifest[]): Promise<string> {
  const rows: string[][] = []
  for (const manifest of manifests) {
    const graph = layerGraphOf(await readModel(manifest.file))
    for (const [name, composite] of Object.entries(composites)) {
      const model = lrpModelOf(graph, compositeOf(composite))
      const feeds = pictures.map((picture) => explainFeeds(manifest, [picture]))
      const full = await outputsOf(model, feeds)
      const rounded = await outputsOf(roundedToTf32(model), feeds)
      const moved = await outputsOf(model, feeds.map(nudged))
      const share = (other: readonly Outputs[], output: string): string => {
        const shares = full.map((own, i) =>
          worstDifference({ [output]: other[i]![output]! }, { [output]: own[output]! })
        )
        return median(shares).toExponential(1)
      }
      const { logits, relevance } = lrpNames
      rows.push([manifest.name, name, share(rounded, logits), share(rounded, relevance), share(moved, relevance)])
    }
  }
  return table(['model', 'composite', 'logits', 'relevance', "relevance by the inputs' last bits"], rows)
}

/** The model with both factors of each product rounded to TF32. */
export function roundedToTf32(model: OnnxModel): OnnxModel {
  const { graph } = model
  const rounded = new Set<string>()
  const nodes = graph.nodes.flatMap((node) => {
    if (!products.has(node.opType)) return [node]
    const factors = node.inputs.slice(0, 2)
    const fresh = factors.filter((value, i) => !rounded.has(value) && factors.indexOf(value) === i)
    for (const value of fresh) rounded.add(value)
    return [...fresh.flatMap(rounding), { ...node, inputs: [...factors.map(roundedName), ...node.inputs.slice(2)] }]
  })
  const constant = tensorOf('tf32.splitter', Float32Array.of(splitter), [])
  return {
    ...model,
    graph: { ...graph, nodes, initializers: new Map([...graph.initializers, [constant.name, constant]]) }
  }
}

const roundedName = (value: string): string => `${value}.tf32`

/** value·c − (value·c − value): the value's upper half, rounded to the nearest. */
function rounding(value: string): OnnxNode[] {
  const node = (opType: string, inputs: string[], output: string): OnnxNode => ({
    ...{ name: output, opType, domain: '', inputs, outputs: [output], attributes: new Map() }
  })
  const [large, lower] = [`${value}.tf32.large`, `${value}.tf32.lower`]
  return [
    node('Mul', [value, 'tf32.splitter'], large),
    node('Sub', [large, value], lower),
    node('Sub', [large, lower], roundedName(value))
  ]
}

type Outputs = Record<string, Float32Array>

async function outputsOf(model: OnnxModel, feeds: readonly Feeds[]): Promise<Outputs[]> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-tf32-'))
  try {
    const file = join(folder, 'model.onnx')
    await writeModel(file, model, { dataFile: true, durable: false })
    // No optimizer may take the rounding for arithmetic that comes to nothing.
    const session = await ort.InferenceSession.create(file, {
      graphOptimizationLevel: 'disabled',
      enableMemPattern: false
    })
    const results: Outputs[] = []
    for (const one of feeds) {
      const outputs = Object.entries(await session.run(one))
      results.push(Object.fromEntries(outputs.map(([name, { data }]) => [name, data as Float32Array])))
    }
    await session.release()
    return results
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
