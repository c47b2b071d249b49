/** A video that ffmpeg encodes from pictures. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rename, rm } from 'node:fs/promises'
import type { Size } from '#painlens/core/types.js'

export class VideoFile {
  readonly #child: ChildProcess
  /** Why it failed; null where it has not. */
  readonly #ended: Promise<string | null>
  readonly #temporary: string

  /** @param signal kills ffmpeg */
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

  /**
   * Has the pictures drawn, then closes the file, which appears whole or not at all.
   * @returns what `draw` has
   * @throws Error where ffmpeg fails, and whatever `draw` throws
   */
  async whole<Drawn>(draw: () => Promise<Drawn>): Promise<Drawn> {
    try {
      const drawn = await draw()
      this.#child.stdin!.end()
      const why = await this.#ended
      if (why !== null) this.#fail(why)
      await rename(this.#temporary, this.file)
      return drawn
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
