import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { sha256Of } from '../../src/model/manifest.js'
import { GraphBuilder, writeModel } from '../../src/onnx/index.js'

/**
 * A model whose logits are the mean blue, green and red of its input times 0.1, so that a test knows them; with its
 * manifest. Labels pain, disgust, happiness: the redder the crop, the more "happiness".
 */
export async function writeTinyModel(
  folder: string,
  options: { softmax?: boolean; changes?: object } = {}
): Promise<string> {
  const graph = new GraphBuilder({ name: 'tiny' })
  graph.input('input', ['N', 3, 16, 16])
  const weights = graph.constant('weights', Float32Array.of(0.1, 0, 0, 0, 0.1, 0, 0, 0, 0.1), [3, 3])
  const bias = graph.constant('bias', new Float32Array(3), [3])
  const mean = graph.node('Flatten', [graph.node('GlobalAveragePool', ['input'])])
  const logits = graph.node('Gemm', [mean, weights, bias], {}, { name: 'fc' })
  const last = options.softmax ? graph.node('Softmax', [logits], { axis: 1 }) : logits
  graph.output(last, ['N', 3])
  const file = join(folder, 'tiny.onnx')
  await writeModel(file, graph.toModel())
  const manifest = {
    name: 'tiny',
    labels: ['pain', 'disgust', 'happiness'],
    alarm_label: 'pain',
    file: 'tiny.onnx',
    sha256: await sha256Of(file),
    licence: 'Apache-2.0',
    input: { layout: 'nchw', width: 16, height: 16, colour: 'bgr', mean: [0, 0, 0], scale: 1 },
    intended_use: 'demonstration',
    ...options.changes
  }
  const path = join(folder, 'tiny.yaml')
  await writeFile(path, stringify(manifest))
  return path
}
