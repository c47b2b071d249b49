/** A video that ffmpeg encodes from pictures. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rename, rm, stat } from 'node:fs/promises'
import type { Size } from '#painlens/core/types.js'

/**
 * Makes a video of what `draw` writes. It appears whole or not at all; one that is there already is not made again.
 * @param signal kills ffmpeg
 * @throws Error where ffmpeg fails, and whatever `draw` throws
 */
export async function wholeVideo(
  file: string,
  size: Size,
  fps: number,
  signal: AbortSignal,
  draw: (video: Pick<VideoFile, 'write'>) => Promise<void>
): Promise<void> {
  const isThere = await stat(file).then(
    () => true,
    () => false
  )
  if (!isThere) await new VideoFile(file, size, fps, signal).whole(draw)
}

class VideoFile {
  readonly #child: ChildProcess
  /** Why it failed; null where it has not. */
  readonly #ended: Promise<string | null>
  readonly #temporary: string

  constructor(
    private readonly file: string,
    { width, height }: Size,
    fps: number,
    signal: AbortSignal
  ) {
    this.#temporary = `${file}.tmp`
    const input = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`, '-r', String(fps), '-i', '-']
    const encoder = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-pix_fmt', 'yuv420p', '-threads', '1']
    const output = ['-f', 'mp4', '-y', this.#temporary]
    const stdio = ['pipe', 'ignore', 'inherit'] as const
    this.#child = spawn('ffmpeg', ['-v', 'error', ...input, ...encoder, ...output], { stdio: [...stdio], signal })
    // Writing fails with it, and its exit code says so.
    this.#child.stdin?.on('error', () => undefined)
    this.#ended = once(this.#child, 'close').then(
      ([code]) => (code === 0 ? null : `it ended with ${code}`),
      (error: Error) => error.message
    )
  }

  /** Adds a picture, RGB24. @throws Error where ffmpeg has ended */
  async write(data: Uint8Array): Promise<void> {
    const written = new Promise((resolve, reject) =>
      this.#child.stdin!.write(data, (error) => (error ? reject(error) : resolve(undefined)))
    )
    await written.catch((error: Error) => this.#fail(error.message))
  }

  async whole(draw: (video: VideoFile) => Promise<void>): Promise<void> {
    try {
      await draw(this)
      this.#child.stdin!.end()
      const why = await this.#ended
      if (why !== null) this.#fail(why)
      await rename(this.#temporary, this.file)
    } catch (error) {
      this.#child.kill('SIGKILL')
      await this.#ended
      await rm(this.#temporary, { force: true })
      throw error
    }
  }

  #fail(why: string): never {
    throw new Error(`${this.file} cannot be encoded by ffmpeg, with libx264: ${why}`)
  }
}
