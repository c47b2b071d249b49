import { setTimeout as sleep } from 'node:timers/promises'
import type { Film } from '../../tools/bench/sleeping-room.js'

/** Pictures at a steady rate, as a feed takes them: each is requested when it is due. Never ends. */
export async function* shown(film: Film, fps: number): AsyncGenerator<Uint8Array> {
  const begin = performance.now()
  for (let index = 0; ; index++) {
    await sleep(Math.max(0, begin + (index * 1000) / fps - performance.now()))
    yield film(index)
  }
}
