import type { Size } from '../../core/types.js'
import { createRandom } from '../../lib/random.js'
import type { Light } from './light.js'

/** What the camera's sensor adds to a picture. */
export interface Sensor {
  /** Deviation of the noise in grey levels, 0 none; indoor cameras have 2 to 8. */
  noise?: number
  /** Deviation of the blur in pixels, 0 none. */
  blur?: number
  /** Of the noise; give each frame its own. */
  seed?: number
}

/** Multiplies RGB or RGBA pixels by the light's level, colour and fall-off across a picture of `whole`'s size. In place. */
export function applyLight(
  pixels: Uint8Array,
  part: Size & { x: number; y: number; channels: 3 | 4 },
  whole: Size,
  light: Light
): void {
  const out = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length)
  const red = light.level * (1 + 0.06 * light.warmth)
  const blue = light.level * (1 - 0.09 * light.warmth)
  let at = 0
  for (let y = 0; y < part.height; y++) {
    const down = 1 - 0.08 * ((part.y + y) / whole.height - 0.4)
    for (let x = 0; x < part.width; x++, at += part.channels) {
      const gain = down + light.direction * 0.4 * ((part.x + x) / whole.width - 0.5)
      out[at] = out[at]! * gain * red
      out[at + 1] = out[at + 1]! * gain * light.level
      out[at + 2] = out[at + 2]! * gain * blue
    }
  }
}

const tableSize = 1 << 16
let table: Float32Array | undefined

/** Normal numbers, drawn once: per pixel they would cost more than the rest of a frame. */
function normals(): Float32Array {
  if (!table) {
    const random = createRandom(5)
    table = Float32Array.from({ length: tableSize }, () => random.normal(0, 1))
  }
  return table
}

/** Adds normal noise of deviation `noise` to every value; each row starts elsewhere in the table. In place. */
export function addNoise(pixels: Uint8Array, width: number, noise: number, seed: number): void {
  if (noise <= 0) return
  // Whole numbers: rounding millions of sums per frame takes longer than adding them.
  const normal = normals()
  const scaled = new Int16Array(tableSize)
  for (let i = 0; i < tableSize; i++) scaled[i] = Math.round(normal[i]! * noise)
  const random = createRandom(seed * 7 + 31)
  const row = width * 3
  for (let start = 0; start < pixels.length; start += row) {
    const end = Math.min(pixels.length, start + row)
    let from = Math.floor(random() * tableSize)
    for (let i = start; i < end; i++, from++) {
      const value = pixels[i]! + scaled[from & (tableSize - 1)]!
      pixels[i] = value < 0 ? 0 : Math.min(value, 255)
    }
  }
}
