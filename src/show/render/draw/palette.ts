import type { Identity } from '../identity.js'
import { mix, type Rgb } from '../numbers.js'

/** What the light makes of one person's colours. */
export interface Palette {
  skin: Rgb
  shadow: Rgb
  deep: Rgb
  highlight: Rgb
  flush: Rgb
  socket: Rgb
  lip: Rgb
  lipShadow: Rgb
  lash: Rgb
  /** Between closed lips, in the nostrils. */
  gap: Rgb
}

/**
 * Dark skin gets deeper lines and a nearer, cooler highlight: detectors are trained on photographs, where it shines
 * more than it shades, and lose a dark face whose eyes, brows and mouth stand out no more than its cheeks.
 */
export function createPalette({ skin, tone, lipRed, brow }: Identity): Palette {
  const shadow = mix(mix(skin, [70, 24, 16], 0.62), [20, 10, 10], 0.1 + 0.3 * tone)
  const highlight = mix(skin, [255, 240, 222], 0.52 - 0.06 * tone)
  const lip = mix(mix(skin, [158, 66, 66], 0.42 + 0.35 * lipRed - 0.08 * tone), shadow, 0.12 + 0.1 * tone)
  return {
    skin,
    shadow,
    highlight,
    deep: mix(shadow, [30, 12, 10], 0.6),
    flush: mix(skin, [190, 60, 55], 0.6 - 0.2 * tone),
    socket: mix(shadow, [70, 40, 70], 0.4),
    lip,
    lipShadow: mix(lip, shadow, 0.45 + 0.1 * tone),
    lash: mix(brow, [16, 9, 8], 0.8),
    gap: mix(shadow, [24, 6, 6], 0.7)
  }
}
