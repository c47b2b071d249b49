import { Session } from 'node:inspector/promises'
import { until } from './daemon.js'

interface Attached {
  sessionId: string
  workerInfo: { url: string }
}

/**
 * Makes worker threads of this process end, as a crash would: by the debugger, since nothing in painlens itself does.
 * @param script the end of the script's path: `explain/worker.js`
 * @returns how many were there
 */
export function killWorkers(script: string): Promise<number> {
  // From the event loop: the debugger may break into native code, and a thread that ends inside an ONNX Runtime call takes
  // the whole process with it (docs/supervision.md), which no restart in the process can mend.
  return inWorkers(script, 'setImmediate(() => process.exit(7))', ({ wanted, gone }) =>
    until(() => wanted.every((id) => gone.has(id)), 'the workers to end')
  )
}

/** Makes worker threads of this process stand still for `ms`, as native code that hangs would. @returns how many */
export function holdWorkers(script: string, ms: number): Promise<number> {
  const wait = `setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms}))`
  return inWorkers(script, wait, async () => undefined)
}

type Reached = { wanted: string[]; gone: ReadonlySet<string> }

async function inWorkers(
  script: string,
  expression: string,
  after: (reached: Reached) => Promise<unknown>
): Promise<number> {
  const session = new Session()
  session.connect()
  try {
    const found: Attached[] = []
    const gone = new Set<string>()
    session.on('NodeWorker.attachedToWorker', ({ params }) => found.push(params))
    session.on('NodeWorker.detachedFromWorker', ({ params }) => gone.add(params.sessionId))
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
