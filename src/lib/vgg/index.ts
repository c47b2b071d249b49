/** The VGG-Face topology as data, and networks of it as ONNX files with manifests. */
export {
  buildVgg,
  type LayerWeights,
  randomWeights,
  type VggWeights,
  vggInput,
  writeRandomVgg,
  writeVgg
} from './build.js'
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
