/** The lamps of `painlens check` as the running painlens sees itself; what only `check` can try has none. */
import type { HealthMessage } from '../../contract/messages.js'
import { type ErrorCode, errorCodes, fixOf } from '../../core/error-codes/index.js'
import type { CheckLamp, WayAnswer } from '../../page/index.js'

/** A technical alarm that is active. */
export interface Trouble {
  condition: string
  /** Null where it is about the box. */
  camera: string | null
  text: string
  code: string | null
}

export interface LampsOptions {
  health: HealthMessage
  troubles: readonly Trouble[]
  /** The last test of the way to the nurse call. */
  way: WayAnswer | null
  /** Of the broker, without a password. */
  broker: string
  version: string
}

/** In the order in which `check` has them. */
export function lampsOf({ health, troubles, way, broker, version }: LampsOptions): CheckLamp[] {
  const { cameras, model, provider, explanation, outbox, http, page, problems, uptime_s } = health
  const of = (part: string) => problems.find((problem) => problem.part === part)
  const inference = of('classify') ?? of('detect') ?? of('inference')
  const about = (condition: string) => troubles.find((trouble) => trouble.condition === condition)
  const clock = about('clock_unsynchronised')
  const places = new Set([
    'clock_unsynchronised',
    'broker_lost',
    'explanation_failed',
    'inference_failed',
    'outbox_failed'
  ])
  const others = troubles.filter(({ camera, condition }) => camera === null && !places.has(condition))
  return [
    ...others.map(({ text, code, condition }) => lamp(condition.replaceAll('_', ' '), 'fail', text, code)),
    clock ? lamp('clock', 'warn', clock.text, clock.code) : lamp('clock', 'ok', health.at),
    lamp('daemon', 'ok', `painlens ${version}, for ${Math.round(uptime_s / 60)} min`),
    ...Object.entries(cameras).map(([id, { state, problem, code, fps }]) => {
      if (state !== 'ok' && state !== 'paused')
        return lamp(`camera ${id}`, 'fail', problem ?? `${state}, ${fps} fps`, code)
      const seen = troubles.find(({ camera }) => camera === id)
      return lamp(`camera ${id}`, seen ? 'warn' : 'ok', seen?.text ?? problem ?? `${state}, ${fps} fps`, code)
    }),
    model.demonstration
      ? lamp('model', 'warn', `${model.name}: a demonstration, which says nothing about people`)
      : lamp('model', 'ok', `${model.name}, ${model.sha256.slice(0, 12)}`),
    explanation === null
      ? lamp('explanations', 'ok', 'turned off')
      : lamp(
          'explanations',
          explanation.problem ? 'fail' : 'ok',
          explanation.problem ?? explanation.state,
          explanation.code
        ),
    inference ? lamp('provider', 'fail', inference.why, inference.code) : lamp('provider', 'ok', provider),
    brokerLamp(of('broker'), broker),
    ...(way && (way.notHeard !== null || way.notBack) ? [notBackLamp(way)] : []),
    listenerLamp('http', http),
    listenerLamp('page', page),
    diskLamp(of('outbox'), outbox.depth)
  ]
}

type Part = HealthMessage['problems'][number] | undefined

const brokerLamp = (problem: Part, address: string): CheckLamp =>
  problem ? lamp('broker', 'fail', `${address}: ${problem.why}`, problem.code) : lamp('broker', 'ok', address)

const notBackLamp = ({ notHeard }: WayAnswer): CheckLamp =>
  lamp(
    'alarms come back',
    'warn',
    `the last test alarm did not come back from the broker (${notHeard ?? 'confirmed, and not delivered'})`,
    'PL-BROKER-NO-READ'
  )

const diskLamp = (problem: Part, depth: number): CheckLamp =>
  problem
    ? lamp('disk', 'fail', problem.why, problem.code)
    : lamp('disk', 'ok', `${depth} messages wait for the broker`)

function listenerLamp(what: string, listener: HealthMessage['http']): CheckLamp {
  if (listener === null) return lamp(what, 'ok', 'turned off')
  const { address, problem, code } = listener
  return problem === null ? lamp(what, 'ok', address ?? '–') : lamp(what, 'fail', problem, code)
}

const lamp = (what: string, state: CheckLamp['state'], found: string, code: string | null = null): CheckLamp => ({
  ...{ what, state, found, code },
  fix: code !== null && isCode(code) ? fixOf(code) : null
})

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorCodes, code)
