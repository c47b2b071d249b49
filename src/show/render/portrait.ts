import type { ActionUnits } from './action-units.js'
import { drawBed } from './draw/bed.js'
import { drawFace } from './draw/face.js'
import { frontal, type Pose } from './geometry.js'
import type { Identity } from './identity.js'
import { type Light, roomLight } from './light.js'
import { faceUnits, rasterRgb, svgDocument } from './raster.js'
import { type Rendered, truthOf } from './rendered.js'
import { addNoise, applyLight, type Sensor } from './sensor.js'
import { shapeFace } from './shape/index.js'

export interface PortraitOptions extends Sensor {
  identity: Identity
  units: ActionUnits
  pose?: Pose
  light?: Light
  /** Width of the face in pixels; the picture is a square of twice that. */
  faceSize: number
}

/** A head on its pillow. `seed` (the person's unless given) chooses pillow, wall and noise, never the face. */
export async function renderPortrait(options: PortraitOptions): Promise<Rendered> {
  const {
    identity,
    units,
    pose = frontal,
    light = roomLight,
    faceSize,
    noise = 0,
    blur = 0,
    seed = identity.seed
  } = options
  const shape = shapeFace(identity, units)
  const face = drawFace(shape, pose, light)
  const bed = drawBed(identity, light, seed)
  const side = Math.round(faceSize * 2)
  const size = { width: side, height: side }
  const placement = { centre: { x: side / 2, y: side * 0.49 }, scale: faceSize / faceUnits }
  const data = await rasterRgb(svgDocument(size, placement, bed.defs + face.defs, bed.body + face.body), blur)
  applyLight(data, { x: 0, y: 0, ...size, channels: 3 }, size, light)
  addNoise(data, side, noise, seed)
  return { ...size, data, ...truthOf(shape, units, face.projection, placement) }
}
