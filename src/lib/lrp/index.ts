/**
 * Layer-wise Relevance Propagation for ONNX classifiers: which input values speak for a class, and which against it.
 * Rules (`rules`), which rule goes to which layer (`composites`), and the explainer that carries them out.
 */
export {
  type Composite,
  type CompositeName,
  type CompositeOptions,
  compositeNames,
  compositeOf,
  type Match,
  needsBounds,
  type PlainCompositeName,
  plainCompositeNames,
  usesGamma
} from './composites.js'
export { type EngineName, engineNames, type Sample } from './engine.js'
export { judgingModelOf, lrpModelOf, lrpNames } from './engines/onnx-graph.js'
export {
  createExplainer,
  type Explainer,
  type ExplainerOptions,
  type Relevance
} from './explainer.js'
export { foldConstants } from './graph/fold-constants.js'
export { layerGraphOf, readLayerGraph } from './graph/index.js'
export type { Bound } from './input-bounds.js'
export * as rules from './rules.js'
export type { Target, Weighting } from './targets.js'
