import type { Point, Size } from '../../core/types.js'
import type { ActionUnits } from './action-units.js'
import { drawBed } from './draw/bed.js'
import { drawFace } from './draw/face.js'
import { frontal, type Pose } from './geometry.js'
import type { Identity } from './identity.js'
import { type Light, roomLight } from './light.js'
import { clamp } from './numbers.js'
import { blurRgb, compose, faceUnits, type Placement, rasterRgb, rasterRgba, svgDocument } from './raster.js'
import { type Rendered, truthOf } from './rendered.js'
import { addNoise, applyLight, type Sensor } from './sensor.js'
import { shapeFace } from './shape/index.js'

export interface SceneOptions extends Size {
  identity: Identity
  /** Where the middle of the face lies, in pixels. */
  centre: Point
  /** Width of the face in pixels. */
  faceSize: number
  light?: Light
  /** Of room and bed; the person's unless given. */
  seed?: number
}

export interface FrameOptions extends Sensor {
  units: ActionUnits
  pose?: Pose
  /** Written to instead of a new array, where given: width * height * 3 bytes. */
  into?: Uint8Array
}

/** A resident in bed as a room camera sees them. */
export interface Scene extends Size {
  readonly identity: Identity
  render(frame: FrameOptions): Promise<Rendered>
}

/** Draws room and bed once, so that a frame costs no more than its head. */
export async function createScene(options: SceneOptions): Promise<Scene> {
  const { identity, width, height, light = roomLight, seed = identity.seed } = options
  const placement = { centre: options.centre, scale: options.faceSize / faceUnits }
  const size = { width, height }
  const bed = drawBed(identity, light, seed)
  const ground = await rasterRgb(svgDocument(size, placement, bed.defs, bed.body))
  applyLight(ground, { x: 0, y: 0, ...size, channels: 3 }, size, light)
  return new BedScene(identity, size, placement, light, ground)
}

/** Where the drawn head may reach, in face units around its origin. */
const reach = { left: 200, top: 210, right: 200, bottom: 215 }

class BedScene implements Scene {
  readonly width: number
  readonly height: number
  readonly #patch: Point & Size
  /** The last blur asked for and the background so blurred: a camera does not change its focus. */
  #softened: { blur: number; ground: Uint8Array } | undefined

  constructor(
    readonly identity: Identity,
    private readonly size: Size,
    private readonly placement: Placement,
    private readonly light: Light,
    private readonly ground: Uint8Array
  ) {
    this.width = size.width
    this.height = size.height
    this.#patch = patchOf(size, placement)
  }

  async render({ units, pose = frontal, noise = 0, blur = 0, seed = 1, into }: FrameOptions): Promise<Rendered> {
    const { size, placement, light, identity } = this
    const shape = shapeFace(identity, units)
    const face = drawFace(shape, pose, light)
    const patch = this.#patch
    const inPatch = {
      centre: { x: placement.centre.x - patch.x, y: placement.centre.y - patch.y },
      scale: placement.scale
    }
    const head = await rasterRgba(svgDocument(patch, inPatch, face.defs, face.body))
    applyLight(head, { ...patch, channels: 4 }, size, light)
    const data = into ?? new Uint8Array(this.ground.length)
    data.set(await this.#ground(blur))
    if (blur >= 0.3) await this.#composeBlurred(data, head, blur)
    else compose(data, size.width, head, patch)
    addNoise(data, size.width, noise, seed)
    return { ...size, data, ...truthOf(shape, units, face.projection, placement) }
  }

  async #ground(blur: number): Promise<Uint8Array> {
    if (blur < 0.3) return this.ground
    if (this.#softened?.blur !== blur) this.#softened = { blur, ground: await blurRgb(this.ground, this.size, blur) }
    return this.#softened.ground
  }

  async #composeBlurred(data: Uint8Array, head: Uint8Array, blur: number): Promise<void> {
    const patch = this.#patch
    const sharpPatch = new Uint8Array(patch.width * patch.height * 3)
    copyRows(this.ground, this.size.width, patch, sharpPatch, patch.width, { x: 0, y: 0 }, patch)
    compose(sharpPatch, patch.width, head, { x: 0, y: 0, width: patch.width, height: patch.height })
    const soft = await blurRgb(sharpPatch, patch, blur)
    copyRows(soft, patch.width, { x: 0, y: 0 }, data, this.size.width, patch, patch)
  }
}

function patchOf({ width, height }: Size, { centre, scale }: Placement): Point & Size {
  const x = clamp(Math.floor(centre.x - reach.left * scale), 0, width - 1)
  const y = clamp(Math.floor(centre.y - reach.top * scale), 0, height - 1)
  return {
    x,
    y,
    width: clamp(Math.ceil(centre.x + reach.right * scale), x + 1, width) - x,
    height: clamp(Math.ceil(centre.y + reach.bottom * scale), y + 1, height) - y
  }
}

function copyRows(
  from: Uint8Array,
  fromWidth: number,
  at: Point,
  to: Uint8Array,
  toWidth: number,
  place: Point,
  size: Size
): void {
  for (let y = 0; y < size.height; y++) {
    const start = ((at.y + y) * fromWidth + at.x) * 3
    to.set(from.subarray(start, start + size.width * 3), ((place.y + y) * toWidth + place.x) * 3)
  }
}
