import { beforeAll, describe, expect, it } from 'vitest'
import { configSchema } from '../../../src/config/schema.js'
import type { Polygon } from '../../../src/core/types.js'
import { cameraOptions } from '../../../src/daemon/wiring/mapping.js'
import { createRandom } from '../../../src/lib/random.js'
import { createIdentity, createScene } from '../../../src/show/render/index.js'
import type { Ffmpeg } from '../../../src/stages/camera/ffmpeg.js'
import { maskSpans } from '../../../src/stages/camera/masks.js'
import { type PictureStatus, PictureWatch, pictureRules } from '../../../src/stages/camera/picture-watch.js'

const fps = 5
const size = { width: 160, height: 90 }
const whole = { x: 0, y: 0, ...size }

/** The state after each of `seconds` worth of pictures, as `watch` is shown them from `from` on. */
function states(watch: PictureWatch, seconds: number, picture: (index: number) => Uint8Array, from = 0): string[] {
  return Array.from({ length: seconds * fps }, (_, i) => watch.look(picture(i), (from + i / fps) * 1000).state)
}

const secondsUntil = (seen: string[], state: string): number => seen.indexOf(state) / fps

/** Normal numbers, drawn once: 18,000 pictures of them would take minutes. */
const normals = (() => {
  const random = createRandom(5)
  return Float32Array.from({ length: 1 << 16 }, () => random.normal(0, 1))
})()

/** A picture with each frame's own noise, as `addNoise` of src/show/render makes it, in one buffer. */
function noisy(base: Uint8Array, noise: number): (seed: number) => Uint8Array {
  const frame = new Uint8ClampedArray(base.length)
  const bytes = new Uint8Array(frame.buffer)
  const scaled = Int16Array.from(normals, (value) => Math.round(value * noise))
  return (seed) => {
    const random = createRandom(seed)
    let from = 0
    for (let i = 0; i < frame.length; i++, from++) {
      if (i % (size.width * 3) === 0) from = Math.floor(random() * scaled.length)
      frame[i] = base[i]! + scaled[from & 0xffff]!
    }
    return bytes
  }
}

/** A sleeping resident, who does not move. */
async function bedroom(level: number): Promise<Uint8Array> {
  const scene = await createScene({
    identity: createIdentity(24),
    ...{ ...size, centre: { x: size.width / 2, y: size.height * 0.44 }, faceSize: size.height * 0.25 },
    light: { direction: -0.3, contrast: 1, level, warmth: 0 }
  })
  return (await scene.render({ units: { AU43: 1 } })).data
}

/** What a cloth close to the lens lets through: a gradient, some folds, no edge. */
function cloth(brightest: number, folds: number): Uint8Array {
  const data = new Uint8Array(size.width * size.height * 3)
  for (let i = 0; i < data.length; i++) {
    const x = (Math.floor(i / 3) % size.width) / size.width
    const y = Math.floor(i / 3 / size.width) / size.height
    const light = 0.4 + 0.5 * x - 0.3 * ((x - 0.5) ** 2 + (y - 0.5) ** 2) + folds * Math.sin(2 * Math.PI * (2 * x + y))
    data[i] = Math.max(0, Math.min(255, brightest * light))
  }
  return data
}

const even = (grey: number): Uint8Array => new Uint8Array(size.width * size.height * 3).fill(grey)

/** Paints a rectangle, in 0..1 of the picture, with stripes that `phase` moves. */
function stripe(frame: Uint8Array, [x0, y0, x1, y1]: readonly number[], phase: number): void {
  for (let y = Math.floor(y0! * size.height); y < y1! * size.height; y++)
    for (let x = Math.floor(x0! * size.width); x < x1! * size.width; x++)
      frame.fill((x * phase + y * 3) % 17 < 8 ? 230 : 20, (y * size.width + x) * 3, (y * size.width + x + 1) * 3)
}

let day: Uint8Array
let night: Uint8Array
beforeAll(async () => {
  day = await bedroom(1)
  night = await bedroom(0.1)
})

