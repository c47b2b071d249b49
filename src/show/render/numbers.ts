/** Small arithmetic that every file of the drawing needs. */

/** `value`, or the end of low..high that it lies beyond. */
export const clamp = (value: number, low = 0, high = 1): number => Math.min(high, Math.max(low, value))
/** From `from` (t = 0) to `to` (t = 1) and beyond. */
export const lerp = (from: number, to: number, t: number): number => from + (to - from) * t

/** Red, green, blue, each 0..255; fractions allowed. */
export type Rgb = readonly [number, number, number]

/** From `a` (t = 0) to `b` (t = 1), channel by channel. */
export const mix = (a: Rgb, b: Rgb, t: number): Rgb => [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)]

/** A colour of a scale whose steps lie evenly over t = 0..1. */
export function ramp(scale: readonly Rgb[], t: number): Rgb {
  const place = clamp(t) * (scale.length - 1)
  const step = Math.min(scale.length - 2, Math.floor(place))
  return mix(scale[step]!, scale[step + 1]!, place - step)
}

/** A colour as SVG writes it. */
export const css = (colour: Rgb): string => `rgb(${colour.map((v) => Math.round(clamp(v, 0, 255))).join(',')})`

/** A number as short as SVG needs it: a tenth of a face unit is well below a pixel. */
export const short = (value: number): string => String(Math.round(value * 10) / 10)
