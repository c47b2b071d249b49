/** Streams that are encoded once in a run of the tests and handed on each time they are shown: libx265 takes a fifth of a core for a stream. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { RtspServer } from '../../../src/show/simulate/rtsp-server.js'
import { sharedFile } from '../../support/shared-file.js'
import type { Rig } from './rig.js'

export interface EncodedFilm {
  name: string
  /** FFmpeg's input and encoder; of so many seconds that a test sees most pictures once. */
  arguments: readonly string[]
}

/** Publishes it again and again until the rig ends. */
export async function publishFilm(rig: Rig, server: RtspServer, path: string, film: EncodedFilm): Promise<string> {
  // MPEG-TS repeats the parameter sets with each key frame, as a camera does, and can be played again from its start.
  const file = await sharedFile(`${film.name}.ts`, async (own) => {
    await promisify(execFile)('ffmpeg', ['-v', 'fatal', '-y', ...film.arguments, own])
  })
  return rig.publish(server, path, ['-re', '-stream_loop', '-1', '-i', file, '-c', 'copy'])
}
