import './full-precision.js'
import './no-telemetry.js'
import { writeSync } from 'node:fs'
import inspector from 'node:inspector'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type MessagePort, parentPort, type Transferable, Worker } from 'node:worker_threads'
import * as errorClasses from './errors.js'
import { type ErrorCode, InferenceError, InvariantError, messageOf, PainlensError } from './errors.js'

/** Asks a worker to end after its present call. It sets `close[0]` to 1 just before, for a thread that waits without an event loop. */
type CloseRequest = { close: Int32Array<SharedArrayBuffer> }

/** A worker's methods: each takes one structured-cloneable argument and answers with one. */
export type Methods = Record<string, (argument: never) => unknown>

export type Request = { id: number; method: string; argument: unknown }
/** An error on its way between threads. `said` is there where it is one of painlens's own classes, whose `name` it is then. */
export type WorkerFailure = {
  name: string
  message: string
  /** Ours, or the system's (`ENOSPC`). */
  code?: string | number
  said?: { what: string; where: string; fix: string }
  cause?: WorkerFailure
}
export type WorkerReply = { id: number; value: unknown } | { id: number; failure: WorkerFailure }

/**
 * Where the compiled worker script beside the calling module lies. Workers cannot load TypeScript, so a module that is
 * run from `src` (as vitest does) gets the script of the build.
 * @param caller `import.meta.url`
 * @param script `./worker.js`
 */
export function workerScript(caller: string, script: string): string {
  const beside = fileURLToPath(new URL(script, caller))
  if (!caller.endsWith('.ts')) return beside
  const tools = beside.lastIndexOf('/tools/')
  if (tools >= 0) return `${beside.slice(0, tools)}/tools/dist/${beside.slice(tools + 7)}`
  const cut = beside.lastIndexOf('/src/')
  return `${beside.slice(0, cut)}/dist/${beside.slice(cut + 5)}`
}

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
export type WorkerAnswer<M> = M extends (argument: never) => infer R
  ? Awaited<R> extends { value: infer V; transfer: unknown }
    ? V
    : Awaited<R>
  : never

/** Calls of methods on another thread's side, and their answers, which come in through `settle`. */
class Calls<M extends Methods> {
  readonly #open = new Map<number, Pending>()
  readonly #post: (request: Request, transfer: Transferable[]) => void
  #next = 0

  constructor(post: (request: Request, transfer: Transferable[]) => void) {
    this.#post = post
  }

  /** A method without an argument is called without one. */
  call<K extends keyof M & string>(method: K, ...given: Given<M[K]>): Promise<WorkerAnswer<M[K]>> {
    const [argument, transfer = []] = given
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve: resolve as (value: never) => void, reject })
      this.#post({ id, method, argument }, transfer)
    })
  }

  settle(answer: WorkerReply): void {
    const pending = this.#open.get(answer.id)
    this.#open.delete(answer.id)
    if ('failure' in answer) pending?.reject(revive(answer.failure))
    // What each call is answered with is its method's result, by the worker's own types.
    else pending?.resolve(answer.value as never)
  }

  rejectAll(error: Error): void {
    for (const pending of this.#open.values()) pending.reject(error)
    this.#open.clear()
  }
}

/** Calls methods that another thread answers on the other end of a port (`answerCalls`). */
export class PortClient<M extends Methods> {
  readonly #calls: Calls<M>
  #closed: Error | undefined

  /** @param what the other side's name in errors */
  constructor(port: MessagePort, what: string) {
    this.#calls = new Calls((request, transfer) => port.postMessage(request, transfer))
    port.on('message', (answer: WorkerReply) => this.#calls.settle(answer))
    port.on('close', () => {
      this.#closed = new InferenceError('PL-WORKER-CLOSED', 'is closed', what)
      this.#calls.rejectAll(this.#closed)
    })
  }

  /** Rejects once the port is closed. */
  call<K extends keyof M & string>(method: K, ...given: Given<M[K]>): Promise<WorkerAnswer<M[K]>> {
    return this.#closed ? Promise.reject(this.#closed) : this.#calls.call(method, ...given)
  }
}

/**
 * Owns one worker thread and calls its methods: `client.call('detect', frame)`. A worker that dies rejects every open
 * call with an InferenceError and reports once through `onCrash`; it is not started again here.
 */
export class WorkerClient<M extends Methods> {
  /** Workers whose threads have not ended, each with the memory in which it says that it ends: it may do so before its `exit` event is seen here. */
  static readonly #living = new Map<Worker, Int32Array<SharedArrayBuffer>>()
  readonly #worker: Worker
  readonly #calls: Calls<M>
  readonly #what: string
  #closing: Promise<void> | undefined
  #dead: Error | undefined

