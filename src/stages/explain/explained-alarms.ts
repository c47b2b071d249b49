/** Which frames are explained, in which order, and which explanation goes with which alarm. */
import { byLanguage } from '../../contract/languages/index.js'
import type { ExplanationMessage } from '../../contract/messages.js'
import { type Clock, stamp } from '../../core/clock.js'
import { errorFields, messageOf } from '../../core/errors.js'
import { LastSaid, type Log } from '../../core/log.js'
import { frameId, traced } from '../../core/trace.js'
import type { ExplainRequest, Explanation } from './types.js'

/** A frame's face, scored. */
export interface ScoredFace extends ExplainRequest {
  /** The probability of the alarm label that alarms go by, 0..1. */
  score: number
  /** The model's own is higher: the resting face of the bed has lowered it. */
  isLowered?: boolean
}

export interface ExplainedAlarmsOptions {
  /** The explain stage. A request that was skipped resolves with null. */
  stage: { submit(face: ScoredFace): Promise<Explanation | null>; idle(): boolean }
  /** From this score on a frame may begin an episode, 0..1. */
  threshold: number
  /** Includes the heatmap; the MQTT stage decides whether it leaves the device. */
  publish: (message: ExplanationMessage) => void
  log: Log
  clock: Clock
}

/** A scored face and its alarm. */
export interface FaceWithAlarm extends ScoredFace {
  /** The track's active alarm. */
  alarmId: string | null
}

interface Explained {
  request: ScoredFace
  explained: Explanation
}

/** A face above the threshold, from before its alarm, if one follows, to the alarm's end. */
interface Episode {
  alarmId: string | null
  /** The frame with the highest score so far. */
  strongest: ScoredFace
  /** The last frame that was requested; its explanation is pending or published. */
  asked: ScoredFace | null
  /** The explanation made before the alarm. */
  ahead: Explained | null
  lastSeen: number
  lastAbove: number
  /** After a failure: when to try again. */
  notBefore: number
}

/** A frame is explained again if its score is higher by at least this. */
export const riseStep = 0.1
/** A frame not surpassed for this long is taken for the peak, and explained in advance if the face is still above the threshold. */
const settledMs = 500
/** An episode ends after this long below the threshold. */
const forgetMs = 5000
/** Frames older than this do not explain an alarm. */
const outdatedMs = 30_000
const retryMs = 5000

/**
 * Explains each alarm by the strongest frame of its episode: when the alarm starts, and again when a frame is well above
 * the one explained. While the engine is idle, the strongest frame so far is explained before the alarm, which
 * then has its explanation at once. Alarms never wait for explanations. Holds one crop per face above the threshold.
 */
export class ExplainedAlarms {
  readonly #options: ExplainedAlarmsOptions
  readonly #tracks = new Map<string, Episode>()
  /** Those of `#tracks` with an alarm. */
  readonly #alarms = new Map<string, Episode>()
  readonly #failure = new LastSaid<string>()

  constructor(options: ExplainedAlarmsOptions) {
    this.#options = options
  }