describe('a live picture', () => {
  it('of a sleeping scene with sensor noise is never frozen or dark in an hour', () => {
    const watch = new PictureWatch(size, [])
    const seen = states(watch, 3600, noisy(night, 2.5))
    expect(seen).toHaveLength(18_000)
    expect(new Set(seen)).toEqual(new Set(['ok']))
  })

  it('is live with a tenth of a grey level of noise left, in light and in a dim room', () => {
    // Of 1000 values some 26 differ by one: what an encoder leaves of it.
    for (const base of [day, night])
      expect(new Set(states(new PictureWatch(size, []), 60, noisy(base, 0.225)))).toEqual(new Set(['ok']))
  })

  it('of which the encoder sends a new picture only every 8 s is never frozen', () => {
    const live = noisy(night, 2.5)
    const seen = states(new PictureWatch(size, []), 120, (i) => live(Math.floor(i / (8 * fps))))
    expect(new Set(seen)).toEqual(new Set(['ok']))
  })

  it('of which it sends one only every 20 s is called frozen once at most, and then known', () => {
    const live = noisy(night, 2.5)
    const seen = states(new PictureWatch(size, []), 400, (i) => live(Math.floor(i / (20 * fps))))
    const changes = seen.filter((state, i) => state !== seen[i - 1])
    expect(changes).toEqual(['ok', 'frozen', 'ok'])
    expect(seen.lastIndexOf('frozen') / fps).toBeLessThanOrEqual(40)
  })
})

describe('a frozen picture', () => {
  it('is found, as a dark one is, where the config lets the camera give one picture in 12 s', () => {
    const { cameras } = configSchema.parse({
      device: 'box',
      mqtt: { url: 'mqtt://localhost' },
      cameras: [{ id: 'bed', url: 'rtsp://localhost/a', decoder: 'ffmpeg', silent_after_s: 30 }]
    })
    const { picture } = cameraOptions(cameras[0]!, { ffmpeg: { version: '5.1' } as Ffmpeg, nvidia: false })
    const still = Uint8Array.from(noisy(day, 2.5)(1))
    for (const [shown, state] of [
      [still, 'frozen'],
      [even(0), 'dark']
    ] as const) {
      const watch = new PictureWatch(size, [], picture)
      for (let at = 0; at < 120_000; at += 12_000) watch.look(shown, at)
      expect(watch.status.state).toBe(state)
    }
  })

  it('is over, too, where live pictures come further apart than a minute', () => {
    const watch = new PictureWatch(size, [], { silentAfterMs: 300_000 })
    const live = noisy(day, 2.5)
    const still = Uint8Array.from(live(1))
    let at = 0
    const stateOf = (pictures: number, shown: (index: number) => Uint8Array): string => {
      for (let i = 0; i < pictures; i++) {
        at += 90_000
        watch.look(shown(i), at)
      }
      return watch.status.state
    }
    expect(stateOf(6, () => still)).toBe('frozen')
    expect(stateOf(3, (i) => live(50 + i))).toBe('ok')
    expect(stateOf(20, (i) => live(60 + i))).toBe('ok')
  })

  it('is found after 10 s, said why, and over at the second live picture', () => {
    const watch = new PictureWatch(size, [])
    const live = noisy(day, 2.5)
    states(watch, 5, live)
    const still = Uint8Array.from(live(4711))
    const seen = states(watch, 12, () => still, 5)
    expect(secondsUntil(seen, 'frozen')).toBe(10)
    expect(watch.status.reason).toMatch(/same picture for 10 s/)
    expect(states(watch, 1, (i) => live(9000 + i), 17)).toEqual(['frozen', 'ok', 'ok', 'ok', 'ok'])
    expect(watch.status.reason).toBeUndefined()
  })

  it('stays frozen when a single new picture comes', () => {
    const watch = new PictureWatch(size, [])
    const live = noisy(day, 2.5)
    const stills = [1, 2].map((seed) => Uint8Array.from(live(seed)))
    expect(states(watch, 15, () => stills[0]!).at(-1)).toBe('frozen')
    expect(new Set(states(watch, 60, () => stills[1]!, 15))).toEqual(new Set(['frozen']))
  })

  it('is one that loops through a few pictures, too', () => {
    const live = noisy(day, 2.5)
    const loop = Array.from({ length: 3 * fps }, (_, i) => Uint8Array.from(live(i)))
    const seen = states(new PictureWatch(size, []), 20, (i) => loop[i % loop.length]!)
    expect(secondsUntil(seen, 'frozen')).toBe(12.8)
  })

  it('is found under the clock that a camera writes at its edge, but not where something moves in the middle', () => {
    const still = Uint8Array.from(noisy(day, 2.5)(1))
    const striped = (area: number[]) => (i: number) => {
      const frame = Uint8Array.from(still)
      stripe(frame, area, i ** 2 % 1009)
      return frame
    }
    const found = (area: number[]): boolean => states(new PictureWatch(size, []), 15, striped(area)).includes('frozen')
    expect(found([0.6, 0.02, 0.98, 0.09])).toBe(true)
    expect(found([0.02, 0.91, 0.5, 0.98])).toBe(true)
    expect(found([0.45, 0.4, 0.55, 0.55])).toBe(false)
  })

  it('is found under masks, and what is masked is no sign of life', () => {
    const mask: Polygon[] = [
      [
        [0.4, 0.3],
        [0.7, 0.3],
        [0.7, 0.7],
        [0.4, 0.7]
      ]
    ]
    const still = Uint8Array.from(noisy(day, 2.5)(1))
    const under = (i: number): Uint8Array => {
      const frame = Uint8Array.from(still)
      stripe(frame, [0.45, 0.4, 0.6, 0.6], i ** 2 % 1009)
      return frame
    }
    expect(states(new PictureWatch(size, maskSpans(mask, size, whole)), 15, under)).toContain('frozen')
    expect(states(new PictureWatch(size, []), 15, under)).not.toContain('frozen')
  })

  it('needs some pictures, however slowly they come', () => {
    const watch = new PictureWatch(size, [])
    const seen = Array.from({ length: 8 }, (_, i) => watch.look(day, i * 5000).state)
    expect(seen.indexOf('frozen')).toBe(pictureRules.frozenLeastPictures - 1)
  })

  it('does not take a gap in the stream for a repetition', () => {
    const watch = new PictureWatch(size, [])
    states(watch, 2, () => day)
    expect(states(watch, 2, () => day, 3600)).not.toContain('frozen')
  })
})

