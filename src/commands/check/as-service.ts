/** Root's check of an installed service, as systemd runs the service: only so does it see which devices and folders that may open. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type FoundConfig, isConfigOf, type Service } from '../../config/index.js'
import { packageRoot } from '../../core/version.js'

/** Set by as-service.sh: the service may be root itself, by a drop-in. */
const inside = 'PAINLENS_AS_SERVICE'

export interface Caller {
  uid: number | undefined
  /** The script that runs a command as the service. */
  script: string
}

const thisProcess = (): Caller => ({
  uid: process.getuid?.(),
  script: join(packageRoot, 'deploy/jetson/as-service.sh')
})

/** @returns the exit code, or null where this process has to check by itself */
export async function checkAsService(
  { file }: FoundConfig,
  service: Service | null,
  signal: AbortSignal,
  { uid, script }: Caller = thisProcess()
): Promise<number | null> {
  if (uid !== 0 || service === null || process.env[inside] || !isConfigOf(service, file) || !existsSync(script))
    return null
  const command = [process.execPath, join(packageRoot, 'dist/main.js'), 'check', '--config', file]
  const child = spawn(script, [service.unit, ...command], { stdio: 'inherit' })
  // Ctrl-C reaches it by itself; a signal to this process does not.
  const stop = (): void => void child.kill('SIGTERM')
  signal.addEventListener('abort', stop, { once: true })
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
