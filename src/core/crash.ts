import { errorFields } from './errors.js'
import type { Log } from './log.js'

/**
 * Uncaught errors go through the log, which redacts secrets, instead of Node.js's own report on stderr, which
 * does not; then the process ends with 1, for systemd to start it again.
 * @returns ends the watch
 */
export function logCrashes(log: Log, exit: (code: number) => void = (code) => process.exit(code)): () => void {
  const onCrash = (error: unknown): void => {
    log.error({ ...errorFields(error), stack: error instanceof Error ? error.stack : undefined }, 'painlens crashed')
    exit(1)
  }
  process.on('uncaughtException', onCrash)
  return () => void process.off('uncaughtException', onCrash)
}
