import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Outlet } from '../../../../src/stages/camera/link/outlet.js'

/** A decoder that takes all at once, and what it was given. */
function decoder(): { socket: Socket; given: () => Buffer } {
  const socket = new PassThrough({ highWaterMark: 1 << 30 }) as unknown as Socket
  return { socket, given: () => (socket as unknown as PassThrough).read() ?? Buffer.alloc(0) }
}

interface Piece {
  data: Buffer
  start: number | undefined
  key: number | undefined
}

const piece: fc.Arbitrary<Piece> = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 30 }), fc.option(fc.nat()), fc.boolean())
  .map(([bytes, at, isKey]) => {
    const start = at === null ? undefined : at % bytes.length
    return { data: Buffer.from(bytes), start, key: isKey ? start : undefined }
  })
const pieces = fc.array(piece, { maxLength: 12 })
const bytesOf = (given: readonly Piece[]): Buffer => Buffer.concat(given.map(({ data }) => data))

describe('Outlet', () => {
  it('gives the next decoder all from the first key frame on, and then what comes', () => {
    fc.assert(
      fc.property(pieces, pieces, pieces, (before, between, after) => {
        const outlet = new Outlet(() => undefined)
        const first = decoder()
        outlet.connect(first.socket)
        outlet.flow()
        for (const { data, start, key } of before) outlet.give(data, start, key)
        const second = decoder()
        outlet.connect(second.socket)
        for (const { data, start, key } of between) outlet.give(data, start, key)
        outlet.flow()
        for (const { data, start, key } of after) outlet.give(data, start, key)
        const earlier = [...before, ...between]
        const key = earlier.findIndex((one) => one.key !== undefined)
        // Without a key frame so far, from the next packet on.
        const rest = key >= 0 ? earlier.slice(key) : after.slice(fromStart(after))
        const offset = key >= 0 ? earlier[key]!.key! : (after[fromStart(after)]?.start ?? 0)
        const expected = bytesOf(key >= 0 ? [...rest, ...after] : rest).subarray(offset)
        expect(second.given()).toEqual(expected)
        const all = bytesOf(before.slice(fromStart(before))).subarray(before[fromStart(before)]?.start ?? 0)
        expect(first.given()).toEqual(all)
      })
    )
  })

  it('keeps nothing once pictures come', () => {
    const outlet = new Outlet(() => undefined)
    outlet.give(Buffer.from('key'), 0, 0)
    outlet.settle()
    outlet.give(Buffer.from('key'), 0, 0)
    const { socket, given } = decoder()
    outlet.connect(socket)
    outlet.flow()
    outlet.give(Buffer.from('xyz'), 1, undefined)
    expect(given().toString()).toBe('yz')
  })

  it('keeps no more than 32 MB, and then nothing', () => {
    const outlet = new Outlet(() => undefined)
    for (let index = 0; index < 40; index++) outlet.give(Buffer.alloc(1 << 20), 0, 0)
    const { socket, given } = decoder()
    outlet.connect(socket)
    outlet.flow()
    expect(given().length).toBe(0)
  })

  it('holds the camera back while a decoder does not take more, and lets it go on after that or without one', () => {
    const held: boolean[] = []
    const outlet = new Outlet((hold) => held.push(hold))
    const slow = new PassThrough({ highWaterMark: 4 })
    outlet.connect(slow as unknown as Socket)
    outlet.flow()
    outlet.give(Buffer.from('too much'), 0, undefined)
    expect(held).toEqual([true])
    slow.emit('drain')
    slow.emit('close')
    expect(held).toEqual([true, false, false])
    expect(outlet.flowing).toBe(false)
  })
})

const fromStart = (given: readonly Piece[]): number => {
  const at = given.findIndex(({ start }) => start !== undefined)
  return at < 0 ? given.length : at
}
