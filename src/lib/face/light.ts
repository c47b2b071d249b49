import type { Size } from '../../core/types.js'

/** Of every how many values the light is measured. */
const stride = 7
/** Darker than that, of 255, a camera's noise is as large as what it sees. */
const dark = 45
/** Deviations of the grey levels: below the first a picture is flat, as infrared cameras give them; what it is brought to. */
const flat = 38
const wanted = 60
const mostGain = 4

/**
 * Makes a picture easier for the nets, in place: a dark one is smoothed (they brighten it themselves), a flat one is given
 * contrast. Any other is left as it is. Black beside the frame counts as neither.
 */
export function relight(data: Uint8Array, { width, height }: Size): void {
  const { mean, deviation } = lightOf(data)
  if (mean < dark) smooth(data, width, height)
  else if (deviation < flat) spread(data, mean, deviation)
}

/** Of the values that are not black. */
function lightOf(data: Uint8Array): { mean: number; deviation: number } {
  let count = 0
  let sum = 0
  let squares = 0
  for (let i = 0; i < data.length; i += stride) {
    const value = data[i]!
    if (value === 0) continue
    count++
    sum += value
    squares += value * value
  }
  if (count === 0) return { mean: 0, deviation: 0 }
  const mean = sum / count
  return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)) }
}

function spread(data: Uint8Array, mean: number, deviation: number): void {
  const gain = Math.min(mostGain, wanted / Math.max(1, deviation))
  const middle = Math.max(mean, 110)
  const levels = Uint8Array.from({ length: 256 }, (_, level) =>
    level === 0 ? 0 : Math.min(255, Math.max(1, Math.round((level - mean) * gain + middle)))
  )
  for (let i = 0; i < data.length; i++) data[i] = levels[data[i]!]!
}

/** The binomial filter 1 2 1 in both directions; the edges keep their own values. */
function smooth(data: Uint8Array, width: number, height: number): void {
  const line = width * 3
  smoothRows(data, height, line)
  if (height < 3) return
  const before = data.slice(0, line)
  const own = new Uint8Array(line)
  for (let row = 1; row < height - 1; row++) {
    const from = row * line
    own.set(data.subarray(from, from + line))
    for (let i = 0; i < line; i++) data[from + i] = (before[i]! + 2 * own[i]! + data[from + line + i]! + 2) >> 2
    before.set(own)
  }
}

/** Along each row, without its first and its last pixel. */
function smoothRows(data: Uint8Array, height: number, line: number): void {
  for (let row = 0; row < height; row++)
    for (let channel = 0; channel < 3; channel++) {
      const from = row * line + channel
      let before = data[from]!
      for (let at = from + 3; at < from + line - 3; at += 3) {
        const own = data[at]!
        data[at] = (before + 2 * own + data[at + 3]! + 2) >> 2
        before = own
      }
    }
}