  consider({ alarmId, ...frame }: FaceWithAlarm): void {
    const episode = this.#episodeOf(frame, alarmId)
    if (!episode) return
    episode.lastSeen = frame.at
    if (frame.score >= this.#options.threshold) episode.lastAbove = frame.at
    if (frame.score > episode.strongest.score) episode.strongest = frame
    if (alarmId && !episode.alarmId) this.#begin(episode, alarmId)
    if (this.#isWanted(episode)) this.#ask(episode)
  }

  /** The tracker lost the face. Its alarm may continue with another track. */
  forget(camera: string, track: number): void {
    this.#tracks.delete(keyOf({ camera, track }))
  }

  /** The camera's faces are no longer analysed. */
  forgetCamera(camera: string): void {
    for (const [key, { strongest }] of this.#tracks) if (strongest.camera === camera) this.#tracks.delete(key)
  }

  alarmEnded(alarmId: string): void {
    const episode = this.#alarms.get(alarmId)
    this.#alarms.delete(alarmId)
    for (const [key, other] of this.#tracks) if (other === episode) this.#tracks.delete(key)
  }

  /** The frame's episode; a new track may continue the alarm of a lost one. */
  #episodeOf(frame: ScoredFace, alarmId: string | null): Episode | undefined {
    const key = keyOf(frame)
    const known = this.#tracks.get(key)
    const own = known && isOver(known, frame.at, alarmId) ? undefined : known
    const begins = frame.score >= this.#options.threshold || alarmId !== null
    const episode = (alarmId && this.#alarms.get(alarmId)) || own || (begins ? newEpisode(frame) : undefined)
    if (episode) this.#tracks.set(key, episode)
    else this.#tracks.delete(key)
    return episode
  }

  /** The alarm starts. An explanation made in advance is used unless a much stronger frame followed. */
  #begin(episode: Episode, alarmId: string): void {
    const { ahead, strongest } = episode
    episode.alarmId = alarmId
    episode.ahead = null
    this.#alarms.set(alarmId, episode)
    if (ahead && !isWellAbove(strongest, ahead.request)) this.#publish(alarmId, ahead)
  }

  #isWanted({ strongest, asked, notBefore, lastSeen, lastAbove, alarmId }: Episode): boolean {
    if (lastSeen < notBefore || (asked && !isWellAbove(strongest, asked))) return false
    if (alarmId !== null) return true
    return lastSeen === lastAbove && lastSeen - strongest.at >= settledMs && this.#options.stage.idle()
  }

  #ask(episode: Episode): void {
    const request = episode.strongest
    const before = episode.asked
    const wasAhead = episode.alarmId === null
    episode.asked = request
    const withdraw = (): void => {
      // Unless a later request has replaced this one.
      if (episode.asked === request) episode.asked = before
    }
    const { stage, log } = this.#options
    const told = () => ({ frame: frameId(request), alarm_id: episode.alarmId })
    traced(log, null, stage.submit(request), told).then(
      (explained) => {
        if (!explained) return withdraw()
        this.#failure.isNew(null)
        if (!episode.alarmId) episode.ahead = { request, explained }
        else if (!wasAhead || !isWellAbove(episode.strongest, request))
          this.#publish(episode.alarmId, { request, explained })
      },
      (error: unknown) => {
        withdraw()
        episode.notBefore = episode.lastSeen + retryMs
        this.#logFailure(error, request.camera)
      }
    )
  }

  #publish(alarmId: string, { request, explained }: Explained): void {
    const { publish, clock } = this.#options
    const message = explanationMessage(explained, alarmId, stamp(clock, explained.at))
    // A shift that is constant moves no relevance from one region to another.
    const text = byLanguage((language, code) =>
      request.isLowered ? `${message.text[code]} ${language.explanationOfLowered}` : message.text[code]
    )
    publish({ ...message, text })
  }

  #logFailure(error: unknown, camera: string): void {
    const message = messageOf(error)
    if (this.#failure.isNew(message)) this.#options.log.error({ camera, ...errorFields(error) }, 'explaining failed')
  }
}

function newEpisode(strongest: ScoredFace): Episode {
  const { at } = strongest
  return { alarmId: null, strongest, asked: null, ahead: null, lastSeen: at, lastAbove: at, notBefore: 0 }
}

/** Whether a track's episode is over. */
function isOver({ alarmId, lastAbove, strongest }: Episode, now: number, currentAlarmId: string | null): boolean {
  if (alarmId) return currentAlarmId !== alarmId
  return !currentAlarmId && (now - lastAbove > forgetMs || now - strongest.at > outdatedMs)
}

const isWellAbove = (frame: ScoredFace, other: ScoredFace): boolean => frame.score >= other.score + riseStep

/**
 * An explanation in the words of the MQTT contract, the heatmap included.
 * @param at when the explained frame was captured, ISO 8601
 */
