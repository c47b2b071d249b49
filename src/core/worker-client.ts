import './full-precision.js'
import './no-telemetry.js'
import { type Transferable, Worker } from 'node:worker_threads'
import * as errors from './errors.js'
import { type Answer, closeRequest, type Failure, type Methods } from './worker-protocol.js'

/** How long a worker of ONNX Runtime may take to end its present call; opening a large model takes seconds. */
export const inferenceGraceMs = 10_000

type Pending = { resolve: (value: never) => void; reject: (error: Error) => void }
/** What a worker's method takes. */
export type Argument<M> = M extends (argument: infer A) => unknown ? A : never
/** What a call gives beside the method's name: the argument, if it takes one, and what goes over with it. */
export type Given<M> = M extends () => unknown
  ? [argument?: undefined, transfer?: Transferable[]]
  : [argument: Argument<M>, transfer?: Transferable[]]
/** What it answers with, on this side. */
export type Result<M> = M extends (argument: never) => infer R
  ? Awaited<R> extends { value: infer V; transfer: unknown }
    ? V
    : Awaited<R>
  : never

/**
 * Owns one worker thread and calls its methods: `client.call('detect', frame)`. A worker that dies rejects every open
 * call with an InferenceError and reports once through `onCrash`; it is not started again here.
 */
export class WorkerClient<M extends Methods> {
  readonly #worker: Worker
  readonly #open = new Map<number, Pending>()
  readonly #what: string
  #next = 0
  #closing: Promise<void> | undefined
  #ended = false
  #dead: Error | undefined

  /** @param what  the worker's name in errors: `the face worker` */
  constructor(script: string, what: string, options: { workerData?: unknown; onCrash?: (error: Error) => void } = {}) {
    this.#what = what
    this.#worker = new Worker(script, { workerData: options.workerData, name: what })
    this.#worker.on('message', (answer: Answer) => this.#settle(answer))
    const crashed = (reason: string): void => {
      if (this.#closing || this.#dead) return
      this.#dead = new errors.InferenceError('PL-WORKER-CRASHED', reason, this.#what)
      this.#rejectAll(this.#dead)
      options.onCrash?.(this.#dead)
    }
    this.#worker.on('error', (error) => crashed(`crashed: ${errors.messageOf(error)}`))
    this.#worker.on('exit', (code) => {
      this.#ended = true
      crashed(`ended with code ${code}`)
    })
  }

  /** Calls still open, the one being worked on included. */
  get pending(): number {
    return this.#open.size
  }

  /** A method without an argument is called without one. */
  call<K extends keyof M & string>(method: K, ...given: Given<M[K]>): Promise<Result<M[K]>> {
    const [argument, transfer = []] = given
    if (this.#dead) return Promise.reject(this.#dead)
    if (this.#closing) return Promise.reject(new errors.InferenceError('PL-WORKER-CLOSED', 'is closed', this.#what))
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve: resolve as (value: never) => void, reject })
      this.#worker.postMessage({ id, method, argument }, transfer)
    })
  }

  /**
   * Ends the thread; open calls are rejected.
   * @param graceMs how long the thread may take to leave native code. A thread that is terminated in the middle of an ONNX
   *   Runtime call aborts the whole process. Without it the thread ends at once.
   */
  close(graceMs = 0): Promise<void> {
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    this.#rejectAll(new errors.InferenceError('PL-WORKER-CLOSED', 'is closed', this.#what))
    if (graceMs > 0 && !this.#ended) {
      this.#worker.postMessage(closeRequest)
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, graceMs).unref())])
    }
    await this.#worker.terminate()
  }

  #settle(answer: Answer): void {
    const pending = this.#open.get(answer.id)
    this.#open.delete(answer.id)
    if ('failure' in answer) pending?.reject(revive(answer.failure))
    // What each call is answered with is its method's result, by the worker's own types.
    else pending?.resolve(answer.value as never)
  }

  #rejectAll(error: Error): void {
    for (const pending of this.#open.values()) pending.reject(error)
    this.#open.clear()
  }
}

/** A worker's first call: when it fails, or `signal` aborts meanwhile, the worker is closed. */
export async function openedOrClosed<T>(
  worker: { close(graceMs?: number): Promise<void> },
  opening: Promise<T>,
  { graceMs, signal }: { graceMs: number; signal?: AbortSignal }
): Promise<T> {
  const onAbort = (): void => void worker.close(graceMs)
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()
  try {
    return await opening
  } catch (error) {
    await worker.close(graceMs)
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

function revive({ name, message, code, said, cause: from }: Failure): Error {
  const cause = from && { cause: revive(from) }
  if (!said) return Object.assign(new Error(message, cause), { name }, code === undefined ? {} : { code })
  const Kind = (errors as Record<string, unknown>)[name] as typeof errors.PainlensError | undefined
  const error = new errors.PainlensError(code as errors.ErrorCode, said.what, said.where, { fix: said.fix, ...cause })
  // Its class, whatever its constructor takes.
  if (typeof Kind === 'function') Object.setPrototypeOf(error, Kind.prototype)
  return Object.assign(error, { name, message })
}
