import type { Sighting } from '../../core/types.js'

type Seen = Pick<Sighting, 'camera' | 'lost'> & { faces: readonly { track: number }[] }

/** The tracks that the worker has told of. They end with it: the next worker knows none of them. */
export class KnownTracks {
  readonly #alive = new Map<string, Set<number>>()
  readonly #orphans = new Map<string, number[]>()
  #last = 0

  /** The highest id so far. */
  get last(): number {
    return this.#last
  }

  /** @returns the tracks that ended with this frame, or with the worker before */
  update({ camera, faces, lost }: Seen): number[] {
    const alive = this.#alive.get(camera) ?? new Set()
    for (const { track } of faces) {
      alive.add(track)
      this.#last = Math.max(this.#last, track)
    }
    for (const track of lost) alive.delete(track)
    this.#alive.set(camera, alive)
    const orphans = this.#orphans.get(camera) ?? []
    this.#orphans.delete(camera)
    return [...orphans, ...lost]
  }

  forget(camera: string): void {
    this.#alive.delete(camera)
    this.#orphans.delete(camera)
  }

  /** The worker has died. */
  orphan(): void {
    for (const [camera, alive] of this.#alive) {
      this.#orphans.set(camera, [...(this.#orphans.get(camera) ?? []), ...alive])
    }
    this.#alive.clear()
  }
}
