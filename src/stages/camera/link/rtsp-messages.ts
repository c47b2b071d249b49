/**
 * The bytes of an RTSP connection, cut where messages end (RFC 2326: requests, section 6; responses, 7; interleaved packets,
 * 10.12). Lenient where cameras are careless: lines may end with LF alone, header lines without a colon are left out.
 */

/** As they came, in their order. */
export type RtspHeaders = readonly (readonly [name: string, value: string])[]

export interface RelayedRequest {
  kind: 'request'
  method: string
  uri: string
  headers: RtspHeaders
  body: Buffer
}

export interface RelayedResponse {
  kind: 'response'
  status: number
  reason: string
  headers: RtspHeaders
  body: Buffer
}

/** Interleaved packets, the first and the last of them perhaps in part. */
export interface RelayedPackets {
  kind: 'packets'
  data: Buffer
  /** Where packets begin in `data`; their first 24 bytes are there, or all of a shorter one. */
  starts: readonly number[]
}

/** This and all that follows is not RTSP. */
export interface RelayedNoise {
  kind: 'noise'
  data: Buffer
}

export type RelayedPiece = RelayedRequest | RelayedResponse | RelayedPackets | RelayedNoise

const dollar = 0x24
const interleavedHeadBytes = 4
/** Of a packet: held back until it is complete, so that a reader of the RTP header finds it in one piece. */
const packetHeadBytes = 24
const maxHeadBytes = 16 * 1024
const maxBodyBytes = 256 * 1024
const none = Buffer.alloc(0)

/**
 * Takes bytes in any portions and returns what they complete. Packets are handed on as they come, without a copy and
 * without waiting for their end; messages when they are whole. Holds at most one message.
 */
export class RtspSplitter {
  /** The beginning of a message or of a packet's head. */
  #held: Buffer = none
  /** Bytes that are still to come of the last packet. */
  #left = 0
  #lost = false

  /** The beginning of a message or of a packet's head has come, and not the rest of it. */
  get waits(): boolean {
    return this.#held.length > 0
  }

  push(chunk: Buffer): RelayedPiece[] {
    if (this.#lost) return [{ kind: 'noise', data: chunk }]
    const data = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk
    this.#held = none
    const pieces: RelayedPiece[] = []
    let at = 0
    while (at < data.length) {
      if (this.#left > 0 || data[at] === dollar) {
        const packets = this.#takePackets(data, at)
        if (!packets) return this.#hold(data.subarray(at), pieces)
        pieces.push(packets)
        at += packets.data.length
      } else if (data[at] === 0x0d || data[at] === 0x0a) at++
      else {
        const taken = takeMessage(data.subarray(at))
        if (taken === 'unfinished') return this.#hold(data.subarray(at), pieces)
        if (taken === 'noise') {
          this.#lost = true
          pieces.push({ kind: 'noise', data: data.subarray(at) })
          break
        }
        pieces.push(taken.message)
        at += taken.bytes
      }
    }
    return pieces
  }

  #hold(rest: Buffer, pieces: RelayedPiece[]): RelayedPiece[] {
    this.#held = rest
    return pieces
  }

  /** From there on, until something else comes or the data ends; undefined where not even one packet's head is there. */
  #takePackets(data: Buffer, from: number): RelayedPackets | undefined {
    const starts: number[] = []
    let at = from
    for (;;) {
      const there = Math.min(this.#left, data.length - at)
      at += there
      this.#left -= there
      if (data[at] !== dollar) break
      const length = data.length - at < interleavedHeadBytes ? packetHeadBytes : lengthOf(data, at)
      if (data.length - at < Math.min(length, packetHeadBytes)) break
      starts.push(at - from)
      this.#left = length
    }
    return at === from ? undefined : { kind: 'packets', data: data.subarray(from, at), starts }
  }
}

const lengthOf = (data: Buffer, at: number): number => interleavedHeadBytes + data.readUInt16BE(at + 2)

const version = /^RTSP\/\d\.\d$/

