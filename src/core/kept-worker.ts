import { setTimeout as sleep } from 'node:timers/promises'
import { asError, errorFields, InferenceError } from './errors.js'
import type { Log } from './log.js'
import { Restarts } from './restarts.js'
import { type Given, inferenceGraceMs, openedOrClosed, type Result, WorkerClient } from './worker-client.js'
import type { Methods } from './worker-protocol.js'

export interface KeptWorkerOptions<M extends Methods, O> {
  script: string
  /** The worker's name in errors: `the face worker`. */
  what: string
  /** Gives a new worker what it works with: its sessions. */
  open: (worker: WorkerClient<M>) => Promise<O>
  log: Log
  /** It is lost, why, and about to be started again; null when it serves again. */
  onTrouble?: (problem: Error | null) => void
  /** It died or would not open three times without a minute of service between, and stays away. */
  onGivenUp?: (error: Error) => void
  /** The wait before each restart, 0.1 s and 1 s unless given. */
  restartDelaysMs?: readonly number[]
  /** Ends the first opening. */
  signal?: AbortSignal
}

const defaultDelaysMs = [100, 1000]

/** A worker thread of ONNX Runtime that is started again, sessions and all, when it dies; calls meanwhile are rejected at once. */
export class KeptWorker<M extends Methods, O> {
  readonly #options: KeptWorkerOptions<M, O>
  readonly #restarts: Restarts
  readonly #stopping = new AbortController()
  #worker: WorkerClient<M> | null = null
  #opening: Promise<void> = Promise.resolve()
  #problem: Error | null = null
  #opened: O | undefined
  #starts = 0

  private constructor(options: KeptWorkerOptions<M, O>) {
    this.#options = options
    this.#restarts = new Restarts(options.restartDelaysMs ?? defaultDelaysMs)
  }

  /** @throws what `open` throws the first time; the worker is gone then */
  static async start<M extends Methods, O>(options: KeptWorkerOptions<M, O>): Promise<KeptWorker<M, O>> {
    const kept = new KeptWorker(options)
    await kept.#open(options.signal)
    return kept
  }

  /** What the last opening answered. */
  get opened(): O {
    return this.#opened!
  }

  /** How often it was started again. */
  get restarted(): number {
    return Math.max(0, this.#starts - 1)
  }

  call<K extends keyof M & string>(method: K, ...given: Given<M[K]>): Promise<Result<M[K]>> {
    if (this.#worker) return this.#worker.call(method, ...given)
    return Promise.reject(this.#problem ?? closed(this.#options.what))
  }

  /** Also in the middle of a restart. A call that is under way is waited for, up to 10 s. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#worker?.close(inferenceGraceMs), this.#opening])
  }

  async #open(signal?: AbortSignal): Promise<void> {
    const { script, what, open } = this.#options
    let serves = false
    const worker = new WorkerClient<M>(script, what, { onCrash: (error) => serves && this.#lost(error) })
    this.#opened = await openedOrClosed(worker, open(worker), { graceMs: inferenceGraceMs, signal })
    serves = true
    this.#starts++
    this.#restarts.serving()
    this.#worker = worker
    this.#problem = null
  }

  #lost(error: Error): void {
    const { log, what, onTrouble, onGivenUp } = this.#options
    this.#worker = null
    this.#problem = error
    if (this.#stopping.signal.aborted) return
    const delayMs = this.#restarts.next()
    if (delayMs === null) {
      onGivenUp?.(givenUp(error, what, this.#restarts.used + 1))
      return
    }
    log.warn({ ...errorFields(error), delayMs }, `${what} is lost, and started again`)
    onTrouble?.(error)
    this.#opening = this.#restart(delayMs)
  }

  async #restart(delayMs: number): Promise<void> {
    const { signal } = this.#stopping
    try {
      await sleep(delayMs, undefined, { signal })
      await this.#open(signal)
      if (signal.aborted) return await this.#worker?.close(inferenceGraceMs)
      this.#options.onTrouble?.(null)
    } catch (error) {
      if (!signal.aborted) this.#lost(asError(error))
    }
  }
}

function givenUp(error: Error, what: string, times: number): InferenceError {
  return new InferenceError(
    'PL-WORKER-LOST',
    `was lost ${times} times in a short while, the last time because: ${error.message}`,
    what
  )
}

const closed = (what: string): InferenceError => new InferenceError('PL-WORKER-CLOSED', 'is closed', what)
