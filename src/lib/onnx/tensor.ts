import { ModelError } from '../../core/errors.js'
import { type DataType, dataTypes, type ExternalData, type OnnxTensor } from './types.js'
import { type Field, type Handlers, readMessage, WireError, WireReader, WireType } from './wire.js'

export type TensorArray =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array

const typeOfArray: readonly [new (...args: never[]) => TensorArray, DataType][] = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Uint8Array, 'uint8'],
  [Int8Array, 'int8'],
  [Uint16Array, 'uint16'],
  [Int16Array, 'int16'],
  [Uint32Array, 'uint32'],
  [Int32Array, 'int32'],
  [BigInt64Array, 'int64'],
  [BigUint64Array, 'uint64']
]

/** A tensor over the array's own memory (no copy); its type is the array's. Throws a RangeError if dims and length differ. */
export function tensorOf(name: string, array: TensorArray, dims: readonly number[]): OnnxTensor {
  const entry = typeOfArray.find(([arrayClass]) => array instanceof arrayClass)
  if (entry === undefined) throw new TypeError(`${name}: no ONNX type for ${Object.prototype.toString.call(array)}`)
  if (elementCount(dims) !== array.length) {
    throw new RangeError(`${name}: dims [${dims.join(', ')}] do not hold ${array.length} elements`)
  }
  const data = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  return { name, dims: [...dims], type: entry[1], data }
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

/** The element type by ONNX's number; undefined for strings, complex numbers and types newer than this table. */
export function dataTypeOf(code: number): DataType | undefined {
  return (Object.keys(dataTypes) as DataType[]).find((name) => dataTypes[name].code === code)
}

/**
 * A tensor's values as float32: a view of its bytes where it is float32 and aligned, a copy otherwise (float64 and
 * float16 are converted). Throws a ModelError for any other type.
 */
export function floatsOf(tensor: OnnxTensor): Float32Array {
  switch (tensor.type) {
    case 'float32': {
      const { buffer, byteOffset, byteLength } = aligned(tensor.data, 4)
      return new Float32Array(buffer, byteOffset, byteLength / 4)
    }
    case 'float64': {
      const { buffer, byteOffset, byteLength } = aligned(tensor.data, 8)
      return Float32Array.from(new Float64Array(buffer, byteOffset, byteLength / 8))
    }
    case 'float16': {
      const { buffer, byteOffset, byteLength } = aligned(tensor.data, 2)
      return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), numberOfHalf)
    }
    default:
      throw new ModelError(
        'PL-MODEL-NOT-FLOAT',
        `the tensor is ${tensor.type} where floats are needed`,
        `tensor "${tensor.name}"`
      )
  }
}

/** A tensor's values as whole numbers (axes, shapes, pads). @throws ModelError for other types */
export function integersOf(tensor: OnnxTensor): number[] {
  const { buffer, byteOffset, byteLength } = aligned(tensor.data, dataTypes[tensor.type].bytes)
  switch (tensor.type) {
    case 'int64':
      return Array.from(new BigInt64Array(buffer, byteOffset, byteLength / 8), Number)
    case 'int32':
      return Array.from(new Int32Array(buffer, byteOffset, byteLength / 4))
    case 'uint8':
      return Array.from(tensor.data)
    case 'int8':
      return Array.from(tensor.data, (byte) => (byte << 24) >> 24)
    default:
      throw new ModelError(
        'PL-MODEL-NOT-WHOLE',
        `the tensor is ${tensor.type} where whole numbers are needed`,
        `tensor "${tensor.name}"`
      )
  }
}

function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes)
}

/** The number whose IEEE 754 binary16 has these bits: 1 sign, 5 exponent and 10 fraction bits. */
export function numberOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const floatBits = new Float32Array(1)
const wordBits = new Uint32Array(floatBits.buffer)

/** The bits of the binary16 that is nearest to a number, ties to even; infinity beyond 65520. */
export function halfOf(value: number): number {
  floatBits[0] = value
  const bits = wordBits[0]!
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // Below 2^-14 halves are multiples of 2^-24.
  if (magnitude < 0x38800000) return sign | roundedToEven(Math.abs(value) * 2 ** 24)
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
}

function roundedToEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}

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

/** Parses a TensorProto. @throws WireError if it is malformed or its data do not fill its dims */
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

/** @throws WireError if the size of the tensor's bytes does not match its dims and type */
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
