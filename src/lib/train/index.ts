/** Fine-tunes the last layers of a classifier: each step is an ONNX graph that ONNX Runtime runs. */
export { type Chain, chainOf, featureCount, trainedCount } from './chain.js'
export { type OptimizerName, type TrainFrom, trainFroms } from './choices.js'
export { frozenPart, trainedModel } from './export.js'
export { type Batch, Trainer } from './trainer.js'
