/** Checks of explanations: whether they depend on the model, and whether the model depends on what they show. */
export {
  areaOf,
  type Curve,
  type FlippingCurves,
  type FlippingVerdict,
  flippedShares,
  judgeFlipping,
  type Predict,
  randomCurves,
  randomOrders,
  relevanceCurves
} from './pixel-flipping.js'
export {
  cascadeSteps,
  halfwayOf,
  judgeRandomisation,
  type Likeness,
  likenessOf,
  type RandomisationOutcome,
  type RandomisationVerdict,
  shuffleTensor,
  weightedLayers
} from './randomisation.js'
export { openShuffledModel } from './shuffled-model.js'
