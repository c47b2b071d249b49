/** A quarter of a minute of a resident in bed, drawn once in a run of the tests: a file that is played costs a tenth of one that is drawn. */
import { mkdir, rename, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIdentity, createScene } from '../../src/show/render/index.js'
import { defaultDay } from '../../src/show/simulate/day.js'
import { renderDay } from '../../src/show/simulate/frames.js'
import { wholeVideo } from '../../tools/study-demo/video-file.js'

export const roomFilm = { width: 640, height: 360, fps: 5 }
const seconds = 16

/** Where this run of the tests keeps what several files need; test/build-first.ts makes and removes it. */
const shared = (): string => process.env.PAINLENS_TEST_SHARED ?? join(tmpdir(), `painlens-shared-${process.pid}`)

/** @returns the film's file. The first test file that asks draws it; two that ask at the same time both do. */
export async function roomFilmFile(): Promise<string> {
  const file = join(shared(), 'room.mp4')
  const isThere = await stat(file).then(
    () => true,
    () => false
  )
  if (isThere) return file
  await mkdir(shared(), { recursive: true })
  const own = join(shared(), `room-${process.pid}.mp4`)
  await wholeVideo(own, roomFilm, roomFilm.fps, new AbortController().signal, async (video) => {
    for await (const picture of drawn()) await video.write(picture)
  })
  await rename(own, file)
  return file
}

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
