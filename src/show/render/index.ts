export {
  type ActionUnits,
  blendUnits,
  type Expression,
  expressions,
  expressionUnits,
  type UnitName,
  unitNames
} from './action-units.js'
export { frontal, type Pose, randomPose } from './geometry.js'
export { type BeardStyle, createIdentity, type HairStyle, type Identity } from './identity.js'
export { type Light, randomLight, roomLight } from './light.js'
export { type PortraitOptions, renderPortrait } from './portrait.js'
export type { Rendered } from './rendered.js'
export { createScene, type FrameOptions, type Scene, type SceneOptions } from './scene.js'
export type { Sensor } from './sensor.js'
