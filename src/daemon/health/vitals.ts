/** Whether painlens itself works: the rule for the watchdog, `/live` and `/ready`. */
import type { ErrorCode } from '../../core/errors.js'
import type { CameraState } from '../../core/types.js'
import type { InferencePart, InferenceProgress } from '../line/inference.js'

/** The state of every part at one moment. All times are of a monotonic clock, in ms. */
export interface Vitals extends InferenceProgress {
  cameras: readonly {
    id: string
    state: CameraState
    reason?: string
    code?: ErrorCode
    /** For how long its running decoder has given no picture, beyond the time that it has for one; null while none runs. */
    quietMs: number | null
  }[]
  broker: {
    connected: boolean
    trouble: Cause | null
    /** Why it has not taken the last alarm; null where it has. */
    refusal: Cause | null
  }
  outbox: { inMemory: number; trouble: Cause | null }
}

interface Cause {
  code: ErrorCode
  what: string
}

/** A part with a problem. */
export interface Defect {
  part: string
  why: string
  /** Null for a state of a camera that is no error: it is being connected to, or its picture is frozen, dark or damaged. */
  code: ErrorCode | null
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
    when(
      now - lastTick > limits.loopMs,
      'live',
      'event loop',
      'PL-LOOP-HELD-UP',
      `was held up for ${seconds(now - lastTick)}`
    ),

  ({ now, underWay }) =>
    underWay
      .filter(({ since }) => now - since > limits.inferenceMs)
      .map(({ part, since }) =>
        defect('live', part, 'PL-INFERENCE-STUCK', `an inference has been under way for ${seconds(now - since)}`)
      ),

  ({ unanswered, restarting }) => {
    const ms = unanswered ? unanswered.last - unanswered.first : 0
    const wrong = ms > limits.inferenceMs && restarting.length === 0
    return when(
      wrong,
      'live',
      'inference',
      'PL-INFERENCE-STUCK',
      `frames have come for ${seconds(ms)}, and none was finished`
    )
  },

  ({ failing }) =>
    failing.map(({ camera, code, why }) =>
      defect('ready', 'inference', code, `fails on the frames of ${camera}: ${why}`)
    ),

  ({ now, restarting }) =>
    restarting.map(({ part, since }) => {
      const stops = now - since > limits.restartMs ? 'live' : 'ready'
      return defect(
        stops,
        part,
        'PL-WORKER-CRASHED',
        `its worker died and has been restarting for ${seconds(now - since)}`
      )
    }),

  ({ cameras }) =>
    cameras
      .filter(({ quietMs }) => quietMs !== null && quietMs > limits.decoderMs)
      .map(({ id, quietMs }) =>
        defect(
          'live',
          `decoder of ${id}`,
          'PL-DECODER-STUCK',
          `is late by ${seconds(quietMs!)} with its picture and cannot be ended`
        )
      ),

  ({ cameras }) =>
    cameras
      .filter(({ state }) => !watched[state])
      .map(({ id, state, reason, code = null }) =>
        defect('ready', `camera ${id}`, code, reason ? `${state}: ${reason}` : state)
      ),

  ({ broker: { connected, trouble } }) =>
    when(!connected, 'ready', 'broker', trouble?.code ?? 'PL-BROKER-NOT-CONNECTED', trouble?.what ?? 'not connected'),

  ({ broker: { connected, refusal } }) =>
    refusal && connected ? [defect('ready', 'broker', refusal.code, `does not take alarms: ${refusal.what}`)] : [],

  ({ outbox: { inMemory, trouble } }) =>
    trouble ? [defect('ready', 'outbox', trouble.code, `${trouble.what}; ${inMemory} wait in memory`)] : []
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

const defect = (stops: Defect['stops'], part: string, code: Defect['code'], why: string): Defect => ({
  ...{ part, why, code, stops }
})

const when = (wrong: boolean, ...[stops, part, code, why]: Parameters<typeof defect>): Defect[] =>
  wrong ? [defect(stops, part, code, why)] : []

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
