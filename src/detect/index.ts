/** The detect stage: frames in, aligned and tracked faces out. The models run in a worker thread of their own. */
import type { Log } from '../core/log.js'
import type { Frame, Sighting, Size, Zone } from '../core/types.js'
import { inferenceGraceMs, openedOrClosed, WorkerClient } from '../core/worker-client.js'
import { workerScript } from '../core/worker-protocol.js'
import { type Alignment, defaultAlignment } from '../face/align.js'
import type { FaceModels } from '../face/models/index.js'
import { defaultMinScore } from '../face/search.js'
import { zoneOf } from '../face/zones.js'
import type { ProviderChoice } from '../ort/provider.js'
import type { ProviderName } from '../ort/session.js'
import type { DetectMethods } from './worker.js'

export interface DetectorOptions {
  /** As `buildFaceModels` answers. */
  models: FaceModels
  /** The classifier's input. */
  crop: Size
  alignment?: Alignment
  provider: ProviderChoice
  /** Threads within an operator; 0: one for each core. */
  threads: number
  /** The score from which on a place is a face, 0..1. */
  minScore?: number
  log: Log
  onCrash?: (error: Error) => void
  /** Ends a start that is under way. */
  signal?: AbortSignal
}

export interface Detector {
  /** Where the face models run, proved by an inference of each. */
  readonly provider: ProviderName
  /** Time of the last frame in the worker in ms, or null before the first. */
  readonly lastMs: number | null
  /** The frame is read until the promise settles; releasing it is the caller's business. */
  detect(frame: Frame, zones: readonly Zone[]): Promise<Sighting>
  /** Drops a camera's tracks: whoever is seen there next is new. */
  forget(camera: string): void
  stop(): Promise<void>
}

/**
 * Opens the face models. `auto` falls back to the CPU with one warning.
 * @throws ModelError, ProviderError; the worker is gone then
 */
export async function startDetector(options: DetectorOptions): Promise<Detector> {
  const { models, crop, alignment = defaultAlignment, provider, threads, minScore = defaultMinScore, log } = options
  const worker = new WorkerClient<DetectMethods>(workerScript(import.meta.url, './worker.js'), 'the face worker', {
    onCrash: options.onCrash
  })
  const request = { models, crop, alignment, provider, threads, minScore }
  const opened = await openedOrClosed(worker, worker.call('open', request), {
    graceMs: inferenceGraceMs,
    signal: options.signal
  })
  if (opened.fallback)
    log.warn({ provider: opened.provider, tried: opened.fallback }, 'no GPU provider works; faces are found on the CPU')
  log.info({ provider: opened.provider, models }, 'face detector ready')
  let lastMs: number | null = null
  return {
    provider: opened.provider,
    get lastMs() {
      return lastMs
    },
    async detect({ camera, at, width, height, data }, zones) {
      const { faces, lost, ms } = await worker.call('detect', { camera, at, width, height, data })
      lastMs = ms
      const size = { width, height }
      return { camera, at, lost, faces: faces.map((face) => ({ ...face, zone: zoneOf(face.box, size, zones) })) }
    },
    forget(camera) {
      worker.call('forget', { camera }).catch((error: unknown) => log.debug({ camera, error }, 'no tracks to forget'))
    },
    stop: () => worker.close(inferenceGraceMs)
  }
}
