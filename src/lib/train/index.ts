/** Fine-tunes the last layers of a classifier: each step is an ONNX graph that ONNX Runtime runs. */
export { type Chain, chainOf, featureCount, type TrainFrom, trainedCount, trainFroms } from './chain.js'
export { frozenPart, trainedModel } from './export.js'
export { type OptimizerName, optimizerNames } from './graph.js'
export { type Batch, Trainer, type TrainerOptions } from './trainer.js'
