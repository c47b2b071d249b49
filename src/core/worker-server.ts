import inspector from 'node:inspector'
import { basename, dirname } from 'node:path'
import { parentPort, type Transferable } from 'node:worker_threads'
import { InvariantError, messageOf, PainlensError } from './errors.js'
import { type Answer, closeRequest, type Failure, type Methods, type Request } from './worker-protocol.js'

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
  let last: Promise<void> = Promise.resolve()
  port.on('message', (request: Request | typeof closeRequest) => {
    // Received only between two pieces of native code, where this thread may end safely.
    if (request === closeRequest) process.exit(0)
    last = last.then(async () => {
      try {
        // The client's types are these methods' own.
        const result = await methods[request.method]!(request.argument as never)
        const { value, transfer } = result instanceof Transferred ? result : { value: result, transfer: [] }
        port.postMessage({ id: request.id, value } satisfies Answer, transfer)
      } catch (error) {
        port.postMessage({ id: request.id, failure: failureOf(error) } satisfies Answer)
      }
    })
  })
}

/** @param depth how many causes of causes go along; an error may be its own cause */
/**
 * For who debugs painlens (docs/develop/working.md): `PAINLENS_INSPECT=detect,explain` gives these workers an inspector of
 * their own, on a free port of the loopback; Node.js says which on standard error.
 * @param script `…/stages/detect/worker.js` is called `detect`
 */
function openInspector(script: string): void {
  const wanted = process.env.PAINLENS_INSPECT?.split(',') ?? []
  if (wanted.includes(basename(dirname(script)))) inspector.open(0, '127.0.0.1')
}

function failureOf(error: unknown, depth = 8): Failure {
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
