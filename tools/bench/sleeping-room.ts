/** A resident asleep, where only the sensor's noise changes: the scene hardest to distinguish from a frozen picture. */
import type { Size } from '#painlens/core/types.js'
import { createIdentity, createScene } from '#painlens/show/render/index.js'
import { addNoise } from '#painlens/show/render/sensor.js'

/** A picture by its number. */
export type Film = (index: number) => Uint8Array

/** @param level of the light, 1 by day */
export async function sleepingRoom(size: Size, level: number): Promise<Uint8Array> {
  const scene = await createScene({
    identity: createIdentity(24),
    ...{ ...size, centre: { x: size.width / 2, y: size.height * 0.44 }, faceSize: size.height * 0.25 },
    light: { direction: -0.3, contrast: 1, level, warmth: 0 }
  })
  return (await scene.render({ units: { AU43: 1 }, blur: 0.5 })).data
}

/**
 * A picture of that width with each frame's own sensor noise. One buffer serves for all.
 * @param noise deviation in grey levels
 */
export function noisy(picture: Uint8Array, width: number, noise: number): Film {
  const frame = new Uint8Array(picture.length)
  return (index) => {
    frame.set(picture)
    addNoise(frame, width, noise, index)
    return frame
  }
}
