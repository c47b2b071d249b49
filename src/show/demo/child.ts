import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProgramError } from '../../core/errors.js'
import { packageRoot } from '../../core/version.js'

export interface Child {
  readonly pid: number
  /** Resolves with the exit code, or the signal's name, when the child has ended. */
  readonly ended: Promise<number | string>
  /** Resolves after that with its last lines on standard error, which say why: its log, which is JSON, is not one of them. */
  readonly lastWords: Promise<string>
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
  const complaints: string[] = []
  const read = (['stdout', 'stderr'] as const).map((stream) => {
    const lines = createInterface({ input: child[stream]! })
    lines.on('line', (line) => {
      if (stream === 'stderr' && !line.startsWith('{')) complaints.push(line)
      complaints.splice(0, complaints.length - mostComplaints)
      options.onLine(line, stream)
    })
    return new Promise((resolve) => lines.once('close', resolve))
  })
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 1))
    child.once('error', (error) => resolve(error.message))
  })
  // What it wrote before its end may be read after it; a process that it left behind may hold the pipe for longer.
  const lastWords = ended
    .then(() => Promise.race([Promise.all(read), sleep(readMs, undefined, { ref: false })]))
    .then(() => complaints.join(' '))
  return { pid: child.pid ?? 0, ended, lastWords, stop: (graceMs) => stopChild(child, ended, graceMs) }
}

const mostComplaints = 3
const readMs = 1000

/**
 * A piece of work that needs a child.
 * @param name of the child, in words
 * @throws ProgramError with the child's last words as soon as the child ends; what the work throws
 */
export function besideChild<T>({ ended, lastWords }: Child, name: string, work: Promise<T>): Promise<T> {
  const failed = ended.then(async (code) => {
    throw new ProgramError('PL-DEMO-PART-FAILED', `ended with ${code}: ${await lastWords}`, name)
  })
  return Promise.race([work, failed])
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
