import fc from 'fast-check'
import { generate, type Packet, parser } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { PacketCutter } from '../../../src/stages/mqtt/incoming-limit.js'

function parsed(chunks: readonly Buffer[], protocolVersion: 4 | 5 = 4): Packet[] {
  const packets: Packet[] = []
  const incoming = parser({ protocolVersion })
  incoming.on('packet', (packet: Packet) => packets.push(packet))
  for (const chunk of chunks) incoming.parse(chunk)
  return packets
}
const publish = (topic: string, bytes: number, messageId: number): Packet => ({
  cmd: 'publish',
  topic,
  payload: Buffer.alloc(bytes, messageId),
  qos: 1,
  messageId,
  dup: false,
  retain: false
})

describe('the limit on incoming packets', () => {
  test('shortens long PUBLISH packets only, however the stream is divided', () => {
    const limit = 300
    const sizes = fc.array(fc.oneof(fc.nat(80), fc.integer({ min: 200, max: 70_000 })), { maxLength: 6 })
    const cuts = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(sizes, cuts, (lengths, steps) => {
        const cutter = new PacketCutter(limit)
        const sent = lengths.flatMap((bytes, i) => [publish('a/b', bytes, i + 1), { cmd: 'pingresp' } as const])
        const bytes = Buffer.concat(sent.map((packet) => generate(packet)))
        const left: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = at + steps[i % steps.length]!
          left.push(...cutter.cut(bytes.subarray(at, end)))
          at = end
        }
        const room = limit - 2 - 'a/b'.length - 2
        expect(parsed(left).map((packet) => (packet.cmd === 'publish' ? packet.payload.length : packet.cmd))).toEqual(
          lengths.flatMap((length) => [Math.min(length, room), 'pingresp'])
        )
        expect(parsed(left).flatMap((packet) => (packet.cmd === 'publish' ? [packet.messageId] : []))).toEqual(
          lengths.map((_, i) => i + 1)
        )
      }),
      { numRuns: 100 }
    )
  })

  test('keeps nothing of a packet of 150 MB beyond its limit', () => {
    const cutter = new PacketCutter(1000)
    const head = generate(publish('a/b', 0, 7))
    // The fixed header of a packet with 150 MB, then the start of its body and zeros.
    const length = 150 * 1024 * 1024
    const digits = [(length % 128) | 128, ((length >> 7) % 128) | 128, ((length >> 14) % 128) | 128, length >> 21]
    let kept = 0
    const body = head.subarray(2)
    for (const piece of cutter.cut(Buffer.from([0x32, ...digits, ...body]))) kept += piece.length
    const zeros = Buffer.alloc(1024 * 1024)
    for (let left = length - body.length; left > 0; left -= zeros.length)
      for (const piece of cutter.cut(zeros.subarray(0, Math.min(left, zeros.length)))) kept += piece.length
    expect(kept).toBe(3 + 1000)
    expect(Buffer.concat(cutter.cut(Buffer.from([0xd0, 0])))).toEqual(Buffer.from([0xd0, 0]))
  })
})
