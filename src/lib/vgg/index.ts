/** The VGG-Face topology as data, and networks of it as ONNX files with manifests. */
export { buildVgg } from './build.js'
export {
  featureSize,
  layersOf,
  parameterCount,
  type VggSpec,
  vggDemo,
  vggFace,
  type WeightedLayer,
  weightedLayersOf
} from './spec.js'
export { type LayerWeights, randomWeights, type VggWeights } from './weights.js'
export { vggInput, writeRandomVgg, writeVgg } from './write.js'