describe('a picture that shows nothing', () => {
  const nothing: Record<string, () => (seed: number) => Uint8Array> = {
    'black, without noise': () => () => even(0),
    'a cap with sensor noise': () => noisy(even(0), 6),
    'a cap with strong noise over a high black level': () => noisy(even(20), 8),
    'a bedroom whose light is out': () =>
      noisy(
        Uint8Array.from(day, (value) => value * 0.02),
        2.5
      ),
    'a dark cloth': () => noisy(cloth(40, 0.02), 4),
    'a bright cloth with folds': () => noisy(cloth(200, 0.06), 4),
    'the blue of a lost input': () => () => even(0).map((_, i) => (i % 3 === 2 ? 255 : 0))
  }
  for (const [name, picture] of Object.entries(nothing))
    it(`${name} is dark after 10 s, not frozen, and over 2 s after there is something again`, () => {
      const watch = new PictureWatch(size, [])
      const live = noisy(day, 2.5)
      states(watch, 5, live)
      const seen = states(watch, 30, picture(), 5)
      expect(secondsUntil(seen, 'dark')).toBe(10)
      expect(new Set(seen.slice(10 * fps))).toEqual(new Set(['dark']))
      expect(watch.status.reason).toMatch(/grey levels/)
      expect(secondsUntil(states(watch, 5, live, 35), 'ok')).toBe(2)
    })

  it('is none where a dim night room is, or a bright window in the dark', () => {
    const window = even(4)
    for (let y = 20; y < 55; y++) window.fill(90, (y * size.width + 100) * 3, (y * size.width + 130) * 3)
    for (const base of [night, window])
      for (const noise of [2.5, 6])
        expect(new Set(states(new PictureWatch(size, []), 30, noisy(base, noise)))).toEqual(new Set(['ok']))
  })

  it('does not flap at its limit', async () => {
    const watch = new PictureWatch(size, [])
    const dim = await Promise.all([0.038, 0.05].map(async (level) => noisy(await bedroom(level), 2)))
    const seen = states(watch, 300, (i) => dim[Math.floor(i / (15 * fps)) % 2]!(i))
    const changes = seen.filter((state, i) => state !== seen[i - 1])
    expect(changes).toEqual(['ok', 'dark'])
  })
})

