import { type CompositeOptions, needsBounds } from '../../lib/lrp/composites.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { boundsOf } from '../../lib/model/preprocess.js'

/** What a composite needs to know of the model's input: with a box, the lowest and the highest that a picture can give. */
export function inputOptionsOf({ input }: Manifest, composite: string): Pick<CompositeOptions, 'inputLayerRule'> {
  return needsBounds(composite) ? { inputLayerRule: boundsOf(input) } : {}
}
