/** How much faces have changed since they were judged, by a coarse look at their crops. */
import type { Crop, Face } from '../../core/types.js'

/** Cells of the grid, each way, and the points that are read in each cell, each way. */
const cells = 16
const points = 3

/** Brightness on a coarse grid, less its mean: a lamp that is switched on changes no face. */
type Gist = Float32Array

/**
 * Of the green values, which are most of what brightness is made of. A crop is aligned, so a cell shows the same part of the face each
 * time. Some 2300 of its bytes are read, and none is copied.
 */
export function gistOf({ width, height, data }: Pick<Crop, 'width' | 'height' | 'data'>): Gist {
  const gist = new Float32Array(cells * cells)
  const steps = cells * points
  let total = 0
  for (let row = 0; row < steps; row++) {
    const line = Math.floor(((row + 0.5) / steps) * height) * width
    for (let column = 0; column < steps; column++) {
      const value = data[3 * (line + Math.floor(((column + 0.5) / steps) * width)) + 1]!
      gist[Math.floor(row / points) * cells + Math.floor(column / points)]! += value / (points * points)
      total += value
    }
  }
  const mean = total / (steps * steps)
  return gist.map((value) => value - mean)
}

/** The mean difference of two gists, 0..255. */
function difference(a: Gist, b: Gist): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length
}

/** A face with the camera that sees it. */
export interface SeenBy {
  camera: string
  face: Pick<Face, 'track' | 'crop'>
}

/** What the faces looked like when they were judged; some 1 KB for each. */
export class JudgedFaces {
  readonly #gists = new Map<string, Map<number, Gist>>()

  /** How much a face has changed since it was last judged, 0..255; infinite if it never was. */
  changeOf({ camera, face }: SeenBy): number {
    const before = this.#gists.get(camera)?.get(face.track)
    return before === undefined ? Number.POSITIVE_INFINITY : difference(before, gistOf(face.crop))
  }

  /** These faces are being judged. */
  judge(faces: readonly SeenBy[]): void {
    for (const { camera, face } of faces) {
      const known = this.#gists.get(camera) ?? new Map<number, Gist>()
      this.#gists.set(camera, known.set(face.track, gistOf(face.crop)))
    }
  }

  /** Forgets all of a camera's faces but those tracks. */
  keep(camera: string, tracks: readonly number[]): void {
    const known = this.#gists.get(camera)
    for (const track of known?.keys() ?? []) if (!tracks.includes(track)) known!.delete(track)
    if (known?.size === 0) this.#gists.delete(camera)
  }
}
