/** The bytes of an RTSP connection, cut into messages (RFC 2326: requests, section 6; interleaved binary data, 10.12). */

export interface RtspRequest {
  kind: 'request'
  method: string
  uri: string
  /** Names in lower case. A header that came twice holds the last value. */
  headers: ReadonlyMap<string, string>
  body: Buffer
}

export interface InterleavedPacket {
  kind: 'interleaved'
  channel: number
  payload: Buffer
}

export type RtspMessage = RtspRequest | InterleavedPacket

/** The bytes are not RTSP, or a part of them is larger than any regular client sends. The connection cannot continue. */
export class RtspSyntaxError extends Error {}

const maxHeadBytes = 8 * 1024
const maxBodyBytes = 64 * 1024
const interleavedHeadBytes = 4
const dollar = 0x24
const requestLine = /^([A-Z_]{2,32}) (\S{1,2048}) RTSP\/1\.\d$/
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/

/**
 * Takes bytes in any portions and returns the complete messages in them. Buffers at most one unfinished message
 * (8 KiB of head and 64 KiB of body, or one interleaved packet), so a hostile peer cannot make it grow.
 */
export class RtspParser {
  #rest: Buffer = Buffer.alloc(0)
  #broken: RtspSyntaxError | undefined

  /** Bytes buffered for the next `push`. */
  get buffered(): number {
    return this.#rest.length
  }

  /**
   * The messages that `chunk` completes; payloads and bodies may be views of `chunk`.
   * @throws RtspSyntaxError on anything that is not RTSP, and on every later call
   */
  push(chunk: Buffer): RtspMessage[] {
    if (this.#broken) throw this.#broken
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    this.#rest = Buffer.alloc(0)
    const messages: RtspMessage[] = []
    try {
      for (;;) {
        data = skipEmptyLines(data)
        const taken = data[0] === dollar ? takeInterleaved(data) : takeRequest(data)
        if (!taken) break
        messages.push(taken.message)
        data = data.subarray(taken.bytes)
      }
    } catch (error) {
      if (error instanceof RtspSyntaxError) this.#broken = error
      throw error
    }
    this.#rest = data
    return messages
  }
}

type Taken = { message: RtspMessage; bytes: number } | undefined

/** Some clients send an empty line between messages (RFC 2326, 4.1: ignored where a request is expected). */
function skipEmptyLines(data: Buffer): Buffer {
  let start = 0
  while (data[start] === 0x0d || data[start] === 0x0a) start++
  return start === 0 ? data : data.subarray(start)
}

function takeInterleaved(data: Buffer): Taken {
  if (data.length < interleavedHeadBytes) return undefined
  const end = interleavedHeadBytes + data.readUInt16BE(2)
  if (data.length < end) return undefined
  const payload = data.subarray(interleavedHeadBytes, end)
  return { message: { kind: 'interleaved', channel: data[1]!, payload }, bytes: end }
}

function takeRequest(data: Buffer): Taken {
  if (data.length === 0) return undefined
  if (data[0]! < 0x41 || data[0]! > 0x5a) throw new RtspSyntaxError('a message starts with no method name')
  const text = data.toString('latin1', 0, Math.min(data.length, maxHeadBytes + 4))
  const blank = /\r?\n\r?\n/.exec(text)
  if (!blank || blank.index > maxHeadBytes) {
    if (data.length >= maxHeadBytes + 4) throw new RtspSyntaxError(`a head is longer than ${maxHeadBytes} bytes`)
    return undefined
  }
  // UTF-8 again, because a user name in a header may be more than ASCII; latin1 above kept index and byte the same.
  const { method, uri, headers } = parseHead(data.toString('utf8', 0, blank.index))
  const bodyStart = blank.index + blank[0].length
  const end = bodyStart + contentLength(headers)
  if (data.length < end) return undefined
  return { message: { kind: 'request', method, uri, headers, body: data.subarray(bodyStart, end) }, bytes: end }
}

function parseHead(head: string): { method: string; uri: string; headers: Map<string, string> } {
  const [first = '', ...lines] = head.split(/\r?\n/)
  const request = requestLine.exec(first)
  if (!request) throw new RtspSyntaxError('the first line is no RTSP/1.0 request')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const header = headerLine.exec(line)
    if (!header) throw new RtspSyntaxError('a header line has no name')
    headers.set(header[1]!.toLowerCase(), header[2]!.trim())
  }
  return { method: request[1]!, uri: request[2]!, headers }
}

function contentLength(headers: ReadonlyMap<string, string>): number {
  const value = headers.get('content-length') ?? '0'
  if (!/^\d{1,9}$/.test(value) || Number(value) > maxBodyBytes)
    throw new RtspSyntaxError(`a body's length is not a number up to ${maxBodyBytes}`)
  return Number(value)
}
