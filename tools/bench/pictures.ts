/** Rendered frames to measure with. */
import type { Moment } from '#painlens/core/clock.js'
import type { Frame } from '#painlens/core/types.js'
import { createIdentity, createScene } from '#painlens/show/render/index.js'
import { defaultDay, poseAt, unitsAt } from '#painlens/show/simulate/day.js'

const size = { width: 1280, height: 720 }

/** Frames of the scripted day, a fifth of a second apart from the middle of its first pain on; `release` does nothing. */
export async function renderFrames(count: number, faceSize: number): Promise<Frame[]> {
  const scene = await createScene({
    identity: createIdentity(3),
    ...size,
    centre: { x: size.width / 2, y: size.height * 0.44 },
    faceSize
  })
  const frames: Frame[] = []
  for (let i = 0; i < count; i++) {
    const data = new Uint8Array(new SharedArrayBuffer(size.width * size.height * 3))
    const seconds = 24 + i / 5
    const units = unitsAt(defaultDay, seconds)
    await scene.render({
      units,
      pose: poseAt(defaultDay.seed, seconds),
      noise: 2.5,
      blur: 0.5,
      seed: i,
      // The renderer writes into memory of either kind.
      into: data as never
    })
    frames.push({
      camera: 'bench',
      at: (i * 200) as Moment,
      ...size,
      picture: { x: 0, y: 0, ...size },
      damaged: false,
      data,
      release: () => undefined
    })
  }
  return frames
}
