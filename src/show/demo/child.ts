import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { packageRoot } from '../../core/version.js'

export interface Child {
  readonly pid: number
  /** Resolves with the exit code, or the signal's name, when the child has ended. */
  readonly ended: Promise<number | string>
  /** SIGTERM, and SIGKILL if it has not ended after `graceMs`. */
  stop(graceMs: number): Promise<void>
}

export interface ChildOptions {
  args: readonly string[]
  env?: NodeJS.ProcessEnv
  /** The folder of another build of painlens; this one's unless given. */
  root?: string
  onLine: (line: string, stream: 'stdout' | 'stderr') => void
}

/** Another painlens process, by the same Node.js. */
export function startPainlens(options: ChildOptions): Child {
  const child = spawn(process.execPath, [join(options.root ?? packageRoot, 'dist/main.js'), ...options.args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    // A Ctrl-C reaches only the demo, which then ends its children in order.
    detached: true
  })
  for (const stream of ['stdout', 'stderr'] as const)
    createInterface({ input: child[stream]! }).on('line', (line) => options.onLine(line, stream))
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 1))
    child.once('error', (error) => resolve(error.message))
  })
  return { pid: child.pid ?? 0, ended, stop: (graceMs) => stopChild(child, ended, graceMs) }
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const killer = setTimeout(() => killGroup(child), graceMs)
  await ended
  clearTimeout(killer)
}

/** The child leads a process group of its own, so its ffmpeg ends with it. */
function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}