describe('black bars beside the picture', () => {
  /** The middle of the frame at half its width, as of a camera that stands upright. */
  function upright(base: Uint8Array): Uint8Array {
    const frame = even(0)
    for (let y = 0; y < size.height; y++)
      frame.set(base.subarray((y * size.width + 40) * 3, (y * size.width + 120) * 3), (y * size.width + 40) * 3)
    return frame
  }
  const between = (live: (seed: number) => Uint8Array) => (seed: number) => upright(live(seed))
  const last = (picture: (i: number) => Uint8Array): PictureStatus['state'] | string | undefined =>
    states(new PictureWatch(size, []), 15, picture).at(-1)

  it('hide neither life nor its absence', () => {
    const still = upright(noisy(day, 2.5)(1))
    expect(last(between(noisy(day, 2.5)))).toBe('ok')
    expect(last(between(noisy(night, 0.225)))).toBe('ok')
    expect(last(() => still)).toBe('frozen')
  })

  it('make no structure with what lies between them', () => {
    expect(last(between(noisy(even(20), 6)))).toBe('dark')
    expect(last(between(noisy(cloth(200, 0.05), 4)))).toBe('dark')
  })
})

describe('damaged pictures', () => {
  /** The state after each picture of a live scene, of which those are damaged. */
  const statesOf = (seconds: number, isDamaged: (second: number) => boolean): string[] => {
    const watch = new PictureWatch(size, [])
    const picture = noisy(day, 2.5)
    const look = (_: unknown, i: number) => watch.look(picture(i), (i / fps) * 1000, [], isDamaged(i / fps)).state
    return Array.from({ length: seconds * fps }, look)
  }

  it('for 2 s, or for 1 s of every 3, leave the camera ok', () => {
    expect(new Set(statesOf(20, (s) => s >= 5 && s < 7))).toEqual(new Set(['ok']))
    expect(new Set(statesOf(30, (s) => s % 3 < 1))).toEqual(new Set(['ok']))
  })

  it('make it damaged after 2.5 s, and ok again at the latest 4 s after the last of them', () => {
    const seen = statesOf(30, (s) => s >= 5 && s < 15)
    expect(secondsUntil(seen, 'damaged')).toBeCloseTo(7.4, 1)
    const over = seen.lastIndexOf('damaged') / fps
    expect(over).toBeGreaterThan(15)
    expect(over).toBeLessThan(19)
    expect(seen.at(-1)).toBe('ok')
  })

  it('with single whole ones between them make it damaged, too', () => {
    expect(statesOf(20, (s) => (s * fps) % 5 >= 1).at(-1)).toBe('damaged')
  })

  it('do not end that a camera is frozen, whatever they show', () => {
    const watch = new PictureWatch(size, [])
    states(watch, 15, () => day)
    expect(watch.status.state).toBe('frozen')
    const smeared = noisy(day, 2.5)
    for (let i = 0; i < 5; i++) watch.look(smeared(i), 15_000 + i * 200, [], true)
    expect(watch.status.state).toBe('frozen')
  })
})

describe('what an installer may set', () => {
  it('is how long, or never', () => {
    const frozenAfter = (frozenAfterMs: number): string[] =>
      states(new PictureWatch(size, [], { frozenAfterMs }), 60, () => day)
    expect(secondsUntil(frozenAfter(30_000), 'frozen')).toBe(30)
    expect(frozenAfter(Number.POSITIVE_INFINITY)).not.toContain('frozen')
    const never = new PictureWatch(size, [], { darkAfterMs: Number.POSITIVE_INFINITY })
    expect(new Set(states(never, 60, noisy(even(0), 6)))).toEqual(new Set(['ok']))
  })

  it('may also be masks over everything: then there is nothing to judge by', () => {
    const all: Polygon[] = [
      [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1]
      ]
    ]
    expect(new Set(states(new PictureWatch(size, maskSpans(all, size, whole)), 60, () => even(0)))).toEqual(
      new Set(['ok'])
    )
  })
})
