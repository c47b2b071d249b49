import { InferenceError } from '../core/errors.js'
import type { Crop } from '../core/types.js'
import { serveWorker, Transferred } from '../core/worker-server.js'
import { createExplainer } from '../lrp/index.js'
import { checkShapes, type Manifest } from '../model/manifest.js'
import { type CropExplainer, type CropExplanation, explainCrop } from './explain-crop.js'
import { viewsAtOnce } from './explain-views.js'
import { warmUpCrop } from './warm-up.js'

export interface OpenRequest {
  manifest: Manifest
  engine: 'tfjs'
  composite: string
  threads: number
  views: number
}

export interface CropRequest {
  crop: Crop
  target: 'max' | number
}

let open: CropExplainer | undefined

const methods = {
  /** Loads the model and explains once: the first explanation takes seconds, and what cannot work shows here. */
  async open({ manifest, engine, composite, threads, views }: OpenRequest): Promise<{ engine: string }> {
    const source = await createExplainer({ model: manifest.file, composite, engine, threads })
    const free = (dim: number | string): number | null => (typeof dim === 'number' ? dim : null)
    checkShapes(manifest, source.inputDims.map(free), [null, source.classes])
    open = { source, manifest, views }
    // Each size of batch once.
    const warmUp = { ...open, views: Math.min(views, 1 + viewsAtOnce(manifest.input)) }
    await explainCrop(warmUp, warmUpCrop(manifest.input), manifest.alarmIndex)
    return { engine: source.engine }
  },

  async explain({ crop, target }: CropRequest): Promise<Transferred<CropExplanation>> {
    if (!open) throw new InferenceError('is asked before its model is open', 'the explain worker', 'Report this bug.')
    const explanation = await explainCrop(open, crop, target)
    // sharp's buffers may be parts of larger ones; what is transferred has to be whole.
    const heatmap = Uint8Array.from(explanation.heatmap)
    const relevance = Float32Array.from(explanation.relevance)
    return new Transferred({ ...explanation, heatmap, relevance }, [heatmap.buffer, relevance.buffer])
  }
}
export type ExplainMethods = typeof methods

serveWorker(methods)
