/** The detect stage: frames in, aligned and tracked faces out. The models run in a worker thread of their own. */

import type { ErrorCode } from '../../core/errors.js'
import { KeptWorker } from '../../core/kept-worker.js'
import type { Log } from '../../core/log.js'
import type { Frame, Sighting, Size, Zone } from '../../core/types.js'
import { workerScript } from '../../core/worker-protocol.js'
import { type Alignment, defaultAlignment } from '../../lib/face/align.js'
import type { FaceModels } from '../../lib/face/model-files.js'
import { defaultMinScore } from '../../lib/face/search.js'
import { zoneOf } from '../../lib/face/zones.js'
import type { ProviderChoice, ProviderName } from '../../lib/ort/provider-names.js'
import { KnownTracks } from './known-tracks.js'
import type { DetectMethods, OpenAnswer } from './worker.js'

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
  /** The worker died and is started again, tracks lost; null when it serves again. */
  onTrouble?: (problem: Error | null) => void
  /** The worker died again and again, and stays away. */
  onGivenUp?: (error: Error) => void
  /** Ends a start that is under way. */
  signal?: AbortSignal
}

export interface Detector {
  /** Where the face models run, proved by an inference of each. */
  readonly provider: ProviderName
  /** Time of the last frame in the worker in ms, or null before the first. */
  readonly lastMs: number | null
  /** How often the worker was started again. */
  readonly restarted: number
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
  const request = { models, crop, alignment, provider, threads, minScore }
  const tracks = new KnownTracks()
  const worker = await KeptWorker.start<DetectMethods, OpenAnswer>({
    script: workerScript(import.meta.url, './worker.js'),
    what: 'the face worker',
    open: async (opening) => {
      const opened = await opening.call('open', { ...request, lastTrack: tracks.last })
      const { provider, fallback } = opened
      if (fallback)
        log.warn(
          { code: 'PL-PROVIDER-FALLBACK' satisfies ErrorCode, provider, tried: fallback },
          'no GPU provider works; faces are found on the CPU'
        )
      log.info({ provider, models }, 'face detector ready')
      return opened
    },
    log,
    onTrouble: (problem) => {
      if (problem) tracks.orphan()
      options.onTrouble?.(problem)
    },
    onGivenUp: options.onGivenUp,
    signal: options.signal
  })
  let lastMs: number | null = null
  return {
    get provider() {
      return worker.opened.provider
    },
    get restarted() {
      return worker.restarted
    },
    get lastMs() {
      return lastMs
    },
    async detect({ camera, at, width, height, data }, zones) {
      const { faces, lost, ms } = await worker.call('detect', { camera, at, width, height, data })
      lastMs = ms
      const size = { width, height }
      const ended = tracks.update({ camera, faces, lost })
      return { camera, at, lost: ended, faces: faces.map((face) => ({ ...face, zone: zoneOf(face.box, size, zones) })) }
    },
    forget(camera) {
      tracks.forget(camera)
      worker.call('forget', { camera }).catch((error: unknown) => log.debug({ camera, error }, 'no tracks to forget'))
    },
    stop: () => worker.close()
  }
}
