import { parentPort, type Transferable } from 'node:worker_threads'
import { messageOf, PainlensError } from './errors.js'
import { closeRequest, type Methods, type Request, type WorkerFailure, type WorkerReply } from './worker-protocol.js'

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
  const port = parentPort
  if (!port) throw new Error('serveWorker runs in a worker thread only')
  let last: Promise<void> = Promise.resolve()
  port.on('message', (request: Request | typeof closeRequest) => {
    // Heard only between two pieces of native code, which is where this thread may end.
    if (request === closeRequest) process.exit(0)
    last = last.then(async () => {
      try {
        const result = await methods[request.method]!(request.argument as never)
        const { value, transfer } = result instanceof Transferred ? result : { value: result, transfer: [] }
        port.postMessage({ id: request.id, value } satisfies WorkerReply, transfer)
      } catch (error) {
        port.postMessage({ id: request.id, failure: failureOf(error) } satisfies WorkerReply)
      }
    })
  })
}

function failureOf(error: unknown): WorkerFailure {
  if (error instanceof PainlensError)
    return { name: error.name, message: error.message, what: error.what, where: error.where, fix: error.fix }
  return { name: error instanceof Error ? error.name : 'Error', message: messageOf(error) }
}
