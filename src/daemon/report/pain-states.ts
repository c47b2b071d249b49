/** Whether pain is suspected in each camera, as one retained state: the faces of a room share `base/alarm`. */
import { leavesUnknown } from '../../contract/conditions.js'
import type { AlarmMessage } from '../../contract/messages.js'
import type { Clock, Moment } from '../../core/clock.js'
import type { CameraState } from '../../core/types.js'
import type { CameraPain } from '../../stages/mqtt/index.js'

export interface PainStatesOptions {
  publish: (camera: string, pain: CameraPain) => void
  clock: Clock
}

/** "No pain" needs a face that was judged within this time: an absent or turned face says nothing. */
const judgedForMs = 60_000

/** In which states the camera's pictures are judged. */
export const judgesFaces: Record<CameraState, boolean> = {
  ok: true,
  damaged: true,
  connecting: false,
  lost: false,
  frozen: false,
  dark: false,
  paused: false
}

interface Watched {
  judges: boolean
  /** When a face was last judged of which more than "unknown" may be said. */
  judgedAt: Moment | null
  /** The active pain alarms, and whether each is acknowledged. */
  alarms: Map<string, boolean>
  told: CameraPain | null
}

export class PainStates {
  readonly #options: PainStatesOptions
  readonly #cameras = new Map<string, Watched>()
  /** Faces cannot be found or judged. */
  #isBlind = false

  constructor(options: PainStatesOptions) {
    this.#options = options
  }

  cameraState(camera: string, state: CameraState): void {
    const fresh = { judges: false, judgedAt: null, alarms: new Map<string, boolean>(), told: null }
    const watched = this.#cameras.get(camera) ?? fresh
    watched.judges = judgesFaces[state]
    if (!watched.judges) watched.judgedAt = null
    this.#cameras.set(camera, watched)
    this.#tell(camera, watched)
  }

  judged(camera: string, at: Moment): void {
    const watched = this.#cameras.get(camera)
    if (!watched?.judges) return
    watched.judgedAt = at
    this.#tell(camera, watched)
  }

  alarm({ alarm_id, condition, camera, phase, reason, ack }: AlarmMessage): void {
    if (condition === 'inference_failed') {
      this.#isBlind = phase !== 'end'
      if (this.#isBlind) for (const watched of this.#cameras.values()) watched.judgedAt = null
      this.tick()
    }
    const watched = condition === 'pain' ? this.#cameras.get(camera) : undefined
    if (!watched) return
    if (phase === 'end') watched.alarms.delete(alarm_id)
    else watched.alarms.set(alarm_id, ack !== null)
    // That no face is in pain has to be seen anew.
    if (reason !== null && leavesUnknown(reason)) watched.judgedAt = null
    this.#tell(camera!, watched)
  }

  /** The camera was removed from the config, or is opened anew. */
  forget(camera: string): void {
    this.#cameras.delete(camera)
  }

  /** Time passes: what nothing has been judged of for a while is unknown. */
  tick(): void {
    for (const [camera, watched] of this.#cameras) this.#tell(camera, watched)
  }

  #tell(camera: string, watched: Watched): void {
    const now = this.#options.clock.now()
    const { told, alarms } = watched
    const suspected = this.#suspected(watched, now)
    const alarmIds = [...alarms.keys()]
    const acknowledged = alarms.size > 0 && [...alarms.values()].every(Boolean)
    const isSame = told?.suspected === suspected
    if (isSame && told.acknowledged === acknowledged && told.alarmIds.join() === alarmIds.join()) return
    watched.told = { suspected, since: isSame ? told.since : now, alarmIds, acknowledged }
    this.#options.publish(camera, watched.told)
  }

  #suspected({ judges, judgedAt, alarms }: Watched, now: Moment): boolean | null {
    if (alarms.size > 0) return true
    const isKnown = judges && !this.#isBlind && judgedAt !== null && now - judgedAt < judgedForMs
    return isKnown ? false : null
  }
}
