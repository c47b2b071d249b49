import { ModelError } from '../../core/errors.js'
import { addEntry, checkSize, dataTypeOf, integers, parseTensor } from './tensor.js'
import {
  checkOnnx,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue
} from './types.js'
import { type Field, type Handlers, readMessage, WireError, WireReader, WireType } from './wire.js'

export interface DecodeOptions {
  /** The model's name in errors, usually its path. */
  where?: string
  /** The bytes of an external data file, by its `location`; without it a model with external data is refused. */
  external?: (location: string) => Uint8Array
}

/**
 * Decodes an ONNX ModelProto. Tensors are views of `bytes`, so these must stay untouched as long as the model is used.
 * Unknown fields are skipped. Throws a ModelError if the bytes are not an ONNX model, are truncated, or the graph
 * is inconsistent (a node's input without a source, a tensor whose data do not fill its dims).
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): OnnxModel {
  const where = options.where ?? 'the model'
  try {
    const { model, tensors } = parseModel(bytes)
    for (const tensor of tensors) resolve(tensor, options.external)
    checkOnnx(model)
    return model
  } catch (error) {
    if (error instanceof WireError) throw new ModelError('PL-MODEL-DAMAGED', describe(error), where, { cause: error })
    throw error
  }
}

/** The files of the model's external tensors, relative to its folder. Throws as `decodeModel`. */
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

/** A model, and all its tensors (initializers and attributes), of which some may be external. */
export interface ParsedModel {
  model: OnnxModel
  tensors: OnnxTensor[]
}

/** Parses a ModelProto. @throws WireError if it is malformed or has no graph */
function parseModel(bytes: Uint8Array): ParsedModel {
  const tensors: OnnxTensor[] = []
  const model: Omit<OnnxModel, 'graph'> = { irVersion: 0, producer: '', opsets: [], metadata: new Map() }
  let graph: Uint8Array | null = null
  readMessage(bytes, {
    [WireType.Varint]: {
      1: (reader) => {
        model.irVersion = reader.varint()
      }
    },
    [WireType.Bytes]: {
      2: (reader) => {
        model.producer = reader.string()
      },
      7: (reader) => {
        graph = reader.bytes()
      },
      8: (reader) => model.opsets.push(parseOpset(reader.bytes())),
      14: (reader) => addEntry(model.metadata, reader.bytes())
    }
  })
  if (graph === null) throw new WireError('this is no ONNX model: it has no graph')
  if (model.opsets.length === 0) throw new WireError('this is no ONNX model: it names no operator set')
  return { model: { ...model, graph: parseGraph(graph, tensors) }, tensors }
}

function parseOpset(bytes: Uint8Array): { domain: string; version: number } {
  const opset = { domain: '', version: 0 }
  readMessage(bytes, {
    [WireType.Bytes]: {
      1: (reader) => {
        opset.domain = reader.string()
      }
    },
    [WireType.Varint]: {
      2: (reader) => {
        opset.version = reader.varint()
      }
    }
  })
  return opset
}

function parseGraph(bytes: Uint8Array, tensors: OnnxTensor[]): OnnxGraph {
  const graph: OnnxGraph = { name: '', nodes: [], inputs: [], outputs: [], initializers: new Map() }
  readMessage(bytes, {
    [WireType.Bytes]: {
      1: (reader) => graph.nodes.push(parseNode(reader.bytes(), tensors)),
      2: (reader) => {
        graph.name = reader.string()
      },
      5: (reader) => {
        const tensor = parseTensor(reader.bytes())
        tensors.push(tensor)
        graph.initializers.set(tensor.name, tensor)
      },
      11: (reader) => graph.inputs.push(parseValue(reader.bytes())),
      12: (reader) => graph.outputs.push(parseValue(reader.bytes()))
    }
  })
  // Before IR version 4 every initializer is listed among the inputs too.
  graph.inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name))
  return graph
}