  /** @param what  the worker's name in errors: `the face worker` */
  constructor(script: string, what: string, options: { workerData?: unknown; onCrash?: (error: Error) => void } = {}) {
    this.#what = what
    this.#worker = new Worker(script, { workerData: options.workerData, name: what })
    WorkerClient.#living.set(this.#worker, new Int32Array(new SharedArrayBuffer(4)))
    this.#calls = new Calls((request, transfer) => this.#worker.postMessage(request, transfer))
    this.#worker.on('message', (answer: WorkerReply) => this.#calls.settle(answer))
    const crashed = (reason: string): void => {
      if (this.#closing || this.#dead) return
      this.#dead = new InferenceError('PL-WORKER-CRASHED', reason, this.#what)
      this.#calls.rejectAll(this.#dead)
      options.onCrash?.(this.#dead)
    }
    this.#worker.on('error', (error) => {
      // Its thread runs nothing any more, and answers nothing; where `crashed` throws, it is not waited for.
      WorkerClient.#living.delete(this.#worker)
      crashed(`crashed: ${messageOf(error)}`)
    })
    this.#worker.on('exit', (code) => {
      WorkerClient.#living.delete(this.#worker)
      crashed(`ended with code ${code}`)
    })
  }

  /**
   * Asks every worker of this thread to end after its present call, and blocks until they do: nothing else runs here meanwhile. For a
   * process that is about to exit, which ends its threads: one in the middle of an ONNX Runtime call would abort the process.
   * @returns false where one has not ended after so many ms
   */
  static endAll(withinMs: number): boolean {
    const until = performance.now() + withinMs
    const living = [...WorkerClient.#living]
    for (const [worker, close] of living) worker.postMessage({ close } satisfies CloseRequest)
    return living.every(
      ([, close]) => Atomics.wait(close, 0, 0, Math.max(0, until - performance.now())) !== 'timed-out'
    )
  }

  /** A method without an argument is called without one. */
  call<K extends keyof M & string>(method: K, ...given: Given<M[K]>): Promise<WorkerAnswer<M[K]>> {
    if (this.#dead) return Promise.reject(this.#dead)
    if (this.#closing) return Promise.reject(new InferenceError('PL-WORKER-CLOSED', 'is closed', this.#what))
    return this.#calls.call(method, ...given)
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
    this.#calls.rejectAll(new InferenceError('PL-WORKER-CLOSED', 'is closed', this.#what))
    const close = WorkerClient.#living.get(this.#worker)
    if (graceMs > 0 && close) {
      this.#worker.postMessage({ close } satisfies CloseRequest)
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, graceMs).unref())])
    }
    // From here on it answers nothing.
    WorkerClient.#living.delete(this.#worker)
    await this.#worker.terminate()
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

function revive({ name, message, code, said, cause: from }: WorkerFailure): Error {
  const cause = from && { cause: revive(from) }
  if (!said) return Object.assign(new Error(message, cause), { name }, code === undefined ? {} : { code })
  const Kind = (errorClasses as Record<string, unknown>)[name] as typeof PainlensError | undefined
  const error = new PainlensError(code as ErrorCode, said.what, said.where, { fix: said.fix, ...cause })
  // Its class, whatever its constructor takes.
  if (typeof Kind === 'function') Object.setPrototypeOf(error, Kind.prototype)
  return Object.assign(error, { name, message })
}

/** What a method returns when parts of its answer are to be transferred instead of copied. */
export class Transferred<T> {
  constructor(
    readonly value: T,
    readonly transfer: readonly Transferable[]
  ) {}
}

/**
 * Answers a `WorkerClient`'s calls, one after the other in the order they came, until it is asked to close. To be
 * called once, in the worker.
 */
export function serveWorker(methods: Methods): void {
  openInspector(process.argv[1] ?? '')
  const port = parentPort
  if (!port) throw new InvariantError('serveWorker runs in a worker thread only', 'the worker')
  const answer = answering(port, methods)
  port.on('message', (request: Request | CloseRequest) => {
    // Received only between two pieces of native code, where this thread may end safely.
    if ('close' in request) end(request)
    else answer(request)
  })
}

function end({ close }: CloseRequest): void {
  Atomics.store(close, 0, 1)
  Atomics.notify(close, 0)
  process.exit(0)
}

/** Answers a `PortClient`'s calls, one after the other in the order they came, until the port is closed. */
export function answerCalls(port: MessagePort, methods: Methods): void {
  port.on('message', answering(port, methods))
}

function answering(port: MessagePort, methods: Methods): (request: Request) => void {
  let last: Promise<void> = Promise.resolve()
  return (request) => {
    last = last.then(async () => {
      try {
        // The calling side is typed by these very methods.
        const result = await methods[request.method]!(request.argument as never)
        const { value, transfer } = result instanceof Transferred ? result : { value: result, transfer: [] }
        port.postMessage({ id: request.id, value } satisfies WorkerReply, transfer)
      } catch (error) {
        port.postMessage({ id: request.id, failure: failureOf(error) } satisfies WorkerReply)
      }
    })
  }
}

/**
 * Opens an inspector for a debugger (docs/develop/working.md): `PAINLENS_INSPECT=detect,explain` gives each of these workers
 * one of its own, on a free port of the loopback, which Node.js writes to standard error behind the worker's name.
 * @param script `…/stages/detect/worker.js` is called `detect`
 */
function openInspector(script: string): void {
  const wanted = process.env.PAINLENS_INSPECT?.split(',') ?? []
  const name = basename(dirname(script))
  if (!wanted.includes(name)) return
  // Node.js writes its line straight to the descriptor, and does not say whose port it is.
  writeSync(2, `${name}: `)
  inspector.open(0, '127.0.0.1')
}

/** @param depth how many causes of causes go along; an error may be its own cause */
function failureOf(error: unknown, depth = 8): WorkerFailure {
  if (!(error instanceof Error)) return { name: 'Error', message: messageOf(error) }
  const { name, message, cause } = error
  const { code } = error as { code?: unknown }
  return {
    name,
    message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error instanceof PainlensError ? { said: { what: error.what, where: error.where, fix: error.fix } } : {}),
    ...(cause === undefined || depth === 0 ? {} : { cause: failureOf(cause, depth - 1) })
  }
}
