/**
 * Where training begins, by VGG-Face's names: the last dense layer (fc8), the one or two before it, the convolutions behind the
 * last pooling but one (conv5_1), or everything.
 */
export const trainFroms = ['fc8', 'fc7', 'fc6', 'conv5_1', 'all'] as const
export type TrainFrom = (typeof trainFroms)[number]

/**
 * How weights follow their gradients. `momentum` is v' = μv − rate·g, w' = w + v' (Sutskever et al. 2013, eq. 1 and 2, as
 * Caffe and Keras have it), `adam` is Kingma and Ba 2015 with both moments corrected for their start at zero.
 */
export const optimizerNames = ['momentum', 'sgd', 'adam'] as const
export type OptimizerName = (typeof optimizerNames)[number]