function explanationMessage(explained: Explanation, alarmId: string, at: string): ExplanationMessage {
  const { target, probability, composite, engine, regions, text, uncertainty, conditioning } = explained
  const rounded = regions.map(({ region, positive, negative, balance }) => ({
    region,
    positive: round(positive),
    negative: round(negative),
    balance: round(balance)
  }))
  return {
    alarm_id: alarmId,
    at,
    target,
    probability: round(probability),
    composite,
    engine,
    regions: rounded,
    text,
    uncertainty,
    conditioning: conditioning && Number(conditioning.toPrecision(2)),
    heatmap: Buffer.from(explained.heatmap).toString('base64')
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000

/** A request as the queue sees it. */
export interface Queued {
  camera: string
  track: number
  /** When the frame was captured, a moment of the clock. */
  at: number
}

interface Waiting<Request, Result> {
  request: Request
  /** A moment of the clock. */
  since: number
  resolve: (result: Result | null) => void
  reject: (error: unknown) => void
}

export interface NewestFirstOptions<Request, Result> {
  run: (request: Request) => Promise<Result>
  clock: Clock
  /** A request that has waited for longer is skipped when its turn comes. */
  maxAgeMs: number
  /** While false, all requests wait; call `wake` after a change. Always ready if not given. */
  ready?: () => boolean
}

/**
 * Runs one request at a time, the newest first. Each face has one waiting request at most: a newer one takes the place
 * of an older one, which is skipped and resolves with null. So the queue is never longer than there are faces.
 */
export class NewestFirst<Request extends Queued, Result> {
  readonly #options: NewestFirstOptions<Request, Result>
  readonly #waiting = new Map<string, Waiting<Request, Result>>()
  #running = false
  #stopped = false
  #skipped = 0

  constructor(options: NewestFirstOptions<Request, Result>) {
    this.#options = options
  }

  /** Requests that were replaced, or waited for too long. */
  get skipped(): number {
    return this.#skipped
  }

  /** Nothing runs and nothing waits. */
  get idle(): boolean {
    return !this.#running && this.#waiting.size === 0
  }

  /** @returns what `run` gives, or null if the request was skipped or the queue is stopped; rejects as `run` does */
  submit(request: Request): Promise<Result | null> {
    if (this.#stopped) return Promise.resolve(null)
    return new Promise((resolve, reject) => {
      this.#enqueue({ request, since: this.#options.clock.now(), resolve, reject })
      this.#next()
    })
  }

  /** Continues if ready. */
  wake(): void {
    this.#next()
  }

  /** Resolves all waiting requests and the running one with null. */
  stop(): void {
    this.#stopped = true
    for (const { resolve } of this.#waiting.values()) resolve(null)
    this.#waiting.clear()
  }

  #enqueue(entry: Waiting<Request, Result>): void {
    const key = keyOf(entry.request)
    const before = this.#waiting.get(key)
    if (before && before.request.at > entry.request.at) {
      this.#skip(entry)
      return
    }
    if (before) this.#skip(before)
    this.#waiting.set(key, entry)
  }

  #next(): void {
    if (this.#running || this.#options.ready?.() === false) return
    const entry = this.#takeNewest()
    if (!entry) return
    this.#running = true
    void this.#run(entry)
  }

  async #run({ request, resolve, reject }: Waiting<Request, Result>): Promise<void> {
    try {
      const result = await this.#options.run(request)
      resolve(this.#stopped ? null : result)
    } catch (error) {
      if (this.#stopped) resolve(null)
      else reject(error)
    }
    this.#running = false
    this.#next()
  }

  #takeNewest(): Waiting<Request, Result> | undefined {
    const { clock, maxAgeMs } = this.#options
    for (const [key, entry] of this.#waiting) {
      if (clock.now() - entry.since <= maxAgeMs) continue
      this.#waiting.delete(key)
      this.#skip(entry)
    }
    const [newest] = [...this.#waiting.values()].sort((a, b) => b.request.at - a.request.at)
    if (newest) this.#waiting.delete(keyOf(newest.request))
    return newest
  }

  #skip({ resolve }: Waiting<Request, Result>): void {
    this.#skipped++
    resolve(null)
  }
}

const keyOf = ({ camera, track }: Pick<Queued, 'camera' | 'track'>): string => `${track}@${camera}`
