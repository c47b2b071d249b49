import { errorFields } from './errors.js'
import type { Log } from './log.js'
import { inferenceGraceMs, WorkerClient } from './worker.js'

/**
 * Uncaught errors go through the log, which redacts secrets, instead of Node.js's own report on stderr, which
 * does not; then the process ends with 1, for systemd to start it again.
 * @returns ends the watch
 */
export function logCrashes(log: Log, exit: (code: number) => void = exitAfterWorkers): () => void {
  const onCrash = (error: unknown): void => {
    try {
      log.error({ ...errorFields(error), stack: error instanceof Error ? error.stack : undefined }, 'painlens crashed')
    } finally {
      // Also where there is nothing left to write to.
      exit(1)
    }
  }
  process.on('uncaughtException', onCrash)
  return () => void process.off('uncaughtException', onCrash)
}

/** Worker threads end first, or the process would abort; where one does not, the process is killed, which needs none of their help. */
function exitAfterWorkers(code: number): void {
  if (!WorkerClient.endAll(inferenceGraceMs)) process.kill(process.pid, 'SIGKILL')
  process.exit(code)
}
