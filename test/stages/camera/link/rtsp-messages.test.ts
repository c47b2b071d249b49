import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  headerOf,
  headersOf,
  type RelayedPiece,
  type RelayedResponse,
  RtspSplitter,
  serialise
} from '../../../../src/stages/camera/link/rtsp-messages.js'

const token = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/)
  .filter((name) => name.toLowerCase() !== 'content-length')
const value = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/)
const headers = fc.array(fc.tuple(token, value), { maxLength: 5 })
const body = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes))
const response = fc.record({
  kind: fc.constant('response' as const),
  status: fc.integer({ min: 100, max: 599 }),
  reason: fc.constantFrom('OK', 'Not Found', 'Moved Temporarily'),
  headers,
  body
})
const request = fc.record({
  kind: fc.constant('request' as const),
  method: fc.constantFrom('OPTIONS', 'REDIRECT', 'SET_PARAMETER'),
  uri: fc.constantFrom('*', 'rtsp://192.0.2.1/a?b=c'),
  headers,
  body
})
const packet = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 200 }))
  .map(([channel, payload]) => Buffer.from([0x24, channel, payload.length >> 8, payload.length & 255, ...payload]))
const part = fc.oneof({ weight: 2, arbitrary: packet }, response, request)
type Part = typeof part extends fc.Arbitrary<infer T> ? T : never

const bytesOf = (one: Part): Buffer => (Buffer.isBuffer(one) ? one : serialise(one))

function inPortions(bytes: Buffer, cuts: readonly number[]): RelayedPiece[] {
  const splitter = new RtspSplitter()
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return places.flatMap((end, index) => splitter.push(bytes.subarray(places[index - 1] ?? 0, end)))
}

/** Packets together as bytes, with a mark where a piece says that one begins. */
function joined(pieces: readonly RelayedPiece[]): unknown[] {
  const all: unknown[] = []
  for (const piece of pieces) {
    if (piece.kind !== 'packets') all.push(piece)
    else
      for (const [at, byte] of piece.data.entries()) {
        if (piece.starts.includes(at)) all.push('start')
        all.push(byte)
      }
  }
  return all
}

describe('RtspSplitter', () => {
  it('finds the same messages and packets however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (parts, cuts) => {
        const expected = parts.flatMap((one): unknown[] => {
          if (Buffer.isBuffer(one)) return ['start', ...one]
          const length: [string, string][] = one.body.length > 0 ? [['Content-Length', String(one.body.length)]] : []
          return [{ ...one, headers: [...one.headers, ...length] }]
        })
        expect(joined(inPortions(Buffer.concat(parts.map(bytesOf)), cuts))).toEqual(expected)
      })
    )
  })

  it('has the first 24 bytes of each packet together, or all of a shorter one', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (packets, cuts) => {
          let index = 0
          for (const piece of inPortions(Buffer.concat(packets), cuts)) {
            if (piece.kind !== 'packets') continue
            for (const start of piece.starts) {
              const head = packets[index++]!.subarray(0, 24)
              expect(piece.data.subarray(start, start + head.length)).toEqual(head)
            }
          }
          expect(index).toBe(packets.length)
        }
      )
    )
  })

  it('hands bytes of a packet on without waiting for its end, and without a copy', () => {
    const splitter = new RtspSplitter()
    const chunk = Buffer.concat([Buffer.from([0x24, 0, 0x10, 0]), Buffer.alloc(100, 7)])
    const [first] = splitter.push(chunk)
    expect(first).toEqual({ kind: 'packets', data: chunk, starts: [0] })
    expect((first as { data: Buffer }).data.buffer).toBe(chunk.buffer)
    const next = Buffer.alloc(50, 8)
    expect(splitter.push(next)).toEqual([{ kind: 'packets', data: next, starts: [] }])
  })

  it('takes bytes other than RTSP as noise, from there on, and holds little of them', () => {
    for (const noise of ['xxxxxxxx', 'HTTP/1.1 200 OK\r\n\r\n', '<html>\n', 'RTSP/1.0 abc\r\n', '\0\0\0\0']) {
      const splitter = new RtspSplitter()
      const pieces = [...splitter.push(Buffer.from(noise)), ...splitter.push(Buffer.from('more'))]
      expect(
        pieces.map(({ kind }) => kind),
        noise
      ).toEqual(['noise', 'noise'])
    }
    const endless = new RtspSplitter()
    let pushed = 0
    while (pushed < 1e6 && endless.push(Buffer.from('RTSP/1.0 200 OK\r\nA: b\r\n'.padEnd(1000, 'a'))).length === 0)
      pushed += 1000
    expect(pushed).toBeLessThan(20_000)
  })

  it('never throws, and loses no byte of noise', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (chunks) => {
        const splitter = new RtspSplitter()
        for (const chunk of chunks) splitter.push(Buffer.from(chunk))
      })
    )
  })

  it('understands careless cameras: LF alone, folded lines, lines without a colon, no reason', () => {
    const text =
      'RTSP/1.0 401\nCSeq:2\nWWW-Authenticate: Digest realm="a",\n nonce="b"\nnonsense\nWWW-Authenticate: Basic realm="a"\n\n'
    const [piece] = new RtspSplitter().push(Buffer.from(text)) as RelayedResponse[]
    expect(piece).toMatchObject({ kind: 'response', status: 401, reason: '' })
    expect(headerOf(piece!.headers, 'cseq')).toBe('2')
    expect(headersOf(piece!.headers, 'www-authenticate')).toEqual(['Digest realm="a", nonce="b"', 'Basic realm="a"'])
  })
})
