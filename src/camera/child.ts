import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { DecoderCommand } from './decoder.js'
import type { DecoderEnd } from './failure.js'

/** What a decoder may need of painlens's own environment; the rest may hold secrets, and /proc shows a child's. */
const passedOn = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

/** SIGTERM is followed by SIGKILL after so long. */
const killMs = 1000
/** Enough to tell why it ended; older lines may be about trouble that it got over. */
const keptLines = 30
const maxLineLength = 2000

export interface DecoderChildOptions {
  command: DecoderCommand
  onData(chunk: Buffer): void
  /** Makes a line of standard error fit to be kept and shown. */
  redact(line: string): string
  /** Lines that are not worth keeping. */
  noise: RegExp
  /** A line of standard error, redacted. */
  onLine(line: string): void
  /** The child is gone and all it wrote has been read. */
  onEnd(end: DecoderEnd): void
}

/** One run of a decoder: owns the child process from its start to its end. */
export class DecoderChild {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #ended: Promise<void>
  readonly #lines: string[] = []
  #over = false

  constructor({ command, onData, onLine, onEnd, redact, noise }: DecoderChildOptions) {
    this.#process = spawn(command.command, command.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environment(),
      // In a process group of its own, so that Ctrl-C ends it by way of stop() and not as one more failure, and a
      // decoder's own children end with it.
      detached: true
    })
    const { stdin, stdout, stderr } = this.#process
    for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined)
    stdout.on('data', onData)
    readLines(stderr, (raw) => {
      if (noise.test(raw)) return
      const line = redact(raw)
      if (this.#lines.push(line) > keptLines) this.#lines.shift()
      onLine(line)
    })
    this.#ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null, error?: Error): void => {
        if (this.#over) return
        this.#over = true
        resolve()
        onEnd({ code, signal, error, lines: this.#lines })
      }
      this.#process.on('close', (code, signal) => end(code, signal))
      this.#process.on('error', (error) => {
        if (this.#process.pid === undefined) end(null, null, error)
      })
    })
    stdin.end(command.input)
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Ends it at once, also when it hangs; `onEnd` follows. */
  kill(): void {
    this.#signal('SIGKILL')
  }

  /** Ends it, gently first; back when it is gone. */
  async stop(): Promise<void> {
    if (this.#over) return
    this.#process.stdout.destroy()
    this.#signal('SIGTERM')
    const killer = setTimeout(() => this.kill(), killMs)
    await this.#ended
    clearTimeout(killer)
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#process
    if (pid === undefined || this.#over) return
    try {
      process.kill(-pid, signal)
    } catch {
      // The whole group has ended meanwhile.
    }
  }
}

function environment(): NodeJS.ProcessEnv {
  const own = passedOn.filter((name) => process.env[name] !== undefined)
  return { ...Object.fromEntries(own.map((name) => [name, process.env[name]])), LC_ALL: 'C' }
}

/** Lines without their end; empty ones are left out, and ones that never end are cut. */
function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = ''
  const emit = (line: string): void => {
    if (line.trim() !== '') onLine(line.trim())
  }
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split(/[\r\n]+/)
    rest = (lines.pop() ?? '').slice(0, maxLineLength)
    for (const line of lines) emit(line.slice(0, maxLineLength))
  })
  stream.on('end', () => emit(rest))
}
