/** The VGG-Face topology as data, and networks of it as ONNX files with manifests. */
export { buildVgg } from './build.js'
export {
  featureSize,
  layersOf,
  parameterCount,
  type VggLayer,
  type VggSpec,
  vggDemo,
  vggFace,
  type WeightedLayer,
  weightCount,
  weightedLayersOf
} from './spec.js'
export { type LayerWeights, randomWeights, type VggWeights } from './weights.js'
export { type VggDescription, vggFaceMean, vggInput, writeRandomVgg, writeVgg } from './write.js'
