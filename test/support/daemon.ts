import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { onTestFinished } from 'vitest'

const main = resolve(import.meta.dirname, '../../dist/main.js')

export interface DaemonProcess {
  child: ChildProcess
  /** All it has said so far, both streams. */
  output(): string
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string>
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | string>
}

export interface ProcessOptions {
  env?: NodeJS.ProcessEnv
  /** The test may reach its worker threads, see kill-worker.ts. */
  debuggable?: boolean
  /** A command that painlens is started by, instead of Node.js alone: its words go before those of painlens. */
  wrapper?: readonly string[]
}

const preload = pathToFileURL(resolve(import.meta.dirname, 'debuggable.mjs')).href

/** A real painlens process; killed when the test is over, should it still be there. */
export function startPainlensProcess(args: readonly string[], options: ProcessOptions = {}): DaemonProcess {
  const { env, debuggable = false, wrapper = [] } = options
  const [command, ...words] = [
    ...wrapper,
    process.execPath,
    ...(debuggable ? ['--import', preload] : []),
    main,
    ...args
  ]
  const child = spawn(command!, words, {
    stdio: ['ignore', 'pipe', 'pipe', ...(debuggable ? (['ipc'] as const) : [])],
    env: { ...process.env, ...env }
  })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const ended = new Promise<number | string>((done) => child.once('close', (code, signal) => done(code ?? signal ?? 1)))
  onTestFinished(() => void child.kill('SIGKILL'))
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return ended
  }
  return { child, output: () => output, ended, end }
}

/** The process ids of all that a process has started, and what that has started. */
export function descendants(pid: number): number[] {
  const children = execFileSync('sh', ['-c', `cat /proc/${pid}/task/*/children 2>/dev/null || true`])
  const ids = children.toString().trim().split(/\s+/).filter(Boolean).map(Number)
  return [...ids, ...ids.flatMap(descendants)]
}

/** The decoders of a daemon's cameras; simulated cameras, systemd-notify and the like are no such thing. */
export const decoders = (pid: number): number[] =>
  descendants(pid).filter((id) => isRunning(id) && /ffmpeg .*-f concat/.test(commandLine(id)))

function unlessGone(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

/** A process that has ended, and only waits for its parent to take note (proc(5): state Z), runs no more. */
export const isRunning = (pid: number): boolean =>
  /^State:\s+[^ZX]/m.test(unlessGone(() => readFileSync(`/proc/${pid}/status`, 'utf8')))

/** What /proc shows everybody of a process: its command line. */
export function commandLine(pid: number): string {
  return unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
}

/** What it was started with; /proc shows it to its own user and to root. */
export function environment(pid: number): string {
  return unlessGone(() => readFileSync(`/proc/${pid}/environ`, 'utf8'))
}

/** Every file below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
}
