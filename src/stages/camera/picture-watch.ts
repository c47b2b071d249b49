import type { Size } from '../../core/types.js'
import type { Span } from './masks.js'
import { type GridSample, SampleGrid, type Structure, StructureMeter } from './picture-structure.js'

/** In ms; Infinity never says so. */
export interface PictureTiming {
  /** The same picture for so long is frozen. */
  frozenAfterMs: number
  /** Nothing to be seen for so long is dark. */
  darkAfterMs: number
  /** The camera may be without a picture for so long before it is opened anew. */
  silentAfterMs: number
}

const defaultPictureTiming: PictureTiming = { frozenAfterMs: 10_000, darkAfterMs: 10_000, silentAfterMs: 10_000 }

/** A stream that is too damaged to be watched, by how much of the last pictures' time was that of damaged ones. */
const damageRules = {
  windowMs: 5000,
  /** So much is damaged; it is over below `wholeMs`. One lost packet costs the pictures up to the next key frame, 1 or 2 s. */
  damagedMs: 2500,
  wholeMs: 1500
} as const

/** How a picture that looks alive and is not is told from one that is; docs/measured/cameras.md has the figures behind the numbers. */
export const pictureRules = {
  /** Of the sampled pixels: so many may differ between two pictures that count as the same. */
  sameUpTo: 0.005,
  /** Fewer pictures are not called frozen, however long they take. */
  frozenLeastPictures: 5,
  /** A frozen camera is live again at the second new picture within so long: one alone may be the encoder's. */
  liveWithinMs: 10_000,
  /** Or at the second that comes at all, when an encoder spares the pictures between its key frames: from then on it is
   * waited for twice as long as they took, up to this, or `silentAfterMs` where that is more. */
  longestPatienceMs: 60_000,
  /** A dark camera shows something again once it has for so long. */
  seenAfterMs: 2000,
  /** Nothing is to be seen below any of these: grey levels, or contrast as a share of the brightness. */
  dark: { brightness: 6, contrast: 2, relativeContrast: 0.05 },
  /** A dark camera has to be above all of these instead. */
  seen: { brightness: 8, contrast: 2.6, relativeContrast: 0.07 },
  /** The time from one picture to the next counts as that of a condition up to this, or to `silentAfterMs` where that is
   * more; beyond that it is unknown. */
  longestGapMs: 10_000
} as const

export interface PictureStatus {
  state: 'ok' | 'frozen' | 'dark' | 'damaged'
  reason?: string
}

/**
 * Finds out whether a camera's pictures are whole, show something and live, from a sparse sample of each. Pure: its clock is the
 * frames'. A live sensor's noise makes a picture that was never there before at the latest with the encoder's next key
 * frame; a repeated picture, also an encoded one, comes back to what has been there.
 */
export class PictureWatch {
  readonly #timing: PictureTiming
  readonly #size: Size
  #masks: readonly Span[]
  #grid: SampleGrid
  #sample: GridSample
  #structure: StructureMeter
  #album = new Album()
  readonly #repeated = new Held()
  readonly #blind = new Held()
  readonly #seen = new Held()
  /** Of the pictures that are whole. */
  #status: PictureStatus = { state: 'ok' }
  readonly #damage = new DamageWatch()
  #lastAt: number | undefined
  #lastNewAt = Number.NEGATIVE_INFINITY
  /** New pictures while frozen that came one by one. */
  #rare = 0
  /** How long a picture may stay the same; grows when the camera turns out to be live after all. */
  #patienceMs: number

  /** @param masks as `maskSpans` gives them */
  constructor(size: Size, masks: readonly Span[], timing: Partial<PictureTiming> = {}) {
    this.#timing = { ...defaultPictureTiming, ...timing }
    this.#patienceMs = this.#timing.frozenAfterMs
    this.#size = size
    this.#masks = masks
    this.#grid = new SampleGrid(size, masks)
    this.#sample = this.#grid.newSample()
    this.#structure = new StructureMeter(this.#grid)
  }

  get status(): PictureStatus {
    return this.#damage.status ?? this.#status
  }

  /**
   * @param frame RGB24 of the watch's size, masked already; it is not kept
   * @param at in ms, growing
   * @param masks another array than before where the picture's place in the frame has changed
   * @param damaged such a picture says nothing of what the camera sees
   */
  look(frame: Uint8Array, at: number, masks = this.#masks, damaged = false): PictureStatus {
    this.#damage.add(at, damaged)
    if (!damaged) this.#lookAt(frame, at, masks)
    return this.status
  }

