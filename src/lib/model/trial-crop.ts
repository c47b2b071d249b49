import type { Crop, Size } from '../../core/types.js'

interface Spot {
  /** Centre and radii in parts of the crop's width and height. */
  at: readonly [x: number, y: number]
  radii: readonly [x: number, y: number]
  /** Added to red, green and blue in its centre. */
  colour: readonly [number, number, number]
}

/** Where an aligned face is light and dark: the head, its lit forehead and cheeks, brows, eyes, nostrils, lips, chin. */
const spots: readonly Spot[] = [
  { at: [0.5, 0.52], radii: [0.42, 0.55], colour: [120, 85, 70] },
  { at: [0.42, 0.2], radii: [0.25, 0.12], colour: [30, 28, 25] },
  { at: [0.28, 0.62], radii: [0.12, 0.1], colour: [24, 8, 8] },
  { at: [0.72, 0.6], radii: [0.12, 0.1], colour: [24, 8, 8] },
  { at: [0.31, 0.28], radii: [0.13, 0.03], colour: [-70, -65, -55] },
  { at: [0.69, 0.27], radii: [0.13, 0.03], colour: [-70, -65, -55] },
  { at: [0.31, 0.37], radii: [0.08, 0.03], colour: [-95, -75, -60] },
  { at: [0.69, 0.36], radii: [0.08, 0.03], colour: [-95, -75, -60] },
  { at: [0.45, 0.6], radii: [0.03, 0.02], colour: [-60, -50, -45] },
  { at: [0.55, 0.6], radii: [0.03, 0.02], colour: [-60, -50, -45] },
  { at: [0.5, 0.77], radii: [0.15, 0.03], colour: [-40, -65, -55] },
  { at: [0.5, 0.95], radii: [0.2, 0.05], colour: [-25, -22, -20] }
]

/**
 * A constant picture to try an LRP engine with: light and dark as in a face, with fine grain, so that every layer is
 * active and pools have no ties. A rendered face is no better, and takes longer to draw than a small model to explain.
 * The landmarks lie in the middle.
 */
export function trialCrop({ width, height }: Size): Crop {
  const data = new Uint8Array(3 * width * height)
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i += 3) data.set(pixel((x + 0.5) / width, (y + 0.5) / height, i), i)
  return {
    width,
    height,
    data,
    landmarks: Float32Array.from({ length: 136 }, (_, i) => (i % 2 === 0 ? width : height) / 2)
  }
}

/** The trial crop, its mirror image, and it in less light: three pictures on which to compare engines. */
export function trialCrops(size: Size): Crop[] {
  const crop = trialCrop(size)
  const { width, data } = crop
  const mirrored = data.map((_, i) => {
    const pixel = Math.floor(i / 3)
    return data[3 * (pixel + width - 1 - 2 * (pixel % width)) + (i % 3)]!
  })
  return [crop, { ...crop, data: mirrored }, { ...crop, data: data.map((value) => 0.8 * value) }]
}

/** The colour at x, y (0..1); the grain goes by `index`. */
function pixel(x: number, y: number, index: number): number[] {
  const sums = [70 + 30 * x, 80 + 25 * y, 95 - 20 * x]
  for (const { at, radii, colour } of spots) {
    const weight = Math.exp(-(((x - at[0]) / radii[0]) ** 2) - ((y - at[1]) / radii[1]) ** 2)
    for (let channel = 0; channel < 3; channel++) sums[channel]! += weight * colour[channel]!
  }
  return sums.map((sum, channel) => Math.min(255, Math.max(0, Math.round(sum + grain(index + channel)))))
}

/** -7.5..7.5, without a pattern: the low bits of a multiplicative hash. */
function grain(index: number): number {
  const once = Math.imul(index + 1, 0x9e3779b1)
  const twice = Math.imul(once ^ (once >>> 15), 0x85ebca6b)
  return ((twice ^ (twice >>> 13)) & 15) - 7.5
}
