/** Protobuf's wire format: varints, fixed-size numbers and length-delimited fields (protobuf.dev, "Encoding"). */

export enum WireType {
  Varint = 0,
  Fixed64 = 1,
  Bytes = 2,
  Fixed32 = 5
}

/** Malformed protobuf. `overrun`: a field claims more bytes than there are. */
export class WireError extends Error {
  constructor(
    message: string,
    readonly overrun = false
  ) {
    super(message)
  }
}

export interface Field {
  number: number
  wire: WireType
}

const utf8 = new TextDecoder()

/** Reads one message from `bytes`; strings and bytes are views, never copies. */
export class WireReader {
  #at = 0
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get done(): boolean {
    return this.#at >= this.#bytes.byteLength
  }

  /** The next field's head, or null at the message's end. */
  next(): Field | null {
    if (this.done) return null
    const tag = this.varint()
    const number = Math.floor(tag / 8)
    const wire = tag % 8
    if (number < 1 || ![0, 1, 2, 5].includes(wire)) throw new WireError(`byte ${this.#at} starts no protobuf field`)
    return { number, wire }
  }

  /** A varint as a signed 64-bit number; exact up to 2^53. */
  varint(): number {
    const start = this.#at
    let value = 0
    let scale = 1
    for (let i = 0; i < 9; i++) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
    this.#at = start
    return Number(this.varint64())
  }

  /** A varint as a signed 64-bit integer. */
  varint64(): bigint {
    let value = 0n
    for (let i = 0n; i < 10n; i++) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << (7n * i)
      if (byte < 0x80) return BigInt.asIntN(64, value)
    }
    throw new WireError('a varint is longer than ten bytes')
  }

  float(): number {
    return this.#view.getFloat32(this.#take(4), true)
  }

  bytes(): Uint8Array {
    const length = this.varint()
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  string(): string {
    return utf8.decode(this.bytes())
  }

  /** Skips a field's value; returns the bytes of a fixed-size or length-delimited one. */
  value(wire: WireType): Uint8Array {
    if (wire === WireType.Bytes) return this.bytes()
    const start = this.#at
    if (wire === WireType.Varint) this.varint64()
    else this.#take(wire === WireType.Fixed64 ? 8 : 4)
    return this.#bytes.subarray(start, this.#at)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new WireError('the bytes end inside a number', true)
    this.#at++
    return byte
  }

  #take(length: number): number {
    const left = this.#bytes.byteLength - this.#at
    if (length < 0 || length > left) {
      throw new WireError(`a field of ${length} bytes has only ${left} bytes left`, true)
    }
    const start = this.#at
    this.#at += length
    return start
  }
}

/** Handlers of fields, by number. */
export type Handlers = Record<number, (reader: WireReader, field: Field) => void>

/** Passes each known field to its handler and skips the others, and fields of the wrong kind, as protobuf does. */
export function readMessage(bytes: Uint8Array, handlers: { [wire in WireType]?: Handlers }): void {
  const reader = new WireReader(bytes)
  for (let field = reader.next(); field !== null; field = reader.next()) {
    const handler = handlers[field.wire]?.[field.number]
    if (handler) handler(reader, field)
    else reader.value(field.wire)
  }
}

const encoder = new TextEncoder()

/** A message as a list of pieces, so that weights of hundreds of megabytes are not copied. */
export class WireWriter {
  readonly chunks: Uint8Array[] = []
  length = 0

  varint(field: number, value: number): this {
    this.#tag(field, WireType.Varint)
    this.#number(value)
    return this
  }

  float(field: number, value: number): this {
    this.#tag(field, WireType.Fixed32)
    this.#push(new Uint8Array(new Float32Array([value]).buffer))
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, WireType.Bytes)
    this.#number(value.byteLength)
    this.#push(value)
    return this
  }

  /** Omits an empty string, which is protobuf's default. */
  string(field: number, value: string): this {
    return value === '' ? this : this.bytes(field, encoder.encode(value))
  }

  message(field: number, message: WireWriter): this {
    this.#tag(field, WireType.Bytes)
    this.#number(message.length)
    for (const chunk of message.chunks) this.#push(chunk)
    return this
  }

  #tag(field: number, wire: WireType): void {
    this.#number(field * 8 + wire)
  }

  #number(value: number): void {
    const bytes: number[] = []
    let rest = BigInt.asUintN(64, clampToInt64(value))
    while (rest >= 0x80n) {
      bytes.push(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    bytes.push(Number(rest))
    this.#push(Uint8Array.from(bytes))
  }

  #push(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.length += chunk.byteLength
  }
}

/** Exporters write INT64_MAX for "to the end", which a JavaScript number rounds up to 2^63. */
function clampToInt64(value: number): bigint {
  const integer = BigInt(value)
  const max = 2n ** 63n - 1n
  if (integer > max) return max
  return integer < -max - 1n ? -max - 1n : integer
}
