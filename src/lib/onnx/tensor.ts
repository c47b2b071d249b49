import { ModelError } from '../../core/errors.js'
import { type DataType, dataTypes, type OnnxTensor } from './types.js'

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
 * float16 are converted). ModelError for any other type.
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
      return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), halfToNumber)
    }
    default:
      throw new ModelError(
        'PL-MODEL-NOT-FLOAT',
        `the tensor is ${tensor.type} where floats are needed`,
        `tensor "${tensor.name}"`
      )
  }
}

/** A tensor's values as whole numbers (axes, shapes, pads). ModelError for a type that is no integer. */
export function integersOf(tensor: OnnxTensor): number[] {
  const { buffer, byteOffset, byteLength } = aligned(tensor.data, dataTypes[tensor.type].bytes)
  switch (tensor.type) {
    case 'int64':
      return Array.from(new BigInt64Array(buffer, byteOffset, byteLength / 8), Number)
    case 'int32':
      return Array.from(new Int32Array(buffer, byteOffset, byteLength / 4))
    case 'uint8':
      return Array.from(tensor.data)
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

/** IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
