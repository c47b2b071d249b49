import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Crop } from '../../src/core/types.js'
import { sha256Of } from '../../src/lib/model/manifest.js'
import { preprocess } from '../../src/lib/model/preprocess.js'
import { type DataType, dataTypes, GraphBuilder, writeModel } from '../../src/lib/onnx/index.js'

const input = { layout: 'nchw', width: 16, height: 16, colour: 'bgr', mean: [0, 0, 0], scale: 1 } as const

export interface TinyOptions {
  softmax?: boolean
  slope?: number
  /** Of its input in pixels; 16 unless given. */
  side?: number
  /** A fixed one; any unless given. */
  batch?: number
  /** The batch that a Reshape in the middle was exported with, whatever the input says. */
  reshape?: number
  changes?: object
}

/**
 * A model whose logits are the mean blue, green and red of its input times 0.1 (or another `slope`), so that a test knows
 * them; with its manifest. Labels pain, disgust, happiness: the redder the crop, the more "happiness".
 */
export async function writeTinyModel(folder: string, options: TinyOptions = {}): Promise<string> {
  const { slope = 0.1, side = input.width, batch = 'N', reshape } = options
  const graph = new GraphBuilder({ name: 'tiny' })
  graph.input('input', [batch, 3, side, side])
  const weights = graph.constant('weights', Float32Array.of(slope, 0, 0, 0, slope, 0, 0, 0, slope), [3, 3])
  const bias = graph.constant('bias', new Float32Array(3), [3])
  const pooled = graph.node('GlobalAveragePool', ['input'])
  const shape = reshape && graph.constant('shape', BigInt64Array.of(BigInt(reshape), 3n), [2])
  const mean = shape ? graph.node('Reshape', [pooled, shape]) : graph.node('Flatten', [pooled])
  const logits = graph.node('Gemm', [mean, weights, bias], {}, { name: 'fc' })
  const last = options.softmax ? graph.node('Softmax', [logits], { axis: 1 }) : logits
  graph.output(last, [batch, 3])
  return await writeWithManifest(folder, graph, { input: { ...input, width: side, height: side }, ...options.changes })
}

export interface HeadOptions {
  /** How the input is declared; float32 [N, 3, 16, 16] unless given. */
  dims?: (number | string)[]
  type?: DataType
  outputType?: DataType
  changes?: object
}

/**
 * The tiny model with another head.
 * @param head adds what follows the logits [N, 3], and names the outputs: the first is the graph's, others come in front
 */
export async function writeTinyHead(
  folder: string,
  head: (graph: GraphBuilder, logits: string) => string | string[],
  { dims = ['N', 3, 16, 16], type = 'float32', outputType = 'float32', changes }: HeadOptions = {}
): Promise<string> {
  const graph = new GraphBuilder({ name: 'tiny' })
  graph.input('input', dims, type)
  const weights = graph.constant('weights', Float32Array.of(0.1, 0, 0, 0, 0.1, 0, 0, 0, 0.1), [3, 3])
  const floats = type === 'float32' ? 'input' : graph.node('Cast', ['input'], { to: dataTypes.float32.code })
  const mean = graph.node('Flatten', [graph.node('GlobalAveragePool', [floats])])
  const [last, ...others] = [head(graph, graph.node('MatMul', [mean, weights]))].flat()
  for (const other of others) graph.output(other, ['N', 'd'])
  graph.output(last!, ['N', 'classes'], outputType)
  return await writeWithManifest(folder, graph, changes)
}

/**
 * A model of the same shape whose weights all but cancel on `crop`: its logits for that are rounding errors, which depend
 * on the order in which a runtime adds. No two runtimes agree on them.
 */
export async function writeRoundingModel(
  folder: string,
  crops: readonly Crop[],
  changes: object = {}
): Promise<string> {
  const graph = new GraphBuilder({ name: 'rounding' })
  graph.input('input', ['N', 3, 16, 16])
  const pictures = crops.map((crop) => preprocess(crop, { ...input, mean: [0, 0, 0] }))
  const columns = [1, 2, 3].map((seed) => cancelling(pictures, seed))
  const weights = Float32Array.from({ length: 3 * 768 }, (_, i) => columns[i % 3]![Math.floor(i / 3)]!)
  const flat = graph.node('Flatten', ['input'])
  const fc = graph.node('Gemm', [flat, graph.constant('weights', weights, [768, 3])], {}, { name: 'fc' })
  graph.output(fc, ['N', 3])
  return await writeWithManifest(folder, graph, changes)
}

/** Weights of both signs whose products with each picture's values add up to nothing, as far as float32 can hold them. */
function cancelling(pictures: readonly Float32Array[], seed: number): Float32Array {
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const without = (values: Float64Array, directions: readonly Float64Array[]): Float64Array =>
    directions.reduce((rest, direction) => {
      const share = dot(rest, direction) / dot(direction, direction)
      return rest.map((value, i) => value - share * direction[i]!)
    }, values)
  const directions: Float64Array[] = []
  for (const picture of pictures) {
    const rest = without(Float64Array.from(picture), directions)
    // Of a picture that others make up nothing is left.
    if (dot(rest, rest) > 1e-6 * dot(Float64Array.from(picture), Float64Array.from(picture))) directions.push(rest)
  }
  const start = Float64Array.from(pictures[0]!, (_, i) => Math.sin((i + 1) * (i + seed)))
  return Float32Array.from(without(without(start, directions), directions))
}

async function writeWithManifest(folder: string, graph: GraphBuilder, changes: object = {}): Promise<string> {
  const file = join(folder, 'tiny.onnx')
  await writeModel(file, graph.toModel())
  const manifest = {
    name: 'tiny',
    labels: ['pain', 'disgust', 'happiness'],
    alarm_label: 'pain',
    file: 'tiny.onnx',
    sha256: await sha256Of(file),
    licence: 'Apache-2.0',
    input,
    intended_use: 'demonstration',
    ...changes
  }
  const path = join(folder, 'tiny.yaml')
  await writeFile(path, stringify(manifest))
  return path
}
