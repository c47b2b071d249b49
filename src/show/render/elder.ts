import { createRandom, type Random } from '../../lib/random.js'
import { clamp } from './numbers.js'

/**
 * What a long life has left in a face at rest, 0..1 each. It has geometry and lines of its own and is drawn apart from what the
 * face shows: no action unit makes it, and none takes it away.
 */
export interface Elder {
  /** Where the lines lie. */
  seed: number
  /** Upright furrows between the brows, and the line across the root of the nose. */
  frown: number
  /** Lines across the forehead. */
  forehead: number
  /** Lines around the eyes. */
  eyeLines: number
  /** From the wings of the nose around the mouth. */
  cheekFolds: number
  /** Upper lids that hang (ptosis). */
  lidDroop: number
  /** Skin that hangs over the outer half of the upper lids (dermatochalasis). */
  hood: number
  /** Brows that have sunk, outside more than inside. */
  browDroop: number
  /** Thin lips, pressed together, with corners that hang. */
  setMouth: number
  /** From the corners of the mouth down to the chin, and upright over the upper lip. */
  mouthLines: number
  /** How much deeper the lines of the picture's right side are than of its left, -1..1. */
  skew: number
}

/** Elders begin at this `age` of an identity. */
const youngest = 0.75

/** The age and the marks of an elder for any integer seed. Furrows, lids and mouth are strong or faint, each for itself. */
export function agedBy(seed: number): { age: number; elder: Elder } {
  const random = createRandom(seed * 2 + 70_001)
  const age = random.uniform(youngest, 1)
  const [furrows, lids, mouth] = [strength(random, 0.7), strength(random, 0.6), strength(random, 0.6)]
  const some = (of: number): number => clamp(of * random.uniform(0.7, 1.15))
  const elder: Elder = {
    seed,
    frown: some(furrows),
    forehead: some(furrows),
    eyeLines: some(furrows),
    cheekFolds: some(Math.max(furrows, mouth)),
    lidDroop: some(lids),
    hood: some(lids),
    browDroop: some(lids),
    setMouth: some(mouth),
    mouthLines: some(mouth),
    skew: random.uniform(-0.4, 0.4)
  }
  return { age, elder }
}

/** Strong with that chance, faint else. */
function strength(random: Random, chance: number): number {
  const [strong, faint] = [random.uniform(0.5, 1), random.uniform(0, 0.4)]
  return random.chance(chance) ? strong : faint
}
