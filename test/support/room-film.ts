/** A quarter of a minute of a resident in bed, drawn once in a run of the tests: a file that is played costs a tenth of one that is drawn. */
import { createIdentity, createScene } from '../../src/show/render/index.js'
import { defaultDay } from '../../src/show/simulate/day.js'
import { renderDay } from '../../src/show/simulate/frames.js'
import { wholeVideo } from '../../tools/study-demo/video-file.js'
import { sharedFile } from './shared-file.js'

export const roomFilm = { width: 640, height: 360, fps: 5 }
const seconds = 16

/** @returns the film's file */
export const roomFilmFile = (): Promise<string> =>
  sharedFile('room.mp4', (file) =>
    wholeVideo(file, roomFilm, roomFilm.fps, new AbortController().signal, async (video) => {
      for await (const picture of drawn()) await video.write(picture)
    })
  )

/** As `painlens simulate` draws it, without waiting for the time of each picture. */
async function* drawn(): AsyncGenerator<Uint8Array> {
  const { width, height, fps } = roomFilm
  const centre = { x: width * 0.5, y: height * 0.44 }
  const scene = await createScene({ width, height, identity: createIdentity(24), centre, faceSize: height * 0.25 })
  let now = 0
  yield* renderDay({
    ...{ scene, day: defaultDay, fps, now: () => now, dayTime: () => now / 1000, onStretch: () => undefined },
    sleep: async (ms) => {
      now += ms
    },
    stopped: () => now >= seconds * 1000
  })
}
