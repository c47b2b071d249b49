/** Whether painlens itself works: the rule for the watchdog, `/live` and `/ready`. */
import type { CameraState } from '../../core/types.js'
import type { InferencePart, InferenceProgress } from '../line/inference.js'

/** The state of every part at one moment. All times are of a monotonic clock, in ms. */
export interface Vitals extends InferenceProgress {
  cameras: readonly {
    id: string
    state: CameraState
    reason?: string
    /** For how long its running decoder has given no picture, beyond the time that it has for one; null while none runs. */
    quietMs: number | null
  }[]
  broker: {
    connected: boolean
    trouble: string | null
    /** Why it has not taken the last alarm; null where it has. */
    refusal: string | null
  }
  outbox: { inMemory: number; trouble: { what: string } | null }
}

/** A part with a problem. */
export interface Defect {
  part: string
  why: string
  /**
   * `live`: painlens is broken and a restart may fix it, so WATCHDOG=1 is not sent. `ready`: alarms are not delivered or a
   * camera gives no pictures, which a restart would not fix.
   */
  stops: 'live' | 'ready'
}

/** From when on a part counts as stuck, in ms; far beyond the usual times. */
export const limits = {
  loopMs: 10_000,
  inferenceMs: 30_000,
  /** Opening a large model on a GPU. */
  restartMs: 120_000,
  /** The camera stage kills a decoder whose time is up. */
  decoderMs: 30_000
} as const

/**
 * A camera that is away, paused, dark or silent never stops `live`; only painlens's own parts do, each by its own rule.
 */
const rules: readonly ((vitals: Vitals) => Defect[])[] = [
  ({ now, lastTick }) =>
    when(now - lastTick > limits.loopMs, 'live', 'event loop', `was held up for ${seconds(now - lastTick)}`),

  ({ now, underWay }) =>
    underWay
      .filter(({ since }) => now - since > limits.inferenceMs)
      .map(({ part, since }) => defect('live', part, `an inference has been under way for ${seconds(now - since)}`)),

  ({ unanswered, restarting }) => {
    const ms = unanswered ? unanswered.last - unanswered.first : 0
    const wrong = ms > limits.inferenceMs && restarting.length === 0
    return when(wrong, 'live', 'inference', `frames have come for ${seconds(ms)}, and none was finished`)
  },

  ({ failing }) =>
    failing.map(({ camera, why }) => defect('ready', 'inference', `fails on the frames of ${camera}: ${why}`)),

  ({ now, restarting }) =>
    restarting.map(({ part, since }) => {
      const stops = now - since > limits.restartMs ? 'live' : 'ready'
      return defect(stops, part, `its worker died and has been restarting for ${seconds(now - since)}`)
    }),

  ({ cameras }) =>
    cameras
      .filter(({ quietMs }) => quietMs !== null && quietMs > limits.decoderMs)
      .map(({ id, quietMs }) =>
        defect('live', `decoder of ${id}`, `is late by ${seconds(quietMs!)} with its picture and cannot be ended`)
      ),

  ({ cameras }) =>
    cameras
      .filter(({ state }) => !watched[state])
      .map(({ id, state, reason }) => defect('ready', `camera ${id}`, reason ? `${state}: ${reason}` : state)),

  ({ broker: { connected, trouble } }) => when(!connected, 'ready', 'broker', trouble ?? 'not connected'),

  ({ broker: { connected, refusal } }) =>
    when(connected && refusal !== null, 'ready', 'broker', `does not take alarms: ${refusal}`),

  ({ outbox: { inMemory, trouble } }) =>
    when(trouble !== null, 'ready', 'outbox', `${trouble?.what}; ${inMemory} wait in memory`)
]

/** Whether the state is as intended; a pause is. */
const watched: Record<CameraState, boolean> = {
  ok: true,
  paused: true,
  connecting: false,
  lost: false,
  frozen: false,
  dark: false,
  damaged: false
}

const inferenceParts: ReadonlySet<string> = new Set<InferencePart | 'inference'>(['detect', 'classify', 'inference'])

/** Whether faces are not analysed because a part is stuck. */
export const isStuckInference = ({ part, stops }: Defect): boolean => stops === 'live' && inferenceParts.has(part)

/** The current defects, the gravest first. Pure. */
export function examine(vitals: Vitals): Defect[] {
  const found = rules.flatMap((rule) => rule(vitals))
  return [...found.filter(({ stops }) => stops === 'live'), ...found.filter(({ stops }) => stops === 'ready')]
}

const defect = (stops: Defect['stops'], part: string, why: string): Defect => ({ part, why, stops })

const when = (wrong: boolean, stops: Defect['stops'], part: string, why: string): Defect[] =>
  wrong ? [defect(stops, part, why)] : []

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
