import { ModelError } from '../../core/errors.js'
import type { Engine } from '../../lib/lrp/engine.js'
import { explainerOf } from '../../lib/lrp/explainer.js'
import { createExplainer, type Explainer, type ExplainerOptions } from '../../lib/lrp/index.js'
import { checkShapes, declaredDims, type Manifest } from '../../lib/model/manifest.js'
import { batchDims } from '../../lib/model/preprocess.js'
import type { RelevanceSource } from './explain-crop.js'
import { inputOptionsOf } from './input-options.js'

/** A manifest's model, open for LRP under one composite. */
export interface ModelSource
  extends Pick<RelevanceSource, 'head' | 'classes' | 'cancels'>,
    Pick<Explainer, 'engine' | 'explain' | 'close'> {}

export type SourceOptions = Omit<ExplainerOptions, 'model' | 'head' | 'output' | 'inputDims'> & {
  composite: string
  /** The manifest's own unless given: another of the same shapes. */
  model?: ExplainerOptions['model']
}

/**
 * Opens a manifest's model for LRP, read as the manifest says, and holds its shapes against it.
 * @throws ModelError, UnsupportedModelError, UsageError (unknown composite), InferenceError as `createExplainer` does
 */
export async function openSource(manifest: Manifest, options: SourceOptions): Promise<ModelSource> {
  const { file, head, output, input } = manifest
  const reading = { head, output, inputDims: batchDims(input, 1) }
  const explainer = await createExplainer({
    model: file,
    ...inputOptionsOf(manifest, options.composite),
    ...options,
    ...reading
  })
  return checkedSource(manifest, explainer)
}

/** The same over an engine that is open for the manifest's model. */
export function sourceOver(manifest: Manifest, engine: Engine): Promise<ModelSource> {
  return checkedSource(manifest, explainerOf(engine))
}

async function checkedSource(manifest: Manifest, explainer: Explainer): Promise<ModelSource> {
  try {
    checkShapes(manifest, declaredDims(explainer.inputDims), explainer.classes)
    return withHead(explainer, manifest.file)
  } catch (error) {
    await explainer.close()
    throw error
  }
}

function withHead(explainer: Explainer, file: string): ModelSource {
  const { head, classes, cancels, engine } = explainer
  if (head === null)
    throw new ModelError('PL-MODEL-HEAD', 'the graph does not say how its outputs are to be read', file)
  return {
    head,
    classes,
    cancels,
    engine,
    explain: (sample, options) => explainer.explain(sample, options),
    close: () => explainer.close()
  }
}
