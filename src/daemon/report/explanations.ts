/** Which frames are explained, and which explanation goes with which alarm. */

import type { ExplanationMessage } from '../../contract/messages.js'
import { type Clock, type Moment, stamp } from '../../core/clock.js'
import { errorFields, messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { frameId, traced } from '../../core/trace.js'
import type { Crop } from '../../core/types.js'
import type { Explanation } from '../../stages/explain/index.js'
import { explanationMessage } from './explanation-message.js'

export interface ExplainRequest {
  camera: string
  track: number
  at: Moment
  crop: Crop
  score: number
}

/** What this needs of the explain stage. A request that was skipped resolves with null. */
export interface Explainer {
  submit(request: ExplainRequest): Promise<Explanation | null>
  /** Whether a request would be worked on at once. */
  idle(): boolean
}

export interface ExplanationsOptions {
  explainer: Explainer
  /** From this score on a frame may begin an episode, 0..1. */
  threshold: number
  publishHeatmap: boolean
  publish: (message: ExplanationMessage) => void
  log: Log
  clock: Clock
}

export interface Seen extends ExplainRequest {
  /** The track's active alarm. */
  alarmId: string | null
}

/** A face above the threshold, from before its alarm (if there comes one) to the alarm's end. */
interface Episode {
  alarmId: string | null
  /** Of all its frames so far. */
  strongest: ExplainRequest
  /** The frame that was asked for last, and not in vain. */
  asked: ExplainRequest | null
  /** What was explained ahead of the alarm. */
  ahead: { request: ExplainRequest; explained: Explanation } | null
  lastSeen: number
  lastAbove: number
  /** After a failure: when to try again. */
  notBefore: number
}

/** A frame is well above another from this much more score on, and worth another explanation. */
export const riseStep = 0.1
/** A frame that nothing well above it has followed for so long is taken for the peak, and explained ahead if the face is still above the threshold. */
const settledMs = 500
/** A face that stayed below the threshold for so long begins anew. */
const forgetMs = 5000
/** An alarm is not explained by a frame of so long before. */
const outdatedMs = 30_000
const retryMs = 5000

/**
 * Explains each alarm by the strongest frame of its episode: when the alarm starts, and again when a frame is well above
 * the one explained. While nothing else is to be done, the strongest frame so far is explained ahead of the alarm, which
 * then has its explanation at once. The alarm never waits for any of it. Holds one crop per face above the threshold.
 */
export class Explanations {
  readonly #options: ExplanationsOptions
  readonly #tracks = new Map<string, Episode>()
  /** Of those in `#tracks`, the ones with an alarm. */
  readonly #alarms = new Map<string, Episode>()
  #lastFailure = ''

  constructor(options: ExplanationsOptions) {
    this.#options = options
  }

  consider({ alarmId, ...frame }: Seen): void {
    const episode = this.#episodeOf(frame, alarmId)
    if (!episode) return
    episode.lastSeen = frame.at
    if (frame.score >= this.#options.threshold) episode.lastAbove = frame.at
    if (frame.score > episode.strongest.score) episode.strongest = frame
    if (alarmId && !episode.alarmId) this.#begin(episode, alarmId)
    if (this.#isWanted(episode)) this.#ask(episode)
  }

  /** The tracker has given the face up. Its alarm may go on with another track. */
  forget(camera: string, track: number): void {
    this.#tracks.delete(keyOf({ camera, track }))
  }

  /** Nobody looks at the camera's faces any more. */
  forgetCamera(camera: string): void {
    for (const [key, { strongest }] of this.#tracks) if (strongest.camera === camera) this.#tracks.delete(key)
  }

  alarmEnded(alarmId: string): void {
    const episode = this.#alarms.get(alarmId)
    this.#alarms.delete(alarmId)
    for (const [key, other] of this.#tracks) if (other === episode) this.#tracks.delete(key)
  }

  /** The episode that the frame belongs to; a new track may go on with the alarm of one that was lost. */
  #episodeOf(frame: ExplainRequest, alarmId: string | null): Episode | undefined {
    const key = keyOf(frame)
    const known = this.#tracks.get(key)
    const own = known && isOver(known, frame.at, alarmId) ? undefined : known
    const begins = frame.score >= this.#options.threshold || alarmId !== null
    const episode = (alarmId && this.#alarms.get(alarmId)) || own || (begins ? newEpisode(frame) : undefined)
    if (episode) this.#tracks.set(key, episode)
    else this.#tracks.delete(key)
    return episode
  }

  /** The alarm starts. What was explained ahead will do, unless a frame well above came after it. */
  #begin(episode: Episode, alarmId: string): void {
    const { ahead, strongest } = episode
    episode.alarmId = alarmId
    episode.ahead = null
    this.#alarms.set(alarmId, episode)
    if (ahead && !isWellAbove(strongest, ahead.request)) this.#publish(alarmId, ahead.explained)
  }

  #isWanted({ strongest, asked, notBefore, lastSeen, lastAbove, alarmId }: Episode): boolean {
    if (lastSeen < notBefore || (asked && !isWellAbove(strongest, asked))) return false
    if (alarmId !== null) return true
    return lastSeen === lastAbove && lastSeen - strongest.at >= settledMs && this.#options.explainer.idle()
  }

  #ask(episode: Episode): void {
    const request = episode.strongest
    const before = episode.asked
    const wasAhead = episode.alarmId === null
    episode.asked = request
    const inVain = (): void => {
      // Unless another was asked for meanwhile: then that one counts.
      if (episode.asked === request) episode.asked = before
    }
    const { explainer, log } = this.#options
    const told = () => ({ frame: frameId(request), alarm_id: episode.alarmId })
    traced(log, 'explain', explainer.submit(request), told).then(
      (explained) => {
        if (!explained) return inVain()
        this.#lastFailure = ''
        if (!episode.alarmId) episode.ahead = { request, explained }
        else if (!wasAhead || !isWellAbove(episode.strongest, request)) this.#publish(episode.alarmId, explained)
      },
      (error: unknown) => {
        inVain()
        episode.notBefore = episode.lastSeen + retryMs
        this.#tellOf(error, request.camera)
      }
    )
  }

  #publish(alarmId: string, explained: Explanation): void {
    const { publish, publishHeatmap: withHeatmap, clock } = this.#options
    publish(explanationMessage(explained, { alarmId, at: stamp(clock, explained.at), withHeatmap }))
  }

  /** Once, where the same goes wrong again and again. */
  #tellOf(error: unknown, camera: string): void {
    const message = messageOf(error)
    if (message === this.#lastFailure) return
    this.#lastFailure = message
    this.#options.log.error({ camera, ...errorFields(error) }, 'explaining failed')
  }
}

function newEpisode(strongest: ExplainRequest): Episode {
  const { at } = strongest
  return { alarmId: null, strongest, asked: null, ahead: null, lastSeen: at, lastAbove: at, notBefore: 0 }
}

/** Whether what is known of a track belongs to an episode that has passed. */
function isOver({ alarmId, lastAbove, strongest }: Episode, now: number, currentAlarmId: string | null): boolean {
  if (alarmId) return currentAlarmId !== alarmId
  return !currentAlarmId && (now - lastAbove > forgetMs || now - strongest.at > outdatedMs)
}

const isWellAbove = (frame: ExplainRequest, other: ExplainRequest): boolean => frame.score >= other.score + riseStep

const keyOf = ({ camera, track }: Pick<ExplainRequest, 'camera' | 'track'>): string => `${track}@${camera}`
