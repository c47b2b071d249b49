/** Whether explanations deserve trust: do they follow the model, and does what they show matter to it? */
export {
  areaOf,
  type Curve,
  type FlippingCurves,
  type FlippingVerdict,
  flippedShares,
  judgeFlipping,
  type Predict,
  randomCurves,
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
