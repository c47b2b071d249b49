/**
 * `value` where `from` is exactly 0 (or -0), `from` elsewhere. On the bits of the numbers: whether a response is zero is hard
 * to foresee, and a branch for each of ten million takes five times as long.
 */
export function nonZeroOnHost(to: Float32Array, from: Float32Array, value: number): void {
  const [toBits, fromBits] = [bitsOf(to), bitsOf(from)]
  const valueBits = bitsOf(Float32Array.of(value))[0]!
  for (let i = 0; i < fromBits.length; i++) {
    const bits = fromBits[i]!
    const magnitude = bits << 1
    const isSome = (magnitude | -magnitude) >> 31
    toBits[i] = (bits & isSome) | (valueBits & ~isSome)
  }
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length)
}

/**
 * The way back through a large dense layer, s·W: [rows, out] and [out, in] → [rows, in]. Not done with tfjs: its wasm backend
 * either packs the weights, which doubles their memory, or takes five times as long. About half of the outputs behind a
 * ReLU have no relevance, and their weights are never read.
 */
export function denseBackwardOnHost(
  result: Float32Array,
  s: Float32Array,
  weights: Float32Array,
  { outSize, inSize }: { outSize: number; inSize: number }
): void {
  result.fill(0)
  for (let row = 0; row < s.length / outSize; row++) {
    const factors = s.subarray(row * outSize, (row + 1) * outSize)
    const relevant = [...factors.keys()].filter((out) => factors[out] !== 0)
    addRows(result.subarray(row * inSize, (row + 1) * inSize), weights, factors, relevant)
  }
}

/** Adds factor·weights of these outputs, four at a time: the sums are then read and written a quarter as often. */
function addRows(sums: Float32Array, weights: Float32Array, factors: Float32Array, outputs: readonly number[]): void {
  const size = sums.length
  for (let at = 0; at < outputs.length; at += 4) {
    // Where fewer than four are left, the first one stands in for the missing ones, times zero.
    const taken = [0, 1, 2, 3].map((i) => outputs[at + i] ?? outputs[at]!)
    const [a, b, c, d] = taken.map((out) => out * size) as [number, number, number, number]
    const [fa, fb, fc, fd] = taken.map((out, i) => (at + i < outputs.length ? factors[out]! : 0)) as typeof taken
    for (let i = 0; i < size; i++) {
      sums[i]! += fa! * weights[a + i]! + fb! * weights[b + i]! + fc! * weights[c + i]! + fd! * weights[d + i]!
    }
  }
}
