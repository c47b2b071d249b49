import type { Elder } from '../elder.js'
import type { Skin } from '../geometry.js'
import type { Identity } from '../identity.js'
import { lerp } from '../numbers.js'
import type { HeadShape } from './head.js'
import type { Strength } from './strength.js'

export interface MouthShape {
  /** Half the width, and the corners' y. */
  half: number
  corner: number
  /** y in the middle: resting line, upper lip's upper and lower edge, lower lip's upper and lower edge. */
  line: number
  upperTop: number
  upperEdge: number
  lowerEdge: number
  lowerBottom: number
  /** Thickness of the lower lip, and how far the upper lip is raised. */
  lowerLip: number
  lift: number
  open: boolean
  /** Left to right, corners included: seven points each for the outside, nine for the inside. */
  upperOuter: Skin[]
  lowerOuter: Skin[]
  upperInner: Skin[]
  lowerInner: Skin[]
}

/** Full in the middle, nothing in the corners (t = -1 and 1). */
const arch = (t: number): number => 1 - t * t

const innerPlaces = [-1, -0.75, -0.45, -0.15, 0, 0.15, 0.45, 0.75, 1] as const

/** AU12 and 15 move the corners, AU20 stretches, AU10 and 16 draw the lips off the teeth, AU25 to 27 open. Mouths of elders are set. */
export function shapeMouth(identity: Identity, au: Strength, head: HeadShape): MouthShape {
  const { setMouth = 0 }: Partial<Elder> = identity.elder ?? {}
  const half =
    identity.mouthWidth +
    2 * setMouth +
    14 * au('AU12') +
    8 * au('AU20') -
    3 * au('AU27') -
    2 * au('AU17') -
    1.5 * au('AU9')
  const line = identity.mouthY - 1.5 * au('AU12')
  const corner = line - 14 * au('AU12') + 10 * au('AU15') + 1.5 * au('AU20') + head.jawDrop * 0.42 + 6 * setMouth
  const gap = 6 * au('AU25') * (1 + au('AU12'))
  const lift = 6.5 * au('AU10') + 3.2 * au('AU9') + 2.5 * au('AU12') * au('AU25') + 1.2 * au('AU27')
  const thinning = (1 - 0.28 * au('AU12') - 0.2 * au('AU20') - 0.15 * au('AU17')) * (1 - 0.4 * setMouth)
  const lowerLip = identity.lowerLip * thinning * (1 + 0.25 * au('AU17'))
  const open = au('AU25') > 0.12 || head.jawDrop > 2
  const upperEdge = line - (open ? gap * 0.5 + lift * 0.75 : lift * 0.3)
  const lowered = gap * 0.6 + 5 * au('AU16') + head.jawDrop * 0.92
  const lowerEdge = open ? line + lowered : line - 2 * au('AU17') - lift * 0.3
  const upperTop = upperEdge - identity.upperLip * thinning - lift * (open ? 0.15 : 0.55)
  const heights = {
    line,
    upperTop,
    upperEdge,
    lowerEdge,
    lowerBottom: lowerEdge + lowerLip + 2 * au('AU16')
  }
  return { half, corner, ...heights, lowerLip, lift, open, ...contours(half, corner, heights, lift) }
}

type Heights = Pick<MouthShape, 'upperTop' | 'upperEdge' | 'lowerEdge' | 'lowerBottom'>

function contours(half: number, corner: number, heights: Heights, lift: number) {
  const along = (t: number, middle: number): number => lerp(corner, middle, arch(t))
  const { upperTop, upperEdge, lowerEdge, lowerBottom } = heights
  const raise = (t: number): number =>
    lift * 0.22 * Math.max(0, arch((Math.abs(t) - 0.5) / 0.5)) * Number(Math.abs(t) > 0.1)
  const upperOuter = ([-0.66, -0.2, 0, 0.2, 0.66] as const).map((t): Skin => {
    if (t === 0) return [0, upperTop + 2.2, 7]
    const peak = Math.abs(t) < 0.5
    return [t * half, along(t, upperTop) - (peak ? 0.6 + lift * 0.15 : lift * 0.3), peak ? 6 : 2]
  })
  const lowerOuter = ([-0.6, -0.25, 0, 0.25, 0.6] as const).map((t): Skin => {
    const wide = Math.abs(t) > 0.5
    return [t * half, wide ? along(t, lowerBottom) - 1 : lowerBottom + (t === 0 ? 0.5 : 0), wide ? 3 : 6]
  })
  const corners: [Skin, Skin] = [
    [-half, corner],
    [half, corner]
  ]
  const upperInner = innerPlaces.map((t): Skin => [t * half, along(t, upperEdge) + (t === 0 ? 1 : 0) - raise(t), 4])
  return {
    upperOuter: [corners[0], ...upperOuter, corners[1]],
    lowerOuter: [corners[0], ...lowerOuter, corners[1]],
    upperInner,
    // Lips meet; they never cross.
    lowerInner: upperInner.map(([x, y]): Skin => [x, Math.max(y, along(x / half, lowerEdge)), 4])
  }
}
