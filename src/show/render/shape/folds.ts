import type { Skin } from '../geometry.js'
import { lerp } from '../numbers.js'
import type { FaceShape } from './index.js'
import type { Side } from './strength.js'

/** The nasolabial fold from the nose's wing to below the mouth's corner, `away` face units further out. */
export function nasolabialLine({ nose, mouth, head, au }: FaceShape, side: Side, away = 0): Skin[] {
  const raised = au('AU10') + 0.45 * au('AU9')
  return [
    [side * (nose.half + 3 + away), nose.base - 13 - 3 * raised],
    [side * (nose.half + 14 + away + 3 * raised), nose.base + 3 - 3 * raised],
    [side * (lerp(nose.half, mouth.half, 0.75) + 15 + away + 4 * au('AU12')), lerp(nose.base, mouth.line, 0.6)],
    [side * (mouth.half + 11 + away), mouth.line + 2 + 6 * au('AU15') - 2 * au('AU12') + head.jawDrop * 0.3]
  ]
}
