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
export { createElder, createIdentity, type Identity } from './identity.js'
export { type Light, randomLight } from './light.js'
export { renderPortrait } from './portrait.js'
export type { Rendered } from './rendered.js'
export { createScene, type FrameOptions, type Scene } from './scene.js'
