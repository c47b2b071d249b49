/** What the camera stage says of pictures after a real encoder, as fast as they can be encoded. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Size } from '#painlens/core/types.js'
import { PictureWatch } from '#painlens/stages/camera/picture-watch.js'
import type { Film } from './sleeping-room.js'

export interface EncodedFilm extends Size {
  fps: number
  /** FFmpeg's options, such as `-c:v libx264 -crf 28`. */
  encoder: readonly string[]
  seconds: number
  film: Film
}

/** The state of the camera after each picture. */
export async function watchEncoded({ width, height, fps, encoder, seconds, film }: EncodedFilm): Promise<string[]> {
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24']
  const input = [...raw, '-s', `${width}x${height}`, '-r', String(fps), '-i', '-']
  const encode = start([...input, ...encoder, '-pix_fmt', 'yuv420p', '-f', 'nut', '-'])
  const decode = start(['-threads', '1', '-f', 'nut', '-i', '-', ...raw, '-'])
  encode.stdout!.pipe(decode.stdin!)
  const watch = new PictureWatch({ width, height }, [])
  const picture = new Uint8Array(width * height * 3)
  const states: string[] = []
  let filled = 0
  decode.stdout!.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + picture.length - filled)
      picture.set(part, filled)
      filled = (filled + part.length) % picture.length
      at += part.length
      if (filled === 0) states.push(watch.look(picture, (states.length * 1000) / fps).state)
    }
  })
  const ended = once(decode, 'close')
  for (let index = 0; index < seconds * fps; index++)
    await new Promise((resolve) => encode.stdin!.write(film(index), resolve))
  encode.stdin!.end()
  await ended
  return states
}

function start(args: readonly string[]): ChildProcess {
  const child = spawn('ffmpeg', ['-v', 'error', ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  // When it fails it says why; writing to it fails with it.
  child.stdin?.on('error', () => undefined)
  return child
}
