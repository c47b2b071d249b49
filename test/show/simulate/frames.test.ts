import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FrameOptions, Scene } from '../../../src/show/render/index.js'
import { type Day, stretchAt } from '../../../src/show/simulate/day.js'
import { nextSlot, renderDay } from '../../../src/show/simulate/frames.js'

const day: Day = {
  stretches: [
    { expression: 'neutral', intensity: 0, seconds: 2 },
    { expression: 'pain', intensity: 1, seconds: 3 }
  ],
  loop: true,
  seed: 1
}

/** Plays the day by a clock that moves only while something is drawn, slept or shown. */
async function play(seconds: number, drawMs: (frame: number) => number, showMs = 0) {
  let time = 1000
  let drawn = 0
  const shown: { at: number; seed: number }[] = []
  const stretches: { expression: string; at: number }[] = []
  let seed = -1
  const scene = {
    width: 4,
    height: 2,
    render: async (frame: FrameOptions) => {
      time += drawMs(drawn++)
      seed = frame.seed ?? -1
      return { data: frame.into }
    }
  } as unknown as Scene
  const frames = renderDay({
    scene,
    day,
    fps: 5,
    now: () => time,
    sleep: async (ms) => {
      time += ms
    },
    dayTime: (now) => (now - 1000) / 1000,
    onStretch: ({ stretch }) => stretches.push({ expression: stretch.expression, at: time - 1000 }),
    stopped: () => time > 1000 + seconds * 1000
  })
  for await (const picture of frames) {
    expect(picture).toHaveLength(24)
    shown.push({ at: time - 1000, seed })
    time += showMs
  }
  return { shown, stretches }
}

describe('renderDay', () => {
  it('a picture is shown at the beginning of each slot', async () => {
    const { shown } = await play(4, () => 60)
    expect(shown.length).toBeGreaterThanOrEqual(20)
    // The first is due at once and so is as late as its drawing takes.
    expect(shown.slice(1).map(({ at }) => at)).toEqual(shown.slice(1).map((_, i) => (i + 1) * 200))
  })

  it('slow drawing skips slots, without two pictures in a slot or a burst', async () => {
    const { shown } = await play(20, (frame) => (frame === 10 ? 2500 : 330))
    const seeds = shown.map(({ seed }) => seed)
    expect(new Set(seeds).size).toBe(seeds.length)
    for (const [i, { at, seed }] of shown.entries()) {
      expect(at).toBeGreaterThanOrEqual(seed * 200)
      if (i > 0) expect(at - shown[i - 1]!.at).toBeGreaterThanOrEqual(200)
    }
    expect(shown.length).toBeLessThan(20 / 0.33)
  })

  it('a slow reader delays pictures, and the delay is not made up for', async () => {
    const { shown } = await play(10, () => 10, 450)
    expect(shown.length).toBeLessThanOrEqual(23)
    for (const { at, seed } of shown.slice(1)) expect(at).toBe(seed * 200)
  })

  it('each stretch is announced once, with its first picture', async () => {
    const { stretches } = await play(11, () => 50)
    expect(stretches.map(({ expression }) => expression)).toEqual(['neutral', 'pain', 'neutral', 'pain', 'neutral'])
    for (const { expression, at } of stretches) {
      expect(stretchAt(day, at / 1000).stretch.expression).toBe(expression)
      expect(at / 1000 - stretchAt(day, at / 1000).from).toBeLessThan(0.41)
    }
  })
})

describe('nextSlot', () => {
  it('the next slot is the first that is later than the last one and has not begun', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1, max: 1000 }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.integer({ min: 1, max: 60 }),
        (last, elapsed, fps) => {
          const slot = nextSlot(last, elapsed, fps)
          expect(slot).toBeGreaterThan(last)
          expect((slot * 1000) / fps).toBeGreaterThanOrEqual(elapsed - 0.01)
          expect(slot - 1 === last || ((slot - 1) * 1000) / fps < elapsed).toBe(true)
        }
      )
    )
  })
})
