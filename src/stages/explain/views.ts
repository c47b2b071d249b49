import { type Crop, type RegionShare, regionNames, type Size, type Uncertainty } from '../../core/types.js'

/**
 * Another look at the same face: the crop as it would be had it been cut a little elsewhere, of the face's mirror image,
 * in other light. Nothing of this changes what a face shows, so an answer that changes with it is not to be relied on.
 */
export interface View {
  mirrored: boolean
  /** How far the face is moved to the right and downwards, in steps. */
  right: number
  down: number
  /** What grey levels are multiplied by; the training's own range is about 0.8 to 1.2. */
  gain: number
}

/**
 * A step is this share of the crop's width, at least a whole pixel: 0.04 eye distances in the default alignment, a little
 * more than the error that landmarks make both eyes share (`landmarkJitter` of the training). Whole pixels, so that a map can be
 * put back exactly.
 */
const step = 1 / 64

const view = (mirrored: boolean, right: number, down: number, gain: number): View => ({ mirrored, right, down, gain })

/**
 * The crop itself first, then what differs the most: the mirror image, then diagonal shifts of it and of the crop by
 * turns, opposite ones next to one another, darker and brighter. So the first few are as balanced as all.
 */
export const views: readonly View[] = [
  view(false, 0, 0, 1),
  view(true, 0, 0, 1),
  view(false, 1, 1, 0.9),
  view(true, -1, -1, 1.1),
  view(false, -1, 1, 1.1),
  view(true, 1, -1, 0.9),
  view(false, 1, -1, 1.1),
  view(true, -1, 1, 0.9),
  view(false, -1, -1, 0.9),
  view(true, 1, 1, 1.1),
  view(false, 1, 0, 0.8),
  view(true, -1, 0, 1.2),
  view(false, 0, 1, 1.2),
  view(true, 0, -1, 0.8),
  view(false, -1, 0, 1),
  view(true, 1, 0, 1)
]

const pixelsOf = (steps: number, { width }: Size): number => steps * Math.max(1, Math.round(step * width))

/**
 * The crop's pixels as that view shows them. What lies beyond the crop is its nearest pixel.
 * @param out RGB24 as large as the crop's, not the crop's own
 */
export function renderView(crop: Pick<Crop, 'data' | 'width' | 'height'>, view: View, out: Uint8Array): void {
  const { width, height, data } = crop
  const levels = Uint8ClampedArray.from({ length: 256 }, (_, level) => level * view.gain)
  const columns = sources(width, -pixelsOf(view.right, crop))
  if (view.mirrored) columns.reverse()
  const rows = sources(height, -pixelsOf(view.down, crop))
  for (let y = 0, to = 0; y < height; y++) {
    const row = rows[y]! * width
    for (let x = 0; x < width; x++, to += 3) {
      const from = 3 * (row + columns[x]!)
      out[to] = levels[data[from]!]!
      out[to + 1] = levels[data[from + 1]!]!
      out[to + 2] = levels[data[from + 2]!]!
    }
  }
}

/**
 * A map of a view put back to where the crop has what it is about: mirrored and shifted back. Where the crop shows what
 * the view has lost over its edge, stands the value of the nearest pixel that it has kept.
 * @param map a value per pixel, row-major
 */
export function mapToCrop(map: Float32Array, view: View, size: Size): Float32Array {
  const { width, height } = size
  const kept = sources(width, pixelsOf(view.right, size))
  const columns = view.mirrored ? kept.map((column) => width - 1 - column) : kept
  const rows = sources(height, pixelsOf(view.down, size))
  const out = new Float32Array(map.length)
  for (let y = 0, to = 0; y < height; y++) {
    const row = rows[y]! * width
    for (let x = 0; x < width; x++, to++) out[to] = map[row + columns[x]!]!
  }
  return out
}

/** For each place of a line that of its source, `offset` further on, or at the line's end. */
function sources(length: number, offset: number): Int32Array {
  return Int32Array.from({ length }, (_, place) => Math.min(length - 1, Math.max(0, place + offset)))
}

/** What the views of one face say; all lists are in the same order, the crop itself first. */
export interface ViewsSaid {
  labels: readonly string[]
  /** The index of the label that was explained. */
  target: number
  /** Of each view, the probabilities of all labels. */
  probabilities: readonly ArrayLike<number>[]
  /** Of each view, signed relevance per pixel for the target, put back to the crop's place. */
  relevance: readonly Float32Array[]
  /** Of each view, the regions' shares of its relevance, in the order of `regionNames`. */
  shares: readonly (readonly RegionShare[])[]
}

/**
 * How far an answer changes where nothing that matters has changed: 0 when all views say the same, at most 100.
 *
 * - A class's value is 100·s, with s the `spread` of its probability over the views: about how many percentage points the
 *   probability is good for, up or down.
 * - Of the target, whose relevance is known, it is 100·(s + d) / 2, with d the `disagreement` of its maps: half of it is how
 *   little the probability stays, half how little the reason for it stays.
 * - A region's value is 100·s, with s the spread of its share of the positive relevance: 34 % with an uncertainty of 8
 *   reads as 34 ± 8 %.
 *
 * It tells nothing of faces unlike all that the model was trained on; there, all views may well be wrong alike. Fewer
 * than two views cannot differ: both lists are empty then.
 */
export function uncertaintyOf({ labels, target, probabilities, relevance, shares }: ViewsSaid): Uncertainty {
  const views = probabilities.length
  if (views < 2) return { classes: {}, regions: {}, views }
  const spreadOf = (label: number): number => spread(probabilities.map((ofView) => ofView[label]!))
  const classes = labels.map((name, label) => {
    const s = spreadOf(label)
    return [name, percent(label === target ? (s + disagreement(relevance)) / 2 : s)]
  })
  const regions = regionNames.map((name, i) => [name, percent(spread(shares.map((ofView) => ofView[i]!.positive)))])
  return { classes: Object.fromEntries(classes), regions: Object.fromEntries(regions), views }
}

/**
 * Twice the standard deviation (of the values themselves, not of what they are a sample of), so that it is 1 at most.
 * @param values each 0..1
 * @returns 0 (all the same) to 1 (half of them 0, half 1)
 */
export function spread(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return 2 * Math.sqrt(variance)
}

/**
 * The dissimilarity of Bray and Curtis (1957) between the first map and the others, Σ|a − b| / Σ(|a| + |b|) over all pixels
 * of all pairs. A map that shows the same places twice as strong differs, by a third.
 * @param maps of the same length, signed
 * @returns 0 (all the same, or nothing but zeros) to 1 (nothing in common, or all signs turned)
 */
export function disagreement(maps: readonly Float32Array[]): number {
  const [first, ...others] = maps
  let apart = 0
  let total = 0
  for (const other of others) {
    for (let i = 0; i < other.length; i++) {
      apart += Math.abs(first![i]! - other[i]!)
      total += Math.abs(first![i]!) + Math.abs(other[i]!)
    }
  }
  return total > 0 ? apart / total : 0
}

/** With one decimal; rounding errors of the sums must not leave 0..100. */
const percent = (share: number): number => Math.min(100, Math.max(0, Math.round(1000 * share) / 10))