  #lookAt(frame: Uint8Array, at: number, masks: readonly Span[]): void {
    if (masks !== this.#masks) this.#reshape(masks)
    // Masks may leave nothing to judge by.
    if (this.#grid.length === 0) return
    this.#grid.read(frame, this.#sample)
    const structure = this.#structure.measure(this.#sample)
    const isNew = this.#album.isNew(this.#sample.grey, this.#tolerated())
    const blind = showsNothing(structure, this.#status.state === 'dark' ? pictureRules.seen : pictureRules.dark)
    const gap = at - (this.#lastAt ?? at)
    this.#lastAt = at
    const longestMs = Math.max(pictureRules.longestGapMs, this.#timing.silentAfterMs)
    const elapsed = gap >= 0 && gap <= longestMs ? gap : 0
    this.#blind.add(blind, elapsed)
    this.#seen.add(!blind, elapsed)
    if (isNew) this.#repeated.reset()
    // A black picture is the same each time: that is dark, not frozen.
    this.#repeated.add(!blind, elapsed)
    this.#step(structure)
    if (isNew) this.#onNew(at)
  }

  /** What was kept of pictures in another place cannot be compared. */
  #reshape(masks: readonly Span[]): void {
    this.#masks = masks
    this.#grid = new SampleGrid(this.#size, masks)
    this.#sample = this.#grid.newSample()
    this.#structure = new StructureMeter(this.#grid)
    this.#album = new Album()
  }

  #step(structure: Structure): void {
    const { state } = this.#status
    const { ms, pictures } = this.#repeated
    const { seenAfterMs, frozenLeastPictures } = pictureRules
    if (state !== 'dark' && this.#blind.ms >= this.#timing.darkAfterMs) this.#set('dark', darkReason(structure))
    else if (state === 'dark' && this.#seen.ms >= seenAfterMs) this.#set('ok')
    else if (state === 'ok' && ms >= this.#patienceMs && pictures >= frozenLeastPictures)
      this.#set('frozen', `the same picture for ${Math.round(ms / 1000)} s`)
  }

  #onNew(at: number): void {
    const gap = at - this.#lastNewAt
    this.#lastNewAt = at
    if (this.#status.state !== 'frozen') return
    const { liveWithinMs } = pictureRules
    const mostMs = Math.max(pictureRules.longestPatienceMs, this.#timing.silentAfterMs)
    if (gap <= liveWithinMs) this.#set('ok')
    else if (gap <= mostMs && ++this.#rare === 2) {
      this.#patienceMs = Math.max(this.#patienceMs, Math.min(mostMs, 2 * gap))
      this.#set('ok')
    }
  }

  #set(state: PictureStatus['state'], reason?: string): void {
    this.#status = { state, reason }
    this.#rare = 0
  }

  /** Bars beside the picture never differ, so only what lies between them counts. */
  #tolerated(): number {
    return Math.floor(pictureRules.sameUpTo * this.#grid.length * this.#grid.shareOf(this.#sample))
  }
}

const tooDamaged: PictureStatus = {
  state: 'damaged',
  reason: 'data of its pictures is missing on the way, or cannot be decoded'
}

/** How much of what has come of late is damaged. */
class DamageWatch {
  /** A picture's time is that since the one before. */
  readonly #pictures: { at: number; ms: number; damaged: boolean }[] = []
  #status: PictureStatus | undefined

  /** Undefined while there is no more of it than a stream is watched with. */
  get status(): PictureStatus | undefined {
    return this.#status
  }

  add(at: number, damaged: boolean): void {
    const { windowMs, damagedMs, wholeMs } = damageRules
    const elapsed = at - (this.#pictures.at(-1)?.at ?? at)
    this.#pictures.push({ at, ms: Math.min(Math.max(0, elapsed), windowMs), damaged })
    while (this.#pictures[0]!.at <= at - windowMs) this.#pictures.shift()
    let ms = 0
    for (const picture of this.#pictures) if (picture.damaged) ms += picture.ms
    if (ms >= damagedMs) this.#status = tooDamaged
    else if (ms < wholeMs) this.#status = undefined
  }
}

/** For how long, and for how many pictures, something has held without a break. */
class Held {
  ms = 0
  pictures = 0

  /** @param elapsed since the picture before */
  add(holds: boolean, elapsed: number): void {
    if (!holds) this.reset()
    else if (this.pictures++ > 0) this.ms += elapsed
  }

  reset(): void {
    this.ms = 0
    this.pictures = 0
  }
}

type DarkRules = Record<'brightness' | 'contrast' | 'relativeContrast', number>

function showsNothing({ brightness, contrast }: Structure, least: DarkRules): boolean {
  return brightness < least.brightness || contrast < least.contrast || contrast < least.relativeContrast * brightness
}

function darkReason({ brightness, contrast }: Structure): string {
  return brightness < pictureRules.dark.brightness
    ? `the brightest part has ${Math.round(brightness)} of 255 grey levels`
    : `nothing stands out: ${contrast.toFixed(1)} grey levels of contrast at a brightness of ${Math.round(brightness)}`
}

/** Distinct pictures kept per camera, 15 kB each: what one group of pictures of an encoder may hold after it has settled. */
const capacity = 32

/** The distinct pictures of late, to know one that comes again. */
class Album {
  /** The one seen last is first. */
  readonly #pictures: Uint8Array[] = []

  /**
   * Whether the picture is like none of the album, which takes it in then; the one not seen for longest goes.
   * @param tolerated up to so many values may differ, by however much
   */
  isNew(picture: Uint8Array, tolerated: number): boolean {
    const pictures = this.#pictures
    const known = pictures.findIndex((candidate) => !differs(candidate, picture, tolerated))
    const [kept = new Uint8Array(picture.length)] =
      known >= 0 ? pictures.splice(known, 1) : pictures.splice(capacity - 1, 1)
    pictures.unshift(kept)
    if (known < 0) kept.set(picture)
    return known < 0
  }
}

function differs(a: Uint8Array, b: Uint8Array, tolerated: number): boolean {
  let left = tolerated
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && --left < 0) return true
  return false
}
