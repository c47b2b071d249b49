import { printable, printableLines } from '../../core/printable.js'
import { duration } from '../../core/progress-line.js'

/** The output of the command. */
export interface Output {
  /** Prints a result to standard output. */
  write(text: string): void
  /** Prints a problem to standard error. */
  complain(text: string): void
  /** Shows a line that the next one replaces; null removes it. Without a terminal it does nothing. */
  progress(line: string | null): void
}

interface Stream {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

const clearLine = '\r\u001b[2K'

/** Lines to two streams, without control characters, and a progress line on the second if both are terminals. */
export function terminalOutput(out: Stream = process.stdout, err: Stream = process.stderr): Output {
  const shown = Boolean(out.isTTY && err.isTTY)
  let current = ''
  const draw = (line: string): void => {
    if (current !== '' || line !== '') err.write(`${current === '' ? '' : clearLine}${line}`)
    current = line
  }
  const above = (stream: Stream, text: string): void => {
    const line = current
    draw('')
    stream.write(printableLines(text))
    draw(line)
  }
  return {
    write: (text) => above(out, text),
    complain: (text) => above(err, text),
    // One column stays free: some terminals wrap a line that is full.
    progress: (line) => shown && draw(printable(line ?? '').slice(0, (err.columns || 80) - 1))
  }
}

const barWidth = 16

/**
 * `lrp.z  12 of 340 · 3.2/s · 1 min 43 s left  █░░░░░░░░░`; the bar comes last, so that a narrow terminal cuts only it.
 * @param elapsedMs how long the first `done` took
 */
export function progressBar(what: string, done: number, total: number, elapsedMs: number): string {
  const filled = total === 0 ? barWidth : Math.round((barWidth * done) / total)
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled)
  const count = `${what}  ${done} of ${total}`
  if (done === 0 || elapsedMs <= 0) return `${count}  ${bar}`
  const rate = (1000 * done) / elapsedMs
  const pace = rate >= 1 ? `${rate.toFixed(1)}/s` : `${(1 / rate).toFixed(1)} s each`
  return `${count} · ${pace} · ${duration((elapsedMs / done) * (total - done))} left  ${bar}`
}

/** Shows the progress of a long task. */
export class Counter {
  #startedAt = 0
  #done = 0
  #total = 0
  #what = ''

  constructor(private readonly output: Pick<Output, 'progress'>) {}

  begin(what: string, total: number): void {
    this.#startedAt = performance.now()
    this.#done = 0
    this.#total = total
    this.#what = what
    this.#show()
  }

  next(): void {
    this.#done++
    this.#show()
  }

  end(): void {
    this.output.progress(null)
  }

  #show(): void {
    this.output.progress(progressBar(this.#what, this.#done, this.#total, performance.now() - this.#startedAt))
  }
}
