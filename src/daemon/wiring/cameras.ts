/** The cameras that are watched, and how they come and go with the config. */
import { isDeepStrictEqual } from 'node:util'
import type { CameraConfig } from '../../config/index.js'
import type { Clock } from '../../core/clock.js'
import type { AlarmOptions } from '../../stages/alarm/index.js'
import type { Inference } from '../line/inference.js'
import type { Pauses } from '../line/pauses.js'
import { type WatchedCamera, watchCamera } from '../line/watched-camera.js'
import type { RetainedStates } from '../report/left-behind.js'
import type { Reporter } from '../report/reporter.js'
import { openConfiguredCamera, type Parts, type PartsOptions } from './parts.js'

export interface CamerasOptions {
  /** Filled and emptied here. */
  watched: Map<string, WatchedCamera>
  parts: Parts
  partsOptions: PartsOptions
  inference: Inference
  reporter: Reporter
  pauses: Pauses
  retained: RetainedStates
  /** What alarms say of where a camera is, by its id; kept up to date here. */
  locations: AlarmOptions['cameras']
  clock: Clock
}

export class Cameras {
  readonly #options: CamerasOptions

  constructor(options: CamerasOptions) {
    this.#options = options
  }

  /** Watches these from now on; those that are the same as before go on untouched. */
  async takeOver(configs: readonly CameraConfig[]): Promise<void> {
    const { watched } = this.#options
    const wanted = new Map(configs.map((config) => [config.id, config]))
    for (const [id, { config }] of watched)
      if (!isDeepStrictEqual(config, wanted.get(id))) await this.#remove(id, wanted.has(id))
    for (const config of configs) if (!watched.has(config.id)) this.#add(config)
  }

  #add(config: CameraConfig): void {
    const { watched, parts, partsOptions, inference, reporter, pauses, retained, locations, clock } = this.#options
    const { id } = config
    locations[id] = config.location
    const camera = watchCamera({
      config,
      camera: openConfiguredCamera(config, parts, partsOptions),
      clock,
      stages: inference.stagesOf(config),
      onGlance: (glance) => reporter.glance(glance, config),
      onState: (_, state, since, until) => {
        if (state !== 'ok') inference.forget(id)
        reporter.cameraState(id, state, since, until)
      },
      pause: pauses.of(id),
      onPause: (pause) => pauses.set(id, pause)
    })
    retained.published(id)
    watched.set(id, camera)
  }

  /**
   * The config has it no more, or otherwise: its alarms end, and nobody is told that it is lost.
   * @param comesBack with other settings; a pause goes on
   */
  async #remove(id: string, comesBack: boolean): Promise<void> {
    const { watched, parts, inference, reporter, pauses, retained, locations } = this.#options
    await watched.get(id)?.stop()
    watched.delete(id)
    parts.detector.forget(id)
    inference.forget(id)
    reporter.cameraGone(id)
    if (comesBack) return
    delete locations[id]
    pauses.set(id, null)
    retained.clear(id)
  }
}
