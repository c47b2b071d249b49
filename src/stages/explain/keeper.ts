/** Keeps one LRP engine running: opens it, and opens it again when its worker has died. */
import { setTimeout as sleep } from 'node:timers/promises'
import { asError, EnginesDifferError, errorFields, InferenceError, InvariantError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { Restarts } from '../../core/restarts.js'
import type { EngineName } from '../../lib/lrp/index.js'
import { type Choice, type Chosen, chooseEngine } from './choose.js'
import { type EngineSetup, type OpenEngine, type Opening, openEngine } from './engines.js'
import type { CropExplanation } from './explain-crop.js'
import type { CropRequest } from './worker.js'

export type EngineChoice = 'auto' | EngineName

/** `failed` is for good: the engines disagree, none can be opened, or the one that serves dies again and again. */
export type EngineState = 'starting' | 'ready' | 'restarting' | 'failed'

export interface KeeperOptions {
  setup: EngineSetup
  engine: EngineChoice
  /** How long to wait before each restart; after the last of them, the engine is given up. */
  restartDelaysMs: readonly number[]
  /** The state has changed; `problem` is why nothing is explained now. */
  onState: (state: EngineState, problem: Error | null) => void
  log: Log
}

export class EngineKeeper {
  readonly #options: KeeperOptions
  readonly #stopping = new AbortController()
  readonly #restarts: Restarts
  #engine: OpenEngine | null = null
  /** What is being opened. */
  #opening: Promise<unknown> = Promise.resolve()
  #state: EngineState = 'starting'
  #problem: Error | null = null
  #choice: Choice | null = null

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#restarts = new Restarts(options.restartDelaysMs)
  }

  get state(): EngineState {
    return this.#state
  }

  /** As the engine names itself; null while none serves. */
  get name(): string | null {
    return this.#engine?.name ?? null
  }

  get choice(): Choice | null {
    return this.#choice
  }

  /**
   * Opens the engine, or with `auto` the better of both.
   * @param patiently one that cannot be opened is tried again, as one that is lost; engines that disagree are not
   * @throws PainlensError when that fails, and the state is `failed` then; rejects too when it is stopped meanwhile
   */
  start({ patiently }: { patiently: boolean }): Promise<void> {
    const starting = this.#start(patiently)
    this.#opening = starting.catch(() => undefined)
    return starting
  }

  async explain(request: CropRequest): Promise<CropExplanation> {
    return await this.#serving().explain(request)
  }

  /** Rejects if explaining does not work. */
  async probe(): Promise<void> {
    await this.#serving().probe()
  }

  /** Ends the engine, also one that is being opened. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#opening
    await this.#engine?.close()
  }

  #serving(): OpenEngine {
    if (this.#engine) return this.#engine
    throw this.#problem ?? new InvariantError('is not open', 'the explain worker')
  }

  async #start(patiently: boolean): Promise<void> {
    const { signal } = this.#stopping
    for (let verify = false; ; verify = true) {
      try {
        return await this.#open(verify)
      } catch (error) {
        const mayPass = patiently && !signal.aborted && !(error instanceof EnginesDifferError)
        const delayMs = mayPass ? this.#restarts.next() : null
        this.#set(delayMs === null ? 'failed' : 'restarting', asError(error))
        if (delayMs === null) throw error
        const fields = { ...errorFields(error), delayMs }
        this.#options.log.warn(fields, 'the LRP engine cannot be opened, and is tried again after a while')
        await sleep(delayMs, undefined, { signal })
      }
    }
  }

  /** @param verify whether the model may have been replaced since the classifier was opened */
  async #open(verify: boolean): Promise<void> {
    const { engine, setup, log } = this.#options
    const opening = { ...this.#howToOpen(), verify }
    const chosen: Chosen =
      engine === 'auto'
        ? await chooseEngine(setup, opening, log)
        : { engine: await openEngine(engine, setup, opening), choice: null }
    this.#choice = chosen.choice
    this.#serve(chosen.engine)
  }

  #howToOpen(): Opening {
    return { signal: this.#stopping.signal, onCrash: (error) => this.#lost(this.#engine!, error) }
  }

  #serve(engine: OpenEngine): void {
    this.#engine = engine
    this.#restarts.serving()
    this.#set('ready', null)
  }

  /** The engine has died, or could not be opened again. */
  #lost({ kind }: Pick<OpenEngine, 'kind'>, error: Error): void {
    this.#engine = null
    const delayMs = this.#restarts.next()
    if (delayMs === null) {
      this.#set('failed', givenUp(error, this.#restarts.used))
      return
    }
    this.#options.log.warn(
      { engine: kind, ...errorFields(error), delayMs },
      'the LRP engine is lost, and started again after a while'
    )
    this.#set('restarting', error)
    this.#opening = this.#restart(kind, delayMs)
  }

  /** The model may have been replaced since the start, and the classifier knows the old one. */
  async #restart(kind: EngineName, delayMs: number): Promise<void> {
    try {
      await sleep(delayMs, undefined, { signal: this.#stopping.signal })
      this.#serve(await openEngine(kind, this.#options.setup, { ...this.#howToOpen(), verify: true }))
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#lost({ kind }, asError(error))
    }
  }

  #set(state: EngineState, problem: Error | null): void {
    this.#state = state
    this.#problem = problem
    if (!this.#stopping.signal.aborted) this.#options.onState(state, problem)
  }
}

function givenUp(error: Error, restarts: number): InferenceError {
  return new InferenceError(
    'PL-EXPLAIN-LOST',
    `was lost ${restarts + 1} times in a short while, the last time because: ${error.message}`,
    'the LRP engine'
  )
}
