import type { Identity } from '../identity.js'
import type { Strength } from './strength.js'

export interface NoseShape {
  /** y of the base, half the width over the wings, half the bridge's width. */
  base: number
  half: number
  bridge: number
}

/** AU9 and AU10 draw the wings up and apart. */
export function shapeNose(identity: Identity, au: Strength): NoseShape {
  return {
    base: identity.noseY - 5.5 * au('AU9') - 2.5 * au('AU10'),
    half: identity.noseWidth * (1 + 0.1 * au('AU9') + 0.08 * au('AU10') + 0.06 * au('AU12')),
    bridge: identity.bridge
  }
}
