import type { Elder } from '../elder.js'
import type { Skin } from '../geometry.js'
import type { Identity } from '../identity.js'
import { lerp } from '../numbers.js'
import type { Side, Strength } from './strength.js'

/** How far the brows of elders have sunk at most, from the inner to the outer end. */
const sunken = [3, 5, 7, 8] as const

/** The middle line of a brow, from its inner to its outer end. AU1 and AU2 raise, AU4 and AU9 lower and draw together. */
export function shapeBrow(identity: Identity, au: Strength, side: Side): Skin[] {
  const y = identity.browY + side * identity.browSkew
  const inner = 9 * au('AU1')
  const outer = 8 * au('AU2')
  const [frown, wrinkle, cheek] = [au('AU4'), au('AU9'), au('AU6')]
  const start = identity.browGap - 5.5 * frown - 1.5 * wrinkle
  const line: readonly Skin[] = [
    [start, y + 3 - inner + 11 * frown + 5 * wrinkle],
    [lerp(start, 76, 0.33), y - identity.browArch * 0.5 - lerp(inner, outer, 0.4) + 9 * frown + 3.5 * wrinkle],
    [lerp(start, 76, 0.66), y - identity.browArch - outer + 5.5 * frown + 1.5 * wrinkle + cheek],
    [76, y + 3 - outer * 0.7 + 3 * frown + cheek]
  ]
  const { browDroop = 0 }: Partial<Elder> = identity.elder ?? {}
  return line.map(([x, height], i) => [side * x, height + sunken[i]! * browDroop])
}
