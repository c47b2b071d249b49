import type { ChildProcess } from 'node:child_process'
import { Session } from 'node:inspector/promises'
import { until } from './slowness.js'

interface Attached {
  sessionId: string
  workerInfo: { url: string }
}

/** A process whose worker threads the debugger reaches: this one, or one that was started as `debuggable`. */
type Reachable = 'here' | ChildProcess

/**
 * Makes worker threads end, as a crash would: by the debugger, since nothing in painlens itself does.
 * @param script the end of the script's path: `explain/worker.js`
 * @returns how many were there
 */
export function killWorkers(script: string, where: Reachable = 'here'): Promise<number> {
  // From the event loop: the debugger may break into native code, and a thread that ends inside an ONNX Runtime call takes
  // the whole process with it (docs/operate/supervision.md), which no restart in the process can mend.
  return inWorkers(script, 'setImmediate(() => process.exit(7))', where, ({ wanted, gone }) =>
    until(() => wanted.every((id) => gone.has(id)), 'the workers to end')
  )
}

/**
 * Makes worker threads stand still, as native code that hangs would, for at most `ms`.
 * @param until  a file: they go on when it is there (with Node.js 20.16 or later, whose threads can look without an import)
 * @returns how many
 */
export function holdWorkers(script: string, ms: number, where: Reachable = 'here', until = ''): Promise<number> {
  const wait = `setImmediate(() => {
    const fs = process.getBuiltinModule?.('node:fs')
    const end = Date.now() + ${ms}
    while (Date.now() < end && !fs?.existsSync(${JSON.stringify(until)}))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  })`
  return inWorkers(script, wait, where, async () => undefined)
}

type Reached = { wanted: string[]; gone: ReadonlySet<string> }

async function inWorkers(
  script: string,
  expression: string,
  where: Reachable,
  after: (reached: Reached) => Promise<unknown>
): Promise<number> {
  const found: Attached[] = []
  const gone = new Set<string>()
  const session = where === 'here' ? connectHere() : connectTo(where)
  try {
    session.onEvent(({ method, params }) => {
      if (method === 'NodeWorker.attachedToWorker') found.push(params as Attached)
      if (method === 'NodeWorker.detachedFromWorker') gone.add((params as Attached).sessionId)
    })
    await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
    const wanted = found.filter(({ workerInfo }) => workerInfo.url.endsWith(script)).map(({ sessionId }) => sessionId)
    for (const sessionId of wanted) {
      const message = { id: 1, method: 'Runtime.evaluate', params: { expression } }
      await session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify(message) })
    }
    await after({ wanted, gone })
    return wanted.length
  } finally {
    session.disconnect()
  }
}

interface Event {
  method: string
  params: object
}

interface Debugger {
  onEvent(listener: (event: Event) => void): void
  post(method: string, params: object): Promise<unknown>
  disconnect(): void
}

function connectHere(): Debugger {
  const session = new Session()
  session.connect()
  return {
    onEvent: (listener) => void session.on('inspectorNotification', (event) => listener(event as Event)),
    post: (method, params) => session.post(method, params),
    disconnect: () => session.disconnect()
  }
}

/** By debuggable.mjs in the child. What is posted to a child that is gone by then fails. */
function connectTo(child: ChildProcess): Debugger {
  let posted = 0
  const hear = (on: (message: { id?: number; event?: Event; error?: object }) => void) => {
    child.on('message', on as (message: unknown) => void)
    return () => void child.off('message', on as (message: unknown) => void)
  }
  const forget: (() => void)[] = []
  child.send({ act: 'connect' })
  return {
    onEvent: (listener) => void forget.push(hear(({ event }) => event && listener(event))),
    post: (method, params) =>
      new Promise((resolve, reject) => {
        const id = ++posted
        const answered = hear((answer) => {
          if (answer.id !== id) return
          answered()
          answer.error ? reject(new Error(`${method}: ${JSON.stringify(answer.error)}`)) : resolve(undefined)
        })
        child.send({ act: 'post', id, method, params }, (error) => error && reject(error))
      }),
    disconnect: () => {
      for (const stop of forget) stop()
      if (child.connected) child.send({ act: 'disconnect' })
    }
  }
}
