import { setTimeout as sleep } from 'node:timers/promises'
import { asError, type ErrorCode, errorFields, InferenceError } from './errors.js'
import type { Log } from './log.js'
import { inferenceGraceMs, type Methods, openedOrClosed, WorkerClient } from './worker.js'

/** `failed`: it could not be opened, or was lost again and again. For good unless it has `laterDelaysMs`. */
export type WorkerState = 'starting' | 'ready' | 'restarting' | 'failed'

export interface WorkerOpening {
  /** Closes the worker while it is being opened. */
  signal: AbortSignal
  /** Not the first try: what the worker reads from disk may have been replaced meanwhile. */
  again: boolean
  /** To be called when it dies. */
  onLost: (error: Error) => void
}

export interface KeptWorkerOptions<W extends { close(): Promise<void> }> {
  /** Its name in errors and in the log: `the face worker`. */
  what: string
  /** Opens one, with all that it works with; what it throws is thrown by `start`, or counts as a loss. */
  open: (opening: WorkerOpening) => Promise<W>
  /** Whether an opening that failed is tried again: a first one, as one that is lost, and one of `laterDelaysMs`; never unless given. */
  mayPass?: (error: unknown) => boolean
  /** The state has changed; `problem` is why it does not serve. A first opening that fails is told by `start` alone. */
  onState?: (state: WorkerState, problem: Error | null) => void
  /** The wait before each restart, 0.1 s and 1 s unless given; after the last of them it is given up. */
  restartDelaysMs?: readonly number[]
  /** The waits before it is opened once more after it was given up, the last of them again and again; never unless given. */
  laterDelaysMs?: readonly number[]
  /** Of the error once it has been given up. */
  givenUpCode: Extract<ErrorCode, 'PL-WORKER-LOST' | 'PL-EXPLAIN-LOST'>
  log: Log
}

const defaultDelaysMs = [100, 1000]

/** Keeps one worker running: opens it, and opens it again when it has died. Calls meanwhile fail at once. */
export class KeptWorker<W extends { close(): Promise<void> }> {
  readonly #options: KeptWorkerOptions<W>
  readonly #restarts: Restarts
  readonly #stopping = new AbortController()
  #worker: W | null = null
  #opening: Promise<void> = Promise.resolve()
  #state: WorkerState = 'starting'
  #problem: Error | null = null
  #starts = 0

  constructor(options: KeptWorkerOptions<W>) {
    this.#options = options
    this.#restarts = new Restarts(options.restartDelaysMs ?? defaultDelaysMs, { laterMs: options.laterDelaysMs })
  }

  get state(): WorkerState {
    return this.#state
  }

  /** The one that serves; null while none does. */
  get current(): W | null {
    return this.#worker
  }

  /** How often it was started again. */
  get restarted(): number {
    return Math.max(0, this.#starts - 1)
  }

  /**
   * Back when it serves.
   * @param signal ends the opening
   * @throws what `open` throws and `mayPass` does not let pass; the state is `failed` then, and nothing is left open
   */
  start(signal?: AbortSignal): Promise<void> {
    const ends = signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal
    const starting = this.#start(ends)
    this.#opening = starting.catch((error: unknown) => {
      if (this.#mayPass(error) && !ends.aborted) this.#opening = this.#openLater()
    })
    return starting
  }

  /** @throws why none serves */
  serving(): W {
    if (this.#worker) return this.#worker
    throw this.#problem ?? new InferenceError('PL-WORKER-CLOSED', 'is closed', this.#options.what)
  }

  /** Also in the middle of an opening. A call that is under way is waited for, as long as the worker's own `close` does. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#worker?.close(), this.#opening])
    // One that was open before it heard of the end.
    await this.#worker?.close()
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { what, log } = this.#options
    for (let again = false; ; again = true) {
      try {
        return await this.#open(signal, again)
      } catch (error) {
        const delayMs = !signal.aborted && this.#mayPass(error) ? this.#restarts.next() : null
        if (delayMs === null) {
          this.#state = 'failed'
          this.#problem = asError(error)
          throw error
        }
        log.warn({ ...errorFields(error), delayMs }, `${what} cannot be opened, and is tried again after a while`)
        this.#set('restarting', asError(error))
        await sleep(delayMs, undefined, { signal })
      }
    }
  }

  async #open(signal: AbortSignal, again: boolean): Promise<void> {
    let serves = false
    const onLost = (error: Error): void => {
      if (serves) this.#lost(error)
    }
    this.#worker = await this.#options.open({ signal, again, onLost })
    serves = true
    this.#starts++
    this.#restarts.serving()
    this.#set('ready', null)
  }

  #lost(error: Error): void {
    const { what, log, givenUpCode } = this.#options
    this.#worker = null
    this.#problem = error
    if (this.#stopping.signal.aborted) return
    const delayMs = this.#restarts.next()
    if (delayMs === null) {
      const often = `was lost ${this.#restarts.used + 1} times in a short while, the last time because: ${error.message}`
      this.#set('failed', new InferenceError(givenUpCode, often, what))
      this.#opening = this.#openLater()
      return
    }
    log.warn({ ...errorFields(error), delayMs }, `${what} is lost, and started again`)
    this.#set('restarting', error)
    this.#opening = this.#restart(delayMs)
  }

  async #restart(delayMs: number): Promise<void> {
    const { signal } = this.#stopping
    try {
      await sleep(delayMs, undefined, { signal })
      await this.#open(signal, true)
    } catch (error) {
      if (!signal.aborted) this.#lost(asError(error))
    }
  }

  /** Opens one that was given up, after longer and longer waits: memory or disk may have been short for a while. */
  async #openLater(): Promise<void> {
    const { signal } = this.#stopping
    const { what, log } = this.#options
    for (;;) {
      const delayMs = this.#restarts.later()
      if (delayMs === null) return
      try {
        await sleep(delayMs, undefined, { signal })
        return await this.#open(signal, true)
      } catch (error) {
        if (signal.aborted) return
        log.warn(errorFields(error), `${what} still cannot be opened`)
        if (!this.#mayPass(error)) return
      }
    }
  }

  #mayPass(error: unknown): boolean {
    return this.#options.mayPass?.(error) ?? false
  }

