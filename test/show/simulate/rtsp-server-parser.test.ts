import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RtspMessage, RtspParser, RtspSyntaxError } from '../../../src/show/simulate/rtsp-server-parser.js'

type Plain =
  | { kind: 'request'; method: string; uri: string; headers: [string, string][]; body: string }
  | { kind: 'interleaved'; channel: number; payload: string }

const plain = (message: RtspMessage): Plain =>
  message.kind === 'request'
    ? { ...message, headers: [...message.headers], body: message.body.toString('hex') }
    : { ...message, payload: message.payload.toString('hex') }

const token = fc.stringMatching(/^[a-zA-Z][a-zA-Z-]{0,12}$/).filter((name) => name.toLowerCase() !== 'content-length')
const request = fc.record({
  method: fc.constantFrom('OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'GET_PARAMETER', 'TEARDOWN'),
  uri: fc.constantFrom('*', 'rtsp://127.0.0.1:554/bed', 'rtsp://h/bed/streamid=0'),
  headers: fc.uniqueArray(fc.tuple(token, fc.stringMatching(/^[a-z0-9;="/ é]{0,40}$/)), {
    maxLength: 6,
    selector: ([name]) => name.toLowerCase()
  }),
  body: fc.uint8Array({ maxLength: 200 }),
  newline: fc.constantFrom('\r\n', '\n')
})
const packet = fc.record({ channel: fc.nat(255), payload: fc.uint8Array({ maxLength: 300 }) })
const message = fc.oneof(
  request.map(({ method, uri, headers, body, newline }) => {
    const lines = headers.map(([name, value]) => `${name}: ${value}${newline}`).join('')
    const length = body.length > 0 ? `Content-Length: ${body.length}${newline}` : ''
    const expected: Plain = {
      kind: 'request',
      method,
      uri,
      headers: [
        ...headers.map(([name, value]): [string, string] => [name.toLowerCase(), value.trim()]),
        ...(length ? [['content-length', String(body.length)] as [string, string]] : [])
      ],
      body: Buffer.from(body).toString('hex')
    }
    const head = Buffer.from(`${method} ${uri} RTSP/1.0${newline}${lines}${length}${newline}`)
    return { bytes: Buffer.concat([head, body]), expected }
  }),
  packet.map(({ channel, payload }) => {
    const head = Buffer.of(0x24, channel, payload.length >> 8, payload.length & 255)
    const expected: Plain = { kind: 'interleaved', channel, payload: Buffer.from(payload).toString('hex') }
    return { bytes: Buffer.concat([head, payload]), expected }
  })
)

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length))
}

describe('RtspParser', () => {
  it('RTSP messages are the same however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), (messages, places) => {
        const parser = new RtspParser()
        const bytes = Buffer.concat(messages.map(({ bytes }) => bytes))
        const found = cut(bytes, places).flatMap((chunk) => parser.push(chunk).map(plain))
        expect(found).toEqual(messages.map(({ expected }) => expected))
        expect(parser.buffered).toBe(0)
      })
    )
  })

  it('RTSP messages are found byte by byte', () => {
    const parser = new RtspParser()
    const bytes = Buffer.from('\r\nPLAY rtsp://h/bed RTSP/1.0\r\nCSeq: 4\r\n\r\n$\x01\x00\x02ab')
    const found = [...bytes].flatMap((byte) => parser.push(Buffer.of(byte)).map(plain))
    expect(found.map(({ kind }) => kind)).toEqual(['request', 'interleaved'])
  })

  it('any bytes are parsed or refused, and at most one message is buffered', () => {
    const limit = 8 * 1024 + 64 * 1024 + 16
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 40 }), (chunks) => {
        const parser = new RtspParser()
        try {
          for (const chunk of chunks) {
            parser.push(Buffer.from(chunk))
            expect(parser.buffered).toBeLessThanOrEqual(limit)
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RtspSyntaxError)
        }
      })
    )
  })

  it.each([
    ['an endless head', Buffer.from(`DESCRIBE * RTSP/1.0\r\n${'X-Filler: y\r\n'.repeat(1000)}`)],
    ['an endless first line', Buffer.alloc(9000, 'A')],
    ['a body of 1 GB', Buffer.from('ANNOUNCE * RTSP/1.0\r\nContent-Length: 999999999\r\n\r\n')],
    ['a negative length', Buffer.from('ANNOUNCE * RTSP/1.0\r\nContent-Length: -1\r\n\r\n')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a header without a name', Buffer.from('OPTIONS * RTSP/1.0\r\n: x\r\n\r\n')],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1])]
  ])('the RTSP parser refuses %s and everything after it', (_what, bytes) => {
    const parser = new RtspParser()
    expect(() => parser.push(bytes)).toThrow(RtspSyntaxError)
    expect(() => parser.push(Buffer.from('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n'))).toThrow(RtspSyntaxError)
    expect(parser.buffered).toBe(0)
  })
})
