/** The detect stage: frames in, aligned and tracked faces out. The models run in a worker thread of their own. */
import type { ErrorCode } from '../../core/errors.js'
import { collectShared } from '../../core/garbage.js'
import {
  type InferenceWorker,
  KeptWorker,
  openInferenceWorker,
  tellTroubles,
  type WorkerOpening,
  type WorkerTroubles
} from '../../core/kept-worker.js'
import type { Log } from '../../core/log.js'
import type { Frame, Sighting, Size, Zone } from '../../core/types.js'
import { workerScript } from '../../core/worker.js'
import { type Alignment, defaultAlignment } from '../../lib/face/align.js'
import { defaultMinScore, zoneOf } from '../../lib/face/boxes.js'
import type { FaceModels } from '../../lib/face/model-files.js'
import type { ProviderChoice, ProviderName } from '../../lib/ort/provider-names.js'
import type { DetectMethods, OpenDetectorAnswer } from './worker.js'

export interface DetectorOptions extends WorkerTroubles {
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
  /**
   * Drops a camera's tracks: each face that is seen there next has a new one. The memory of its frames, which the camera stage
   * has let go, is given back by both threads.
   */
  forget(camera: string): void
  stop(): Promise<void>
}

/**
 * Opens the face models. `auto` falls back to the CPU with one warning.
 * @throws ModelError, ProviderError; the worker is gone then
 */
export async function startDetector(options: DetectorOptions): Promise<Detector> {
  const detector = new DetectorInWorker(options)
  await detector.start()
  return detector
}

const what = 'the face worker'
const script = workerScript(import.meta.url, './worker.js')

type DetectWorker = InferenceWorker<DetectMethods, OpenDetectorAnswer>

class DetectorInWorker implements Detector {
  readonly #options: DetectorOptions
  readonly #worker: KeptWorker<DetectWorker>
  readonly #tracks = new KnownTracks()
  /** Of the worker that serves, or served last. */
  #provider: ProviderName = 'cpu'
  #lastMs: number | null = null

  constructor(options: DetectorOptions) {
    const { log, onTrouble, onGivenUp } = options
    this.#options = options
    this.#worker = new KeptWorker({
      what,
      open: (opening) => this.#open(opening),
      onState: tellTroubles({
        onTrouble: (problem) => {
          // The tracks go with their worker.
          if (problem) this.#tracks.orphan()
          onTrouble?.(problem)
        },
        onGivenUp
      }),
      givenUpCode: 'PL-WORKER-LOST',
      log
    })
  }

  start(): Promise<void> {
    return this.#worker.start(this.#options.signal)
  }

  get provider(): ProviderName {
    return this.#provider
  }

  get lastMs(): number | null {
    return this.#lastMs
  }

  get restarted(): number {
    return this.#worker.restarted
  }

  async detect({ camera, at, width, height, picture, data }: Frame, zones: readonly Zone[]): Promise<Sighting> {
    const request = { camera, at, width, height, data }
    const { faces, lost, ms } = await this.#worker.serving().client.call('detect', request)
    this.#lastMs = ms
    const ended = this.#tracks.update({ camera, faces, lost })
    return {
      camera,
      at,
      picture,
      lost: ended,
      faces: faces.map((face) => ({ ...face, zone: zoneOf(face.box, picture, zones) }))
    }
  }

  forget(camera: string): void {
    this.#tracks.forget(camera)
    const forgotten = this.#worker.current?.client.call('forget', { camera })
    // Calls are answered in order: none with a frame of this camera is under way any more.
    forgotten
      ?.then(collectShared)
      .catch((error: unknown) => this.#options.log.debug({ camera, error }, 'no tracks to forget'))
  }

  stop(): Promise<void> {
    return this.#worker.close()
  }

  async #open(opening: WorkerOpening): Promise<DetectWorker> {
    const {
      models,
      crop,
      alignment = defaultAlignment,
      provider,
      threads,
      minScore = defaultMinScore,
      log
    } = this.#options
    const request = { models, crop, alignment, provider, threads, minScore, lastTrack: this.#tracks.last }
    const worker: DetectWorker = await openInferenceWorker(
      script,
      what,
      (client: DetectWorker['client']) => client.call('open', request),
      opening
    )
    const { provider: proved, fallback } = worker.opened
    if (fallback)
      log.warn(
        { code: 'PL-PROVIDER-FALLBACK' satisfies ErrorCode, provider: proved, tried: fallback },
        'no GPU provider works; faces are found on the CPU'
      )
    log.info({ provider: proved, models }, 'face detector ready')
    this.#provider = proved
    return worker
  }
}

type Seen = Pick<Sighting, 'camera' | 'lost'> & { faces: readonly { track: number }[] }

/** The tracks that the worker has reported. They end with it: the next worker does not know them. */
class KnownTracks {
  readonly #alive = new Map<string, Set<number>>()
  readonly #orphans = new Map<string, number[]>()
  #last = 0

  /** The highest id so far. */
  get last(): number {
    return this.#last
  }

  /** @returns the tracks that ended with this frame, or with the worker before */
  update({ camera, faces, lost }: Seen): number[] {
    const alive = this.#alive.get(camera) ?? new Set()
    for (const { track } of faces) {
      alive.add(track)
      this.#last = Math.max(this.#last, track)
    }
    for (const track of lost) alive.delete(track)
    this.#alive.set(camera, alive)
    const orphans = this.#orphans.get(camera) ?? []
    this.#orphans.delete(camera)
    return [...orphans, ...lost]
  }

  forget(camera: string): void {
    this.#alive.delete(camera)
    this.#orphans.delete(camera)
  }

  /** The worker has died. */
  orphan(): void {
    for (const [camera, alive] of this.#alive) {
      this.#orphans.set(camera, [...(this.#orphans.get(camera) ?? []), ...alive])
    }
    this.#alive.clear()
  }
}
