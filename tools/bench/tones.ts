/** What a camera may make of a picture in a room that is darker or brighter than it is set for. */

/** Of a level, both 0..1; what it gives beyond is cut off. */
export type Tone = (level: number) => number

/** Some that are far from a well-set camera, and leave a face a face. */
export const farTones: Readonly<Record<string, Tone>> = {
  'darker by 51 levels': (level) => level - 0.2,
  'a third of the light': (level) => level / 3,
  'brighter by 40 levels': (level) => level + 40 / 255,
  'half the contrast': (level) => 0.5 + 0.5 * (level - 0.5),
  'half more contrast': (level) => 0.5 + 1.5 * (level - 0.5),
  'gamma 2': (level) => level ** 2
}

export function inTone(data: Uint8Array, tone: Tone): Uint8Array<ArrayBuffer> {
  const levels = Uint8ClampedArray.from({ length: 256 }, (_, level) => 255 * tone(level / 255))
  return Uint8Array.from(data, (level) => levels[level]!)
}
