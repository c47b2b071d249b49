/** A seeded source of numbers: the same seed gives the same sequence on every machine. */
export interface Random {
  /** Evenly spread over [0, 1). */
  (): number
  uniform(low: number, high: number): number
  normal(mean: number, deviation: number): number
  pick<T>(choices: readonly T[]): T
  /** True with the given probability, 0..1. */
  chance(probability: number): boolean
}

/** Mulberry32 (T. Ettinger) behind a multiplicative hash, so that neighbouring seeds share nothing. `seed`: any integer. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  return Object.assign(next, {
    uniform: (low: number, high: number) => low + (high - low) * next(),
    normal: (mean: number, deviation: number) => mean + deviation * gaussian(next),
    pick: <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T,
    chance: (probability: number) => next() < probability
  })
}

/** Box and Muller's transform; one of its two numbers is thrown away so that each draw costs two, whatever came before. */
function gaussian(next: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - next()))
  return radius * Math.cos(2 * Math.PI * next())
}
