/** Starts and stops cameras as the config changes. */
import { isDeepStrictEqual } from 'node:util'
import type { CameraConfig } from '../../config/index.js'
import type { AlarmOptions } from '../../stages/alarm/index.js'
import { openCamera } from '../../stages/camera/index.js'
import type { References } from '../../stages/reference/index.js'
import type { SeenFaces } from '../health/seen-faces.js'
import type { Inference } from '../line/inference.js'
import { type WatchedCamera, watchCamera } from '../line/watched-camera.js'
import type { Pauses, PublishedCameras } from '../report/earlier-run.js'
import type { HomeAssistant } from '../report/home-assistant.js'
import type { Reporter } from '../report/reporter.js'
import { cameraOptions } from './mapping.js'
import type { Parts, Surroundings } from './parts.js'

export interface CamerasOptions extends Omit<Surroundings, 'config'> {
  parts: Pick<Parts, 'decoders' | 'detector' | 'classifier'>
  inference: Inference
  reporter: Reporter
  seenFaces: SeenFaces
  references: Pick<References, 'announce' | 'cameraGone'> | null
  pauses: Pauses
  published: PublishedCameras
  /** The locations of cameras for alarms, by id; updated here. */
  locations: AlarmOptions['cameras']
  homeAssistant: Pick<HomeAssistant, 'announce'>
}

export class Cameras {
  readonly #options: CamerasOptions
  readonly #watched = new Map<string, WatchedCamera>()

  constructor(options: CamerasOptions) {
    this.#options = options
  }

  /** The running cameras, by id. */
  get watched(): ReadonlyMap<string, WatchedCamera> {
    return this.#watched
  }

  /** Watches these cameras; unchanged ones keep running. */
  async takeOver(configs: readonly CameraConfig[]): Promise<void> {
    const wanted = new Map(configs.map((config) => [config.id, config]))
    for (const [id, { config }] of this.#watched)
      if (!isDeepStrictEqual(config, wanted.get(id))) await this.#remove(id, wanted.has(id))
    for (const config of configs) if (!this.#watched.has(config.id)) this.#add(config)
    this.#options.homeAssistant.announce(configs)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#watched.values()].map((camera) => camera.stop()))
  }

  #add(config: CameraConfig): void {
    const { parts, inference, reporter, seenFaces, references, pauses, published, locations } = this.#options
    const { log, clock, secrets } = this.#options
    const { id } = config
    locations[id] = config.location
    const about = { log: log.child({ stage: 'camera' }), clock, secrets }
    const camera = watchCamera({
      config,
      camera: openCamera({ ...cameraOptions(config, parts.decoders), ...about }),
      clock,
      stages: inference.stagesOf(config, parts),
      onJudged: (frame) => {
        reporter.judged(frame, config)
        seenFaces.judged({ ...frame.sighting, dropped: camera.stats().dropped })
      },
      onState: (_, state, since, until) => {
        if (state !== 'ok') inference.forget(id)
        reporter.cameraState(id, state, since, until)
        seenFaces.cameraState(id, state)
      },
      pause: pauses.of(id),
      onPause: (pause) => pauses.set(id, pause)
    })
    published.published(id, references !== null)
    references?.announce(
      id,
      config.zones.map(({ name }) => name)
    )
    this.#watched.set(id, camera)
  }

  /**
   * The camera was removed from the config, or changed in it: its alarms end, without a `camera_lost`.
   * @param comesBack whether it returns with other settings; then its pause continues
   */
  async #remove(id: string, comesBack: boolean): Promise<void> {
    const { parts, inference, reporter, seenFaces, references, pauses, published, locations } = this.#options
    await this.#watched.get(id)?.stop()
    this.#watched.delete(id)
    parts.detector.forget(id)
    inference.forget(id)
    reporter.cameraGone(id)
    seenFaces.forget(id)
    if (comesBack) return
    delete locations[id]
    pauses.set(id, null)
    references?.cameraGone(id)
    published.clear(id)
  }
}
