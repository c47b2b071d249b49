import type { Duplex } from 'node:stream'

/** Announced in CONNECT (MQTT 5, 3.1.2.11.4): a command has 16 kB at most, a topic and properties need some room. */
export const maximumPacketSize = 64 * 1024
/** Bytes kept of a longer PUBLISH: all of the longest topic fits, so that it stays well-formed. */
const keptBytes = { 4: (most: number) => most + 64 * 1024, 5: (most: number) => most - 4 } as const
const publish = 3

/**
 * Shortens incoming PUBLISH packets that are longer than `limit`, byte by byte as they arrive, so that a large one is never
 * held in memory: its payload is cut and its length corrected. MQTT 3.1.1 brokers do not know the client's limit, and some of
 * MQTT 5 ignore it. The packet still arrives, is answered and confirmed; refusing it would bring it back with each connection.
 */
export class PacketCutter {
  readonly #limit: number
  /** Type and flags of the packet whose length is being read. */
  #header = 0
  /** Its length so far, and the weight of the next digit; null outside of a length. */
  #length: { value: number; weight: number } | null = null
  #keep = 0
  #skip = 0

  /** @param limit of what follows the fixed header, in bytes */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** @returns what is left of the chunk, in pieces */
  cut(chunk: Buffer): Buffer[] {
    const pieces: Buffer[] = []
    let at = 0
    while (at < chunk.length) {
      const isBody = this.#keep + this.#skip > 0
      if (!isBody) pieces.push(...this.#readByte(chunk[at++]!))
      else if (this.#keep > 0) {
        const end = Math.min(chunk.length, at + this.#keep)
        pieces.push(chunk.subarray(at, end))
        this.#keep -= end - at
        at = end
      } else {
        const skipped = Math.min(this.#skip, chunk.length - at)
        this.#skip -= skipped
        at += skipped
      }
    }
    return pieces
  }

  /** One byte of a fixed header; complete, it is returned. */
  #readByte(byte: number): Buffer[] {
    if (this.#length === null) {
      this.#header = byte
      this.#length = { value: 0, weight: 1 }
      return []
    }
    const { value, weight } = this.#length
    this.#length = { value: value + (byte & 127) * weight, weight: weight * 128 }
    // A length has four digits at most; a fifth is the parser's to refuse.
    if (byte >= 128 && weight < 128 ** 3) return []
    const total = this.#length.value
    this.#length = null
    const isLong = this.#header >> 4 === publish && total > this.#limit
    this.#keep = isLong ? this.#limit : total
    this.#skip = total - this.#keep
    return [Buffer.from([this.#header, ...varint(this.#keep)])]
  }
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

/**
 * Shortens what comes over a connection's stream. To be called before anything has come.
 * @param most as announced in CONNECT
 */
export function limitIncoming(stream: Duplex, protocolVersion: 4 | 5, most = maximumPacketSize): void {
  const cutter = new PacketCutter(keptBytes[protocolVersion](most))
  const push = stream.push.bind(stream)
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (!Buffer.isBuffer(chunk)) return push(chunk, encoding)
    const pieces = cutter.cut(chunk)
    if (pieces.length === 0) return true
    return push(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces))
  }
}
