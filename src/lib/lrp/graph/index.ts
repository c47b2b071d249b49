import { UnsupportedModelError } from '../../../core/errors.js'
import {
  decodeModel,
  elementCount,
  nodesBefore,
  type OnnxModel,
  type OutputChoice,
  readModel,
  type Signature,
  signatureOf
} from '../../onnx/index.js'
import type { LayerGraph } from '../layers.js'
import { foldConstants } from './fold-constants.js'
import { operators } from './operators.js'
import { GraphReader } from './reader.js'
import { simplified } from './simplify.js'

/** What is known of a classifier beside its graph. */
export interface GraphOptions extends OutputChoice {
  /** The input's dims, the batch in front, for those that the model leaves free. */
  inputDims?: readonly number[]
}

/**
 * Reads a classifier's ONNX graph as LRP's layers: NCHW as torch.onnx writes it, or NHWC with Transpose as tf2onnx
 * does. The last activation (softmax, log-softmax, sigmoid) is left out. Constants have to be initializers or Constant
 * nodes; `readLayerGraph` works out others.
 * @throws UnsupportedModelError, with the node's name and type, for what LRP here cannot explain; ModelError where inputs or
 *   outputs are not those of a classifier
 */
export function layerGraphOf(model: OnnxModel, where = 'the model', options: GraphOptions = {}): LayerGraph {
  const signature = signatureOf(model, options, where)
  const { name } = signature.input
  const dims = inputDimsOf(signature, options.inputDims, where)
  const reader = new GraphReader(model, where)
  reader.pushInput(name, dims.slice(1) as number[])
  for (const node of nodesBefore(model.graph.nodes, signature.before)) {
    if (reader.evaluate(node)) continue
    const convert = ['', 'ai.onnx'].includes(node.domain) ? operators[node.opType] : undefined
    if (convert === undefined) throw reader.unsupported(node, 'there is no rule for this operator')
    convert(node, reader)
  }
  const output = reader.placeOf(signature.before)
  if (output === undefined) throw refused('its output does not depend on its input', where)
  const classes = elementCount(reader.layers[output]!.dims)
  const { head } = signature
  return simplified({ input: { name, dims }, layers: reader.layers, output, classes, head })
}

/**
 * Reads a classifier from a file, or from its bytes, as LRP's layers, with its constants worked out.
 * @throws ModelError for a file that is no ONNX model, and as `layerGraphOf` does
 */
export async function readLayerGraph(source: string | Uint8Array, options: GraphOptions = {}): Promise<LayerGraph> {
  const [model, where] =
    typeof source === 'string' ? [await readModel(source), source] : [decodeModel(source), 'the model']
  return layerGraphOf(await foldConstants(model, where), where, options)
}

/** The input's dims with a size for all but the batch. */
function inputDimsOf({ input }: Signature, given: readonly number[] = [], where: string): (number | string)[] {
  const dims = input.dims.map((dim, axis) => (axis === 0 || isSize(dim) ? dim : (given[axis] ?? dim)))
  if (dims.length < 2 || !dims.slice(1).every(isSize)) {
    throw refused(`its input [${dims.join(', ')}] has no fixed size behind the batch`, where)
  }
  return dims
}

const isSize = (dim: number | string): boolean => typeof dim === 'number' && dim >= 1

function refused(why: string, where: string): UnsupportedModelError {
  return new UnsupportedModelError('PL-LRP-MODEL', `LRP cannot explain this model: ${why}`, where)
}
