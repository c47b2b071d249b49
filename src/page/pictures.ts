/** Pictures for technicians: requested by camera, for a limited time, and encoded once for all viewers. */
import { InputError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { Box, Size, UnusableReason } from '../core/types.js'
import { faceWidth } from '../lib/face/similarity.js'
import { loadSharp } from '../lib/picture/sharp.js'
import type { SightAnswer } from './wire.js'

/** A frame as painlens sees it: RGB24 with masks blacked out; boxes are in pixels of the frame. */
export interface SeenFrame extends Size {
  /** Where the camera's picture lies in it. */
  picture: Box
  data: Uint8Array
  /** Null where it was not searched for faces. */
  faces: readonly SeenFace[] | null
}

interface SeenFace {
  box: Box
  roll: number
  whyNot: UnusableReason | null
  /** x0 y0 … of its points. */
  landmarks?: Float32Array
}

export interface PicturesOptions {
  /** The next frame. @throws as a camera that is paused or gives no picture does */
  view: (camera: string, signal: AbortSignal) => Promise<SeenFrame>
  isPaused: (camera: string) => boolean
  cameras: () => Iterable<string>
  now: () => number
  log: Log
}

export interface CameraPicture {
  jpeg: Buffer
  sight: SightAnswer
}

/** For how long a picture may be looked at before it has to be asked for anew. */
export const lookMs = 10 * 60_000
/** At most two pictures a second of each camera, however many look. */
const leastMs = 500
const quality = 70
const mostLooks = 1000
/** They go in a header, whose length is limited. */
const mostWithLandmarks = 6

export class Pictures {
  readonly #options: PicturesOptions
  readonly #looks = new Map<string, number>()
  /** By camera, the last picture or the one under way. */
  readonly #last = new Map<string, { begun: number; picture: Promise<CameraPicture> }>()
  readonly #stopping = new AbortController()

  constructor(options: PicturesOptions) {
    this.#options = options
  }

  /** Logged before the first picture is given. @returns for how many ms. @throws InputError for an unknown camera */
  look(camera: string, by: string): number {
    const { cameras, now, log } = this.#options
    if (![...cameras()].includes(camera))
      throw new InputError('PL-SNAPSHOT-CAMERA', 'is not one of those that are watched', `camera ${camera}`)
    log.info({ camera, by, minutes: lookMs / 60_000 }, 'a technician looks at pictures of this camera on the page')
    const [oldest] = this.#looks.keys()
    if (this.#looks.size >= mostLooks) this.#looks.delete(oldest!)
    this.#looks.set(lookOf(camera, by), now() + lookMs)
    return lookMs
  }

  /** @throws InputError without a look, when it is over, and during a pause; as `view` does */
  async picture(camera: string, by: string): Promise<CameraPicture> {
    const { now } = this.#options
    if ((this.#looks.get(lookOf(camera, by)) ?? 0) <= now())
      throw new InputError(
        'PL-PAGE-LOOK',
        'nothing is shown before it is asked for, nor after its time',
        `camera ${camera}`
      )
    this.#refusePaused(camera)
    const last = this.#last.get(camera)
    const isFresh = last && now() - last.begun < leastMs
    const { picture } = isFresh ? last : this.#take(camera)
    const taken = await picture
    // A pause that has begun meanwhile covers what was under way, too.
    this.#refusePaused(camera)
    return taken
  }

  stop(): void {
    this.#stopping.abort(new InputError('PL-CONTROL-STOPPING', 'painlens is stopping', 'page'))
  }

  #take(camera: string): { begun: number; picture: Promise<CameraPicture> } {
    const { view, now } = this.#options
    const taken = { begun: now(), picture: view(camera, this.#stopping.signal).then(encoded) }
    this.#last.set(camera, taken)
    // No picture of a person is kept longer than it is shared.
    const forget = (): void => {
      if (this.#last.get(camera) === taken) this.#last.delete(camera)
    }
    taken.picture.then(() => setTimeout(forget, leastMs).unref(), forget)
    return taken
  }

  #refusePaused(camera: string): void {
    if (!this.#options.isPaused(camera)) return
    this.#last.delete(camera)
    throw new InputError('PL-SNAPSHOT-PAUSED', 'is paused for care: no picture of it is given', `camera ${camera}`)
  }
}

const lookOf = (camera: string, by: string): string => JSON.stringify([camera, by])

/** The camera's picture alone, without the bars beside it; boxes as shares of it. */
async function encoded({ width, height, picture, data, faces }: SeenFrame): Promise<CameraPicture> {
  const area = { left: picture.x, top: picture.y, width: picture.width, height: picture.height }
  const sharp = loadSharp()
  const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
    .extract(area)
    .jpeg({ quality })
    .toBuffer()
  const share = (box: Box): [number, number, number, number] => [
    (box.x - picture.x) / picture.width,
    (box.y - picture.y) / picture.height,
    box.width / picture.width,
    box.height / picture.height
  ]
  const told = faces?.map(({ box, roll, whyNot, landmarks = [] }, i) => ({
    box: share(box),
    px: Math.round(faceWidth(box, roll)),
    roll_deg: Math.round(roll),
    why_not: whyNot,
    landmarks:
      i < mostWithLandmarks ? Array.from(landmarks, (at, k) => Math.round(at - (k % 2 ? picture.y : picture.x))) : []
  }))
  return { jpeg, sight: { width: picture.width, height: picture.height, faces: told ?? null } }
}
