/** "Listen, else try again": for servers without which the daemon goes on watching. */
import { type PainlensError, type Problem, problemOf } from './errors.js'
import { LastSaid } from './log.js'

export interface PersistentListenerOptions<Server> {
  /** Called for each try; a failure counts as one of listening. */
  create: () => Server | Promise<Server>
  /** @returns the address, for people */
  listen: (server: Server) => Promise<string>
  /** What is logged and shown for a failure of `create` or `listen`. */
  explain: (error: unknown) => PainlensError
  onListening: (address: string) => void
  /** Called when a failure differs from that of the last try. */
  onProblem: (problem: PainlensError) => void
  /** Interval of tries, in ms; 30 s unless given. */
  retryMs?: number
}

export interface ListenerStats {
  /** Null while it does not listen. */
  address: string | null
  /** Why it does not listen, as of the last try. */
  problem: Problem | null
}

const defaultRetryMs = 30_000

export class PersistentListener<Server extends { close(): PromiseLike<unknown> }> {
  readonly #options: PersistentListenerOptions<Server>
  readonly #said = new LastSaid<string>()
  #server: Server | null = null
  #stats: ListenerStats = { address: null, problem: null }
  #retry: NodeJS.Timeout | undefined
  #trying: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: PersistentListenerOptions<Server>) {
    this.#options = options
  }

  /** Resolves after the first try. A failure is reported through `onProblem` and `stats`, and tried again. */
  start(): Promise<void> {
    this.#trying = this.#try()
    return this.#trying
  }

  stats(): ListenerStats {
    return this.#stats
  }

  /** @param first closes what has to be closed before the server; called when no try is under way */
  async stop(first?: () => void | Promise<void>): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    await this.#trying
    await first?.()
    await this.#server?.close()
    this.#stats = { address: null, problem: this.#stats.problem }
  }

  async #try(): Promise<void> {
    const { create, listen, explain, onListening, onProblem, retryMs = defaultRetryMs } = this.#options
    let server: Server | null = null
    try {
      server = await create()
      const address = await listen(server)
      this.#server = server
      this.#stats = { address, problem: null }
      this.#said.isNew(null)
      onListening(address)
    } catch (error) {
      await server?.close()
      const problem = explain(error)
      this.#stats = { address: null, problem: problemOf(problem) }
      if (this.#said.isNew(problem.message)) onProblem(problem)
      if (!this.#stopped) this.#retry = setTimeout(() => void this.start(), retryMs)
    }
  }
}