/** `RTSP/1.0 200 OK`, or `OPTIONS * RTSP/1.0`. */
function parseFirstLine(
  line: string
): { status: number; reason: string } | { method: string; uri: string } | undefined {
  const [first = '', second = '', ...rest] = line
    .trim()
    .split(' ')
    .filter((word) => word !== '')
  if (version.test(first) && /^\d{3}$/.test(second)) return { status: Number(second), reason: rest.join(' ') }
  const isRequest = /^[A-Z_]{2,32}$/.test(first) && rest.length === 1 && version.test(rest[0]!)
  return isRequest ? { method: first, uri: second } : undefined
}

function takeMessage(
  data: Buffer
): { message: RelayedRequest | RelayedResponse; bytes: number } | 'unfinished' | 'noise' {
  const head = data.toString('utf8', 0, Math.min(data.length, maxHeadBytes))
  const lineEnd = head.indexOf('\n')
  if (lineEnd < 0) return data.length >= maxHeadBytes || !/^[A-Z_]+(?:$|[ /])/.test(head) ? 'noise' : 'unfinished'
  const first = parseFirstLine(head.slice(0, lineEnd))
  if (!first) return 'noise'
  const bodyAt = endOfHead(data)
  if (bodyAt === undefined) return data.length >= maxHeadBytes ? 'noise' : 'unfinished'
  const headers = parseHeaders(data.toString('utf8', 0, bodyAt))
  const length = Number(headerOf(headers, 'content-length') ?? 0)
  if (!(length >= 0 && length <= maxBodyBytes)) return 'noise'
  if (data.length < bodyAt + length) return 'unfinished'
  const bytes = bodyAt + length
  const body = data.subarray(bodyAt, bytes)
  const message =
    'status' in first
      ? ({ kind: 'response', ...first, headers, body } as const)
      : ({ kind: 'request', ...first, headers, body } as const)
  return { message, bytes }
}

/** Behind the empty line; undefined where there is none yet. */
function endOfHead(data: Buffer): number | undefined {
  const head = data.subarray(0, maxHeadBytes)
  const ends = [head.indexOf('\r\n\r\n'), head.indexOf('\n\n'), head.indexOf('\n\r\n')]
  const [crlf, lf, mixed] = ends.map((at, index) => (at < 0 ? Number.POSITIVE_INFINITY : at + [4, 2, 3][index]!))
  const end = Math.min(crlf!, lf!, mixed!)
  return Number.isFinite(end) ? end : undefined
}

/** A line that begins with a space goes on with the one before it (RFC 2616, 4.2). */
function parseHeaders(head: string): RtspHeaders {
  const headers: [string, string][] = []
  for (const line of head.split('\n').slice(1)) {
    const last = headers.at(-1)
    const colon = line.indexOf(':')
    if (/^[ \t]/.test(line) && last) last[1] = `${last[1]} ${line.trim()}`.trim()
    else if (colon > 0) headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()])
  }
  return headers
}

/** The first header of that name, given in lower case. */
export const headerOf = (headers: RtspHeaders, name: string): string | undefined =>
  headers.find(([key]) => key.toLowerCase() === name)?.[1]

/** All headers of that name, given in lower case. */
export const headersOf = (headers: RtspHeaders, name: string): string[] =>
  headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value)

/** Without those of these names, given in lower case. */
export const without = (headers: RtspHeaders, ...names: string[]): RtspHeaders =>
  headers.filter(([key]) => !names.includes(key.toLowerCase()))

/** A message's bytes; its length is put right. */
export function serialise(message: RelayedRequest | RelayedResponse): Buffer {
  const { headers, body } = message
  const first =
    message.kind === 'request'
      ? `${message.method} ${message.uri} RTSP/1.0`
      : `RTSP/1.0 ${message.status} ${message.reason}`
  const length: RtspHeaders = body.length > 0 ? [['Content-Length', String(body.length)]] : []
  const lines = [...without(headers, 'content-length'), ...length].map(([name, value]) => `${name}: ${value}`)
  return Buffer.concat([Buffer.from(`${[first, ...lines].join('\r\n')}\r\n\r\n`), body])
}