function parseNode(bytes: Uint8Array, tensors: OnnxTensor[]): OnnxNode {
  const node: OnnxNode = { name: '', opType: '', domain: '', inputs: [], outputs: [], attributes: new Map() }
  readMessage(bytes, {
    [WireType.Bytes]: {
      1: (reader) => node.inputs.push(reader.string()),
      2: (reader) => node.outputs.push(reader.string()),
      3: (reader) => {
        node.name = reader.string()
      },
      4: (reader) => {
        node.opType = reader.string()
      },
      5: (reader) => {
        const { name, attribute } = parseAttribute(reader.bytes(), tensors)
        node.attributes.set(name, attribute)
      },
      7: (reader) => {
        node.domain = reader.string()
      }
    }
  })
  return node
}

/** AttributeProto.type by number; files from before IR version 2 leave it out, and others are kept encoded. */
const attributeTypes = [null, 'float', 'int', 'string', 'tensor', null, 'floats', 'ints', 'strings'] as const

function parseAttribute(bytes: Uint8Array, tensors: OnnxTensor[]): { name: string; attribute: OnnxAttribute } {
  let name = ''
  let code = 0
  const found: { float: number; int: number; string: string; tensor: OnnxTensor | null } = {
    float: 0,
    int: 0,
    string: '',
    tensor: null
  }
  const lists: { floats: number[]; ints: number[]; strings: string[] } = { floats: [], ints: [], strings: [] }
  const pushInts = (reader: WireReader, field: Field): void => {
    for (const value of integers(reader, field.wire)) lists.ints.push(Number(value))
  }
  readMessage(bytes, {
    [WireType.Varint]: {
      3: (reader) => {
        found.int = reader.varint()
      },
      8: pushInts,
      20: (reader) => {
        code = reader.varint()
      }
    },
    [WireType.Fixed32]: {
      2: (reader) => {
        found.float = reader.float()
      },
      7: (reader) => lists.floats.push(reader.float())
    },
    [WireType.Bytes]: {
      1: (reader) => {
        name = reader.string()
      },
      4: (reader) => {
        found.string = reader.string()
      },
      5: (reader) => {
        found.tensor = parseTensor(reader.bytes())
        tensors.push(found.tensor)
      },
      7: (reader) => {
        const block = new WireReader(reader.bytes())
        while (!block.done) lists.floats.push(block.float())
      },
      8: pushInts,
      9: (reader) => lists.strings.push(reader.string())
    }
  })
  const type = attributeTypes[code] ?? null
  if (type === null) return { name, attribute: { type: 'other', value: bytes } }
  const value = { ...found, ...lists }[type]
  if (value === null) throw new WireError(`attribute "${name}" is a tensor without data`)
  return { name, attribute: { type, value } as OnnxAttribute }
}

function parseValue(bytes: Uint8Array): OnnxValue {
  let name = ''
  let type: Uint8Array = new Uint8Array(0)
  readMessage(bytes, {
    [WireType.Bytes]: {
      1: (reader) => {
        name = reader.string()
      },
      2: (reader) => {
        type = reader.bytes()
      }
    }
  })
  return { name, ...parseTensorType(name, type) }
}

function parseTensorType(name: string, bytes: Uint8Array): { type: OnnxValue['type']; dims: (number | string)[] } {
  const dims: (number | string)[] = []
  let code = 0
  const shape: Handlers = { 1: (reader) => dims.push(parseDim(reader.bytes())) }
  const tensorType = (reader: WireReader): void =>
    readMessage(reader.bytes(), {
      [WireType.Varint]: {
        1: (inner) => {
          code = inner.varint()
        }
      },
      [WireType.Bytes]: { 2: (inner) => readMessage(inner.bytes(), { [WireType.Bytes]: shape }) }
    })
  readMessage(bytes, { [WireType.Bytes]: { 1: tensorType } })
  const type = dataTypeOf(code)
  if (type === undefined) throw new WireError(`"${name}" is no tensor of a supported type (${code})`)
  return { type, dims }
}

/** A size, or the name of a free dimension; one without either is free and nameless. */
function parseDim(bytes: Uint8Array): number | string {
  let dim: number | string = ''
  readMessage(bytes, {
    [WireType.Varint]: {
      1: (reader) => {
        dim = reader.varint()
      }
    },
    [WireType.Bytes]: {
      2: (reader) => {
        dim = reader.string()
      }
    }
  })
  return dim
}
