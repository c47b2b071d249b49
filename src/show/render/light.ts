import type { Random } from '../../lib/random.js'

/** The light in the room and what the camera makes of it. */
export interface Light {
  /** -1 from the picture's left, 1 from its right. */
  direction: number
  /** How dark the shaded side gets: 0.6 soft to 1.15 hard. */
  contrast: number
  /** Exposure: 1 as it should be, 0.55 a dim room. */
  level: number
  /** -1 cold to 1 warm; may go beyond. */
  warmth: number
}

/** Even light from the left, well exposed. */
export const roomLight: Light = { direction: -0.3, contrast: 1, level: 1, warmth: 0 }

/** Daylight from either side to a dim evening. */
export function randomLight(random: Random): Light {
  const dim = random.chance(0.3)
  const level = random.uniform(0.55, 0.95)
  return {
    direction: random.uniform(-0.9, 0.9),
    contrast: random.uniform(0.6, 1.15),
    level: dim ? level : 1,
    warmth: random.normal(0, 0.5)
  }
}
