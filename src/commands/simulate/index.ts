import { setTimeout as delay } from 'node:timers/promises'
import { isThisDevice } from '../../config/url.js'
import { UsageError } from '../../core/errors.js'
import { createLog } from '../../core/log.js'
import { Secrets } from '../../core/secrets.js'
import { toStderr, toStdout } from '../../core/terminal.js'
import { type Simulation, type StretchEvent, startSimulation } from '../../show/simulate/simulate.js'

export interface SimulateOptions {
  rtspPort?: number
  host?: string
  fps?: number
  /** Duration; runs until aborted unless given. */
  seconds?: number
  identity?: number
  user?: string
  password?: string
  /** Whether to print one JSON object per event instead of sentences. */
  json?: boolean
}

const standardRtspPort = 8554

/**
 * `painlens simulate`: serves the simulated camera until aborted.
 * @returns the exit code
 */
export async function simulateCommand(options: SimulateOptions, signal: AbortSignal): Promise<number> {
  const credentials = credentialsOf(options)
  const secrets = new Secrets()
  secrets.add(credentials?.password)
  const tell = options.json ? tellJson : tellWords
  if (!credentials && options.host !== undefined && !isThisDevice(options.host)) toStderr(openToAll(options.host))
  let simulation: Simulation
  try {
    simulation = await startSimulation({
      rtspPort: options.rtspPort ?? standardRtspPort,
      host: options.host,
      fps: options.fps,
      identitySeed: options.identity,
      credentials,
      log: createLog('warn', secrets),
      onReady: tell.ready,
      onStretch: tell.stretch,
      signal
    })
  } catch (error) {
    if (signal.aborted) return 0
    throw error
  }
  try {
    await endOf(simulation, options.seconds, signal)
  } finally {
    await simulation.stop()
  }
  return 0
}

const openToAll = (host: string): string =>
  `painlens: each computer that reaches ${host} can watch the simulated camera. Give --user, and its password in ` +
  'PAINLENS_SIMULATE_PASSWORD, or leave --host out.\n'

/** The password may come from the environment, which is hidden from other users of the machine. */
function credentialsOf({ user, password = process.env.PAINLENS_SIMULATE_PASSWORD }: SimulateOptions) {
  if (user === undefined && password === undefined) return undefined
  if (user !== undefined && password) return { user, password, scheme: 'digest' as const }
  throw new UsageError(
    'PL-OPTION-LOGIN',
    user === undefined ? 'a password is given without a user name' : 'a user name is given without a password',
    'painlens simulate'
  )
}

async function endOf(simulation: Simulation, seconds: number | undefined, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const stop = AbortSignal.any([signal, over.signal])
  const wait = seconds === undefined ? aborted(stop) : delay(seconds * 1000, undefined, { signal: stop })
  try {
    await Promise.race([wait.catch(() => undefined), simulation.ended])
  } finally {
    over.abort()
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const print = (line: string): void => toStdout(`${line}\n`)

const sentences: Record<StretchEvent['expression'], string> = {
  neutral: 'rests',
  happiness: 'smiles',
  pain: 'is in pain',
  disgust: 'is disgusted'
}

const tellJson = {
  ready: (url: string) => print(JSON.stringify({ event: 'ready', url })),
  stretch: (stretch: StretchEvent) => print(JSON.stringify({ event: 'stretch', ...stretch }))
}

const tellWords = {
  // Without the password, since the output may be stored.
  ready: (url: string) =>
    print(
      `The simulated camera serves at ${url.replace(/:[^:@/]*@/, ':***@')} (Ctrl-C ends it). The resident's day begins with the first viewer.`
    ),
  stretch: ({ expression, intensity, seconds, at }: StretchEvent) => {
    const strength = expression === 'neutral' ? '' : ` (intensity ${intensity})`
    print(
      `${new Date(at).toISOString().slice(11, 19)}  The resident ${sentences[expression]}${strength} for ${seconds} s.`
    )
  }
}
