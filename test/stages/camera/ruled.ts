import type { Box, Size } from '../../../src/core/types.js'
import { rulerColumns } from '../../../src/stages/camera/picture-writer.js'

/** A picture of one value, as the decoder of the layout `ruled` writes it: its place is told by white pixels. */
export function ruled(frame: Size, value: number, place: Box = { x: 0, y: 0, ...frame }): Buffer {
  const wide = frame.width + rulerColumns
  const picture = Buffer.alloc(wide * (frame.height + 1) * 3)
  const paint = (x: number, y: number, of: number): void => {
    picture.fill(of, (y * wide + x) * 3, (y * wide + x) * 3 + 3)
  }
  for (let y = 1; y <= place.height; y++) {
    for (let x = 0; x < place.width; x++) paint(rulerColumns + place.x + x, place.y + y, value)
    for (let x = 0; x < rulerColumns; x++) if (place.width === frame.width) paint(x, place.y + y, 255)
  }
  for (let x = 0; x < place.width; x++) if (place.height === frame.height) paint(rulerColumns + place.x + x, 0, 255)
  return picture
}
