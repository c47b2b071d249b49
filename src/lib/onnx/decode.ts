import { ModelError } from '../../core/errors.js'
import { parseModel } from './decode-graph.js'
import { checkSize } from './decode-tensor.js'
import type { OnnxModel, OnnxTensor } from './types.js'
import { checkModel } from './validate.js'
import { WireError } from './wire.js'

export interface DecodeOptions {
  /** What errors call the model: its path, as a rule. */
  where?: string
  /** The bytes of an external data file, by its `location`; without it a model with external data is refused. */
  external?: (location: string) => Uint8Array
}

/**
 * Decodes an ONNX ModelProto. Tensors are views of `bytes`, so these must stay untouched as long as the model is used.
 * Unknown fields are skipped. ModelError where the bytes are no ONNX model, are cut short, or the graph does not hang
 * together (a node's input that nothing produces, a tensor whose data do not fill its dims).
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): OnnxModel {
  const where = options.where ?? 'the model'
  try {
    const { model, tensors } = parseModel(bytes)
    for (const tensor of tensors) resolve(tensor, options.external)
    checkModel(model)
    return model
  } catch (error) {
    if (error instanceof WireError) throw new ModelError('PL-MODEL-DAMAGED', describe(error), where, { cause: error })
    throw error
  }
}

/** The files in which the model's external tensors lie, relative to its folder. ModelError as `decodeModel`. */
export function externalLocations(bytes: Uint8Array, where: string): string[] {
  try {
    const { tensors } = parseModel(bytes)
    return [...new Set(tensors.flatMap((tensor) => tensor.external?.location ?? []))]
  } catch (error) {
    if (error instanceof WireError) throw new ModelError('PL-MODEL-DAMAGED', describe(error), where, { cause: error })
    throw error
  }
}

function describe(error: WireError): string {
  return error.overrun ? `the file is cut short, or no ONNX model (${error.message})` : error.message
}

function resolve(tensor: OnnxTensor, external: DecodeOptions['external']): void {
  if (tensor.external === undefined) return
  const { location, offset, length } = tensor.external
  if (external === undefined) {
    throw new WireError(`tensor "${tensor.name}" lies in the file "${location}", which was not given`)
  }
  const file = external(location)
  const end = length === null ? file.byteLength : offset + length
  if (end > file.byteLength || offset > end) {
    throw new WireError(`tensor "${tensor.name}" lies beyond the ${file.byteLength} bytes of "${location}"`)
  }
  tensor.data = file.subarray(offset, end)
  delete tensor.external
  checkSize(tensor)
}
