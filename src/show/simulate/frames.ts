import type { Size } from '../../core/types.js'
import type { Scene } from '../render/index.js'
import { type Day, type PlacedStretch, poseAt, stretchAt, unitsAt } from './day.js'

export interface FramesOptions {
  scene: Scene
  day: Day
  fps: number
  /** Monotonic milliseconds. */
  now: () => number
  /** Resolves after the given milliseconds, or at once when the film is stopped. */
  sleep: (ms: number) => Promise<void>
  /** The day's time in seconds at a moment of `now`. */
  dayTime: (now: number) => number
  onStretch: (placed: PlacedStretch) => void
  stopped: () => boolean
}

/** Sensor noise in grey levels and blur in pixels, as a room camera at night has them. */
const sensor = { noise: 2.5, blur: 0.5 }

/**
 * The day as pictures at a steady rate. Each is drawn ahead and handed out when its slot begins; slots that have passed
 * meanwhile are skipped, never made up for, so that a slow machine shows fewer pictures and does not fall behind. One
 * buffer is reused: it may be read until the next picture is requested.
 */
export async function* renderDay(options: FramesOptions): AsyncGenerator<Uint8Array> {
  const { scene, day, fps, now, sleep, dayTime, onStretch, stopped } = options
  const into = new Uint8Array(bytesOf(scene))
  const begin = now()
  let slot = -1
  let told = -1
  while (!stopped()) {
    slot = nextSlot(slot, now() - begin, fps)
    const due = begin + (slot * 1000) / fps
    const seconds = dayTime(due)
    await scene.render({
      units: unitsAt(day, seconds),
      pose: poseAt(day.seed, seconds),
      ...sensor,
      seed: slot,
      into
    })
    if (due > now()) await sleep(due - now())
    if (stopped()) return
    const placed = stretchAt(day, seconds)
    if (seconds > 0 && placed.index !== told) {
      told = placed.index
      onStretch(placed)
    }
    yield into
  }
}

/** The first slot after the last one that has not passed yet. */
export const nextSlot = (last: number, elapsedMs: number, fps: number): number =>
  Math.max(last + 1, Math.ceil((elapsedMs / 1000) * fps - 1e-6))

const bytesOf = ({ width, height }: Size): number => width * height * 3
