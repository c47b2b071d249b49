/** The VGG-Face topology as data, and networks of it as ONNX files with manifests. */
export {
  buildVgg,
  type LayerWeights,
  randomWeights,
  type VggDescription,
  type VggWeights,
  vggFaceMean,
  vggInput,
  writeRandomVgg,
  writeVgg
} from './build.js'
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