  #set(state: WorkerState, problem: Error | null): void {
    this.#state = state
    this.#problem = problem
    if (!this.#stopping.signal.aborted) this.#options.onState?.(state, problem)
  }
}

/** A worker thread of ONNX Runtime with its sessions. */
export interface InferenceWorker<M extends Methods, O> {
  client: WorkerClient<M>
  /** What it answered when it was opened. */
  opened: O
  close(): Promise<void>
}

/**
 * Starts a worker thread and gives it what it works with; for a `KeptWorker`'s `open`.
 * @throws what `open` throws; the thread is gone then
 */
export async function openInferenceWorker<M extends Methods, O>(
  script: string,
  what: string,
  open: (client: WorkerClient<M>) => Promise<O>,
  { signal, onLost }: WorkerOpening
): Promise<InferenceWorker<M, O>> {
  const client = new WorkerClient<M>(script, what, { onCrash: onLost })
  const opened = await openedOrClosed(client, open(client), { graceMs: inferenceGraceMs, signal })
  return { client, opened, close: () => client.close(inferenceGraceMs) }
}

/** Callbacks by which stages report the state of their worker. */
export interface WorkerTroubles {
  /** It died and is started again; null when it serves again. */
  onTrouble?: (problem: Error | null) => void
  /** It died, or would not open, three times without a minute of service between, and stays away. */
  onGivenUp?: (error: Error) => void
}

/** An `onState` for stages that report only troubles. */
export function tellTroubles({ onTrouble, onGivenUp }: WorkerTroubles): KeptWorkerOptions<never>['onState'] {
  let started = false
  return (state, problem) => {
    if (state === 'failed') onGivenUp?.(problem!)
    else if (started) onTrouble?.(problem)
    started = true
  }
}

/** Something that has served for so long has all its restarts again. */
export const soundMs = 60_000

/** How often, and after which waits, something that dies is started again. */
export class Restarts {
  readonly #delaysMs: readonly number[]
  readonly #laterMs: readonly number[]
  readonly #now: () => number
  #used = 0
  #later = 0
  #servingSince: number | null = null

  /**
   * @param delaysMs the wait before each restart; after the last of them it is given up
   * @param laterMs the waits after that, the last of them again and again
   * @param now a monotonic clock, in ms
   */
  constructor(
    delaysMs: readonly number[],
    { laterMs = [], now = () => performance.now() }: { laterMs?: readonly number[]; now?: () => number } = {}
  ) {
    this.#delaysMs = delaysMs
    this.#laterMs = laterMs
    this.#now = now
  }

  /** Restarts since it last served for a minute. */
  get used(): number {
    return this.#used
  }

  /** It serves from now on. */
  serving(): void {
    this.#servingSince = this.#now()
  }

  /** It has died, or could not be started. @returns how long to wait before the next start, or null to give it up */
  next(): number | null {
    if (this.#servingSince !== null && this.#now() - this.#servingSince >= soundMs) {
      this.#used = 0
      this.#later = 0
    }
    this.#servingSince = null
    const delayMs = this.#delaysMs[this.#used]
    if (delayMs === undefined) return null
    this.#used++
    return delayMs
  }

  /** It has been given up. @returns how long to wait before it is tried once more, or null for never */
  later(): number | null {
    const delayMs = this.#laterMs[Math.min(this.#later, this.#laterMs.length - 1)]
    this.#later++
    return delayMs ?? null
  }
}
