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
export async function killWorkers(script: string): Promise<number> {
  const session = new Session()
  session.connect()
  try {
    const found: Attached[] = []
    const gone = new Set<string>()
    session.on('NodeWorker.attachedToWorker', ({ params }) => found.push(params))
    session.on('NodeWorker.detachedFromWorker', ({ params }) => gone.add(params.sessionId))
    await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
    const wanted = found.filter(({ workerInfo }) => workerInfo.url.endsWith(script))
    for (const { sessionId } of wanted) {
      const message = { id: 1, method: 'Runtime.evaluate', params: { expression: 'process.exit(7)' } }
      await session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify(message) })
    }
    await until(() => wanted.every(({ sessionId }) => gone.has(sessionId)), 'the workers to end')
    return wanted.length
  } finally {
    session.disconnect()
  }
}
