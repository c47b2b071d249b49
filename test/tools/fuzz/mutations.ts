import fc from 'fast-check'

/**
 * Where in the bytes, as a share of their length, so that a mutation fits seeds of every size. Not fc.double, which is even
 * over all floating-point numbers: nearly all of them are next to 0.
 */
export const place = fc.nat(0xffff).map((n) => n / 0x10000)

type Edit = (bytes: Uint8Array) => Uint8Array

const at = (bytes: Uint8Array, share: number): number => Math.floor(share * bytes.length)
const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts)

/** Numbers at which formats break: signs, sizes, protobuf's lengths. */
const telling = fc.constantFrom(0, 1, 0x0a, 0x22, 0x7f, 0x80, 0xff)

/**
 * Inputs near the seeds: bits flipped, bytes set, pieces cut out, doubled, put in from other seeds or from `tokens`, ends
 * cut off. fast-check shrinks them to the fewest edits.
 */
export function mutated(seeds: readonly Uint8Array[], tokens: readonly string[] = []): fc.Arbitrary<Uint8Array> {
  const seed = fc.constantFrom(...seeds)
  const edits: fc.Arbitrary<Edit>[] = [
    fc.tuple(place, fc.nat(7)).map(([share, bit]) => (bytes) => {
      const changed = Uint8Array.from(bytes)
      if (changed.length > 0) changed[at(changed.subarray(1), share)]! ^= 1 << bit
      return changed
    }),
    fc.tuple(place, fc.oneof(telling, fc.nat(255))).map(([share, byte]) => (bytes) => {
      const changed = Uint8Array.from(bytes)
      if (changed.length > 0) changed[at(changed.subarray(1), share)] = byte
      return changed
    }),
    place.map((share) => (bytes) => bytes.subarray(0, at(bytes, share))),
    fc.tuple(place, fc.nat(40)).map(
      ([share, length]) =>
        (bytes) =>
          join(bytes.subarray(0, at(bytes, share)), bytes.subarray(at(bytes, share) + length))
    ),
    fc.tuple(place, fc.nat(60), fc.integer({ min: 1, max: 20 })).map(([share, length, times]) => (bytes) => {
      const start = at(bytes, share)
      const piece = bytes.subarray(start, start + length)
      return join(bytes.subarray(0, start), ...Array<Uint8Array>(times).fill(piece), bytes.subarray(start))
    }),
    fc.tuple(place, fc.uint8Array({ maxLength: 12 })).map(
      ([share, piece]) =>
        (bytes) =>
          join(bytes.subarray(0, at(bytes, share)), piece, bytes.subarray(at(bytes, share)))
    ),
    fc.tuple(place, seed, place, place).map(([share, other, from, to]) => (bytes) => {
      const [start, end] = [at(other, from), at(other, to)].sort((a, b) => a - b)
      return join(bytes.subarray(0, at(bytes, share)), other.subarray(start, end), bytes.subarray(at(bytes, share)))
    })
  ]
  if (tokens.length > 0)
    edits.push(
      fc.tuple(place, fc.constantFrom(...tokens)).map(
        ([share, token]) =>
          (bytes) =>
            join(bytes.subarray(0, at(bytes, share)), Buffer.from(token), bytes.subarray(at(bytes, share)))
      )
    )
  const changes = fc.array(fc.oneof(...edits), { minLength: 1, maxLength: 4 })
  return fc.tuple(seed, changes).map(([bytes, edits]) => edits.reduce((before, edit) => edit(before), bytes))
}
