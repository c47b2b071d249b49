import { readFile } from 'node:fs/promises'
import { InputError, messageOf, PainlensError } from '../core/errors.js'
import { printable } from '../core/printable.js'
import type { Size } from '../core/types.js'
import { loadSharp } from '../lib/picture/sharp.js'
import { createRandom } from '../lib/random.js'

/** Largest shift, as a share of the crop's width, and largest change of light of a view. */
const jitter = { shift: 0.04, light: 0.2 }

/**
 * RGB24 of a view: 0 the crop, 1 its mirror image, then one of either, shifted and lit by a seed of its own.
 * @param crop its number, which the seed is made of
 * @throws InputError where it is no picture, or of another size
 */
export async function viewOf(path: string, view: number, crop: number, { width, height }: Size): Promise<Uint8Array> {
  try {
    let picture = loadSharp()(await readFile(path))
      .removeAlpha()
      .toColourspace('srgb')
    const { width: own, height: tall } = await picture.metadata()
    if (own !== width || tall !== height)
      throw new InputError(
        'PL-STUDY-CROP',
        `it has ${own}x${tall} pixels, the model takes ${width}x${height}`,
        printable(path)
      )
    if (view % 2 === 1) picture = picture.flop()
    if (view >= 2) {
      const random = createRandom(crop * 64 + view)
      const moved = (): number => Math.round(random.uniform(-jitter.shift, jitter.shift) * width)
      const [x, y, gain] = [moved(), moved(), 1 + random.uniform(-jitter.light, jitter.light)]
      const room = Math.ceil(jitter.shift * width)
      const framed = await picture
        .extend({ top: room, bottom: room, left: room, right: room, extendWith: 'copy' })
        .raw()
        .toBuffer({ resolveWithObject: true })
      picture = loadSharp()(framed.data, { raw: framed.info })
        .extract({ left: room + x, top: room + y, width, height })
        .linear(gain, 0)
    }
    return await picture.raw().toBuffer()
  } catch (error) {
    if (error instanceof PainlensError) throw error
    throw new InputError('PL-STUDY-CROP', `cannot be read as a picture (${messageOf(error)})`, printable(path), {
      cause: error
    })
  }
}
