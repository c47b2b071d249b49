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
  parameterCount,
  type VggSpec,
  vggDemo,
  vggFace,
  vggLayers as layersOf,
  type WeightedLayer,
  weightedLayersOf
} from './spec.js'
