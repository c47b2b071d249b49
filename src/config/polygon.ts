type Corner = readonly [number, number]

const allowed = 'allowed are three or more different corners, in order around the outline'

/** What is wrong with an outline; `at` are indexes: of two corners, or of the corners that two sides begin with. */
export type OutlineFault =
  | { kind: 'few' }
  | { kind: 'flat' }
  | { kind: 'same' | 'crossing'; at: readonly [first: number, second: number] }

/**
 * What is wrong with an outline of [x, y] corners, or null: too few corners, two corners in one place, sides that
 * touch or cross (inside and outside would be undefined), or all corners on one line or nearly so.
 */
export function outlineFault(corners: readonly Corner[]): OutlineFault | null {
  if (corners.length < 3) return { kind: 'few' }
  for (let i = 0; i < corners.length; i++)
    for (let j = i + 1; j < corners.length; j++) if (same(corners[i]!, corners[j]!)) return { kind: 'same', at: [i, j] }
  const crossing = firstCrossing(corners)
  if (crossing) return { kind: 'crossing', at: crossing }
  return Math.abs(polygonArea(corners)) < leastArea ? { kind: 'flat' } : null
}

/** Twice the area of an outline that holds about nine pixels of 1280x720: less hides nothing, and no face is in it. */
const leastArea = 2e-5

/** What is wrong with an outline, as a sentence, or null. */
export function polygonProblem(corners: readonly Corner[]): string | null {
  const fault = outlineFault(corners)
  if (fault === null) return null
  if (fault.kind === 'few') return `found ${corners.length} corners, ${allowed}`
  if (fault.kind === 'flat') return `found all corners on one line or in one place, or nearly so, ${allowed}`
  const [first, second] = fault.at
  return fault.kind === 'same'
    ? `found corner ${first + 1} and corner ${second + 1} in one place (the outline closes by itself), ${allowed}`
    : `found that the side after corner ${first + 1} meets the side after corner ${second + 1}, ${allowed}`
}

const same = (a: Corner, b: Corner): boolean => a[0] === b[0] && a[1] === b[1]

/** Indexes of the first two sides that meet elsewhere than in the corner they share. */
function firstCrossing(corners: readonly Corner[]): [number, number] | null {
  const n = corners.length
  for (let i = 0; i < n; i++)
    for (let j = i + 2; j < n; j++) {
      const neighbours = i === 0 && j === n - 1
      if (!neighbours && meet(corners[i]!, corners[(i + 1) % n]!, corners[j]!, corners[(j + 1) % n]!)) return [i, j]
    }
  return null
}

/** Whether the segments ab and cd have a point in common, by the signs of the four triangles' areas. */
function meet(a: Corner, b: Corner, c: Corner, d: Corner): boolean {
  const sides = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)] as const
  if (sides[0] * sides[1] < 0 && sides[2] * sides[3] < 0) return true
  return (
    (sides[0] === 0 && between(a, b, c)) ||
    (sides[1] === 0 && between(a, b, d)) ||
    (sides[2] === 0 && between(c, d, a)) ||
    (sides[3] === 0 && between(c, d, b))
  )
}

/** 1 where a, b, c turn left, -1 right, 0 on one line (to 1e-12: the corners are decimal fractions). */
function turn(a: Corner, b: Corner, c: Corner): number {
  const twiceArea = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
  return Math.abs(twiceArea) < 1e-12 ? 0 : Math.sign(twiceArea)
}

/** Whether p, known to be on the line through a and b, lies from a to b. */
function between(a: Corner, b: Corner, p: Corner): boolean {
  return [0, 1].every((k) => Math.min(a[k]!, b[k]!) <= p[k]! && p[k]! <= Math.max(a[k]!, b[k]!))
}

/** Twice the signed area (the shoelace formula); 0 to within 1e-12. */
export function polygonArea(corners: readonly Corner[]): number {
  const sum = corners.reduce((total, [x, y], i) => {
    const [nextX, nextY] = corners[(i + 1) % corners.length]!
    return total + x * nextY - nextX * y
  }, 0)
  return Math.abs(sum) < 1e-12 ? 0 : sum
}
