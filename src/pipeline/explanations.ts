/** Which faces are explained, and which explanation goes with which alarm. */
import { iso } from '../core/clock.js'
import { messageOf } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { ExplanationMessage } from '../core/messages.js'
import type { Crop, Explanation } from '../core/types.js'

export interface ExplainRequest {
  camera: string
  track: number
  at: number
  crop: Crop
  score: number
}

/** What this needs of the explain stage. A request that a newer one replaced resolves with null. */
export interface Explainer {
  submit(request: ExplainRequest): Promise<Explanation | null>
}

export interface ExplanationsOptions {
  explainer: Explainer
  /** Scores below it are not explained, 0..1. */
  threshold: number
  publishHeatmap: boolean
  publish: (message: ExplanationMessage) => void
  onFailure: (error: unknown) => void
  onSuccess: () => void
  log: Log
}

export interface Seen extends ExplainRequest {
  /** The track's active alarm. */
  alarmId: string | null
}

type Explained = NonNullable<Awaited<ReturnType<Explainer['submit']>>>

interface TrackEntry {
  /** The highest score that was handed in. */
  best: number
  lastAbove: number
  /** After a failure: when to try again. */
  notBefore: number
  alarmId: string | null
  explained: Explained | null
  publishedFor: string | null
}

/** Another explanation is worth its cost when the score has risen by this much since the last. */
const riseStep = 0.1
/** A face that stayed below the threshold for so long begins anew. */
const forgetMs = 5000
const retryMs = 5000

/**
 * Explains the first frame of a track above the threshold, so that the explanation is there soon after the alarm, and
 * again when the score rises well above the last one. The alarm never waits for any of it.
 */
export class Explanations {
  readonly #options: ExplanationsOptions
  readonly #tracks = new Map<string, TrackEntry>()

  constructor(options: ExplanationsOptions) {
    this.#options = options
  }

  consider(seen: Seen): void {
    const key = keyOf(seen.camera, seen.track)
    const known = this.#tracks.get(key)
    if (known && isOver(known, seen)) this.#tracks.delete(key)
    const entry = this.#tracks.get(key)
    if (entry && seen.alarmId !== entry.alarmId) {
      entry.alarmId = seen.alarmId
      this.#publish(entry)
    }
    if (seen.score < this.#options.threshold) return
    if (entry) entry.lastAbove = seen.at
    if (!entry || (seen.score >= entry.best + riseStep && seen.at >= entry.notBefore)) this.#explain(key, seen, entry)
  }

  forget(camera: string, track: number): void {
    this.#tracks.delete(keyOf(camera, track))
  }

  #explain(key: string, seen: Seen, known: TrackEntry | undefined): void {
    const entry = known ?? newEntry(seen)
    const before = entry.best
    entry.best = seen.score
    this.#tracks.set(key, entry)
    const { camera, track, at, crop, score } = seen
    this.#options.explainer.submit({ camera, track, at, crop, score }).then(
      (explained) => {
        if (!explained) {
          entry.best = before
          return
        }
        entry.explained = explained
        entry.publishedFor = null
        this.#options.onSuccess()
        this.#publish(entry)
      },
      (error: unknown) => {
        entry.best = before
        entry.notBefore = at + retryMs
        this.#options.log.error({ camera, error: messageOf(error) }, 'explaining failed')
        this.#options.onFailure(error)
      }
    )
  }

  #publish(entry: TrackEntry): void {
    const { alarmId, explained } = entry
    if (!alarmId || !explained || entry.publishedFor === alarmId) return
    entry.publishedFor = alarmId
    this.#options.publish(toMessage(alarmId, explained, this.#options.publishHeatmap))
  }
}

function newEntry({ at, alarmId }: Seen): TrackEntry {
  return { best: 0, lastAbove: at, notBefore: 0, alarmId, explained: null, publishedFor: null }
}

/** Whether what is known of a track belongs to an episode that has passed. */
function isOver(known: TrackEntry, seen: Seen): boolean {
  if (known.alarmId) return seen.alarmId !== known.alarmId
  return !seen.alarmId && seen.at - known.lastAbove > forgetMs
}

function keyOf(camera: string, track: number): string {
  return `${track}@${camera}`
}

function toMessage(alarmId: string, explained: Explained, withHeatmap: boolean): ExplanationMessage {
  const { at, target, probability, composite, engine, regions, text, uncertainty } = explained
  const rounded = regions.map(({ region, positive, negative }) => ({
    region,
    positive: round(positive),
    negative: round(negative)
  }))
  const heatmap = withHeatmap ? { heatmap: Buffer.from(explained.heatmap).toString('base64') } : {}
  return {
    alarm_id: alarmId,
    at: iso(at),
    target,
    probability: round(probability),
    composite,
    engine,
    regions: rounded,
    text,
    uncertainty,
    ...heatmap
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000
