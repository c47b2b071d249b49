import { dataTypeOf, elementCount } from './tensor.js'
import { type DataType, dataTypes, type ExternalData, type OnnxTensor } from './types.js'
import { type Field, type Handlers, readMessage, WireError, WireReader, WireType } from './wire.js'

interface TensorFields {
  name: string
  dims: number[]
  code: number
  raw: Uint8Array | null
  /** float_data and double_data: little-endian already, in one piece or several. */
  packed: Uint8Array[]
  /** int32_data, int64_data and uint64_data. */
  integers: bigint[]
  location: number
  external: Map<string, string>
}

/** Parses a TensorProto. WireError where it is broken or its data do not fill its dims. */
export function parseTensor(bytes: Uint8Array): OnnxTensor {
  const fields = readFields(bytes)
  const { name } = fields
  const type = dataTypeOf(fields.code)
  if (type === undefined) throw new WireError(`tensor "${name}" has the unsupported element type ${fields.code}`)
  if (fields.dims.some((dim) => dim < 0 || !Number.isSafeInteger(dim))) {
    throw new WireError(`tensor "${name}" has the impossible dims [${fields.dims.join(', ')}]`)
  }
  const tensor: OnnxTensor = { name, dims: fields.dims, type, data: new Uint8Array(0) }
  if (fields.location === 1) {
    tensor.external = externalOf(name, fields.external)
    return tensor
  }
  tensor.data = fields.raw ?? dataOf(fields, type)
  checkSize(tensor)
  return tensor
}

/** WireError if the tensor's bytes are not exactly what its dims and type need. */
export function checkSize(tensor: OnnxTensor): void {
  const needed = elementCount(tensor.dims) * dataTypes[tensor.type].bytes
  if (tensor.data.byteLength !== needed) {
    throw new WireError(`tensor "${tensor.name}" needs ${needed} bytes and has ${tensor.data.byteLength}`)
  }
}

function readFields(bytes: Uint8Array): TensorFields {
  const fields: TensorFields = {
    name: '',
    dims: [],
    code: 0,
    raw: null,
    packed: [],
    integers: [],
    location: 0,
    external: new Map()
  }
  const pushDims = (reader: WireReader, { wire }: Field): void => {
    for (const dim of integers(reader, wire)) fields.dims.push(Number(dim))
  }
  const pushIntegers = (reader: WireReader, { wire }: Field): void => {
    for (const value of integers(reader, wire)) fields.integers.push(value)
  }
  const pushPacked = (reader: WireReader, { wire }: Field): void => {
    fields.packed.push(reader.value(wire))
  }
  const integerLists: Handlers = { 1: pushDims, 5: pushIntegers, 7: pushIntegers, 11: pushIntegers }
  readMessage(bytes, {
    [WireType.Varint]: {
      ...integerLists,
      2: (reader) => {
        fields.code = reader.varint()
      },
      14: (reader) => {
        fields.location = reader.varint()
      }
    },
    [WireType.Fixed32]: { 4: pushPacked },
    [WireType.Fixed64]: { 10: pushPacked },
    [WireType.Bytes]: {
      ...integerLists,
      4: pushPacked,
      8: (reader) => {
        fields.name = reader.string()
      },
      9: (reader) => {
        fields.raw = reader.bytes()
      },
      10: pushPacked,
      13: (reader) => addEntry(fields.external, reader.bytes())
    }
  })
  return fields
}

/** A repeated integer field, packed (one block of bytes) or not (one varint per field). */
export function integers(reader: WireReader, wire: WireType): bigint[] {
  if (wire === WireType.Varint) return [reader.varint64()]
  if (wire !== WireType.Bytes) throw new WireError('a list of integers has the wrong wire type')
  const block = new WireReader(reader.bytes())
  const values: bigint[] = []
  while (!block.done) values.push(block.varint64())
  return values
}

/** Adds one StringStringEntryProto. */
export function addEntry(entries: Map<string, string>, bytes: Uint8Array): void {
  let key = ''
  let value = ''
  readMessage(bytes, {
    [WireType.Bytes]: {
      1: (reader) => {
        key = reader.string()
      },
      2: (reader) => {
        value = reader.string()
      }
    }
  })
  entries.set(key, value)
}

function externalOf(name: string, entries: Map<string, string>): ExternalData {
  const location = entries.get('location') ?? ''
  const offset = Number(entries.get('offset') ?? 0)
  const length = entries.has('length') ? Number(entries.get('length')) : null
  const valid = (value: number) => Number.isSafeInteger(value) && value >= 0
  if (location === '' || !valid(offset) || (length !== null && !valid(length))) {
    throw new WireError(`tensor "${name}" says it lies in another file, but not where`)
  }
  return { location, offset, length }
}

/** The typed fields as raw bytes; one packed block is used as it lies in the file. */
function dataOf(fields: TensorFields, type: DataType): Uint8Array {
  if (type === 'float32' || type === 'float64') {
    return fields.packed.length === 1 ? fields.packed[0]! : Buffer.concat(fields.packed)
  }
  const { bytes } = dataTypes[type]
  const data = new Uint8Array(fields.integers.length * bytes)
  const view = new DataView(data.buffer)
  fields.integers.forEach((value, index) => {
    const at = index * bytes
    if (bytes === 8) view.setBigInt64(at, value, true)
    else if (bytes === 4) view.setInt32(at, Number(BigInt.asIntN(32, value)), true)
    else if (bytes === 2) view.setInt16(at, Number(BigInt.asIntN(16, value)), true)
    else view.setInt8(at, Number(BigInt.asIntN(8, value)))
  })
  return data
}
