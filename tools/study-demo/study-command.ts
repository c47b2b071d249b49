/** `painlens study …` as a user runs it: by the command line, in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { packageRoot } from '#painlens/core/version.js'

/** @throws Error where it fails, which has said why; the signal's reason */
export async function painlens(
  given: readonly (string | number)[],
  { write, signal }: { write: (text: string) => void; signal: AbortSignal }
): Promise<void> {
  const args = ['study', ...given.map(String)]
  write(`$ painlens ${args.join(' ')}\n`)
  const child = spawn(process.execPath, [join(packageRoot, 'dist/main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const stop = (): void => void child.kill('SIGTERM')
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', write)
    const [code] = await once(child, 'close')
    signal.throwIfAborted()
    if (code !== 0) throw new Error(`painlens study ${args[1]} has failed; the same command goes on from there`)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
