import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { UsageError } from '../core/errors.js'
import { printableLines } from '../core/printable.js'

export interface Question {
  text: string
  /** Default for an empty answer; without it an answer is required. */
  fallback?: string
  /** A password: not shown while it is typed. */
  hidden?: boolean
  /** The problem of an answer, after which it is asked again, or null. */
  problem?: (answer: string) => string | null
}

export interface Terminal {
  input: NodeJS.ReadableStream & { isTTY?: boolean }
  output: NodeJS.WritableStream
}

/** Questions go to standard error, so that standard output has only the results. */
export const ownTerminal = (): Terminal => ({ input: process.stdin, output: process.stderr })

/** Asks on a terminal or reads the answers from a pipe, one per line; after the pipe's end it uses the defaults. */
export class Prompter {
  readonly #interface: Interface
  readonly #lines: AsyncIterator<string>
  readonly #output: NodeJS.WritableStream
  readonly #stop: () => void
  #muted = false
  #stopped = false

  constructor(
    { input, output }: Terminal,
    /** That asks, for errors. */
    private readonly command: string,
    private readonly signal: AbortSignal
  ) {
    this.#output = output
    const shown = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (this.#muted) done()
        else output.write(chunk, () => done())
      }
    })
    this.#interface = createInterface({ input, output: shown, terminal: Boolean(input.isTTY) })
    // Lines that come before their question wait in the iterator; `question` of readline would lose them.
    this.#lines = this.#interface[Symbol.asyncIterator]()
    this.#stop = () => {
      this.#stopped = true
      this.#interface.close()
    }
    // On a terminal in raw mode Ctrl-C is a key, not a signal.
    this.#interface.on('SIGINT', this.#stop)
    signal.addEventListener('abort', this.#stop, { once: true })
  }

  say(text: string): void {
    this.#output.write(printableLines(`${text}\n`))
  }

  /**
   * @returns the answer without blanks around it
   * @throws UsageError if the input ends without an answer, or the user cancels
   */
  async ask(question: Question): Promise<string> {
    const { fallback, problem } = question
    for (;;) {
      const line = await this.#line(question)
      if (line === null && fallback === undefined) throw this.#ended(question)
      const answer = (question.hidden ? line : line?.trim()) || (fallback ?? '')
      if (answer === '' && fallback === undefined) this.say('  An answer is needed.')
      else {
        const wrong = answer === fallback ? null : (problem?.(answer) ?? null)
        if (wrong === null) return answer
        this.say(`  ${wrong}.`)
      }
    }
  }

  close(): void {
    this.signal.removeEventListener('abort', this.#stop)
    this.#interface.close()
  }

  async #line({ text, fallback, hidden }: Question): Promise<string | null> {
    this.#output.write(printableLines(`${text}${fallback ? ` [${fallback}]` : ''}: `))
    this.#muted = hidden ?? false
    const { value, done } = await this.#lines.next()
    if (hidden) this.say('')
    this.#muted = false
    if (this.#stopped) throw new UsageError('PL-INIT-STOPPED', 'stopped', this.command)
    return done ? null : value
  }

  #ended({ text }: Question): UsageError {
    return new UsageError('PL-INIT-NO-ANSWER', `the answers end before "${text}"`, this.command)
  }
}
