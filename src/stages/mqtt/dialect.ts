import { type ErrorCode, fixOf } from '../../core/error-codes/index.js'
import { explainConnectError, type ProtocolVersion } from './connect.js'
import type { Connection } from './connection.js'

/** What of MQTT is used with a broker: which version, and what it does not have is left out. */
export interface Dialect {
  version: ProtocolVersion
  /** Whether messages, the last will among them, may be retained. */
  retain: boolean
  /** The highest that it takes. */
  qos: 0 | 1
}

export type OpenDialect = (dialect: Dialect, signal: AbortSignal) => Promise<Connection>

/** For how long what was found out about a broker counts before everything is tried again. */
const trustMs = 3_600_000
/** Every so many rounds in which a broker hangs up, it is tried whether that is about the last will. */
const roundsBetweenTrials = 10

/**
 * Which dialect a broker understands. MQTT 5 brokers say by a reason code what they do not have. Of the others some hang up
 * on a version or on a last will that they do not take.
 */
export class Dialects {
  readonly #only: ProtocolVersion | undefined
  readonly #isTrial: boolean
  /** What has worked, and when it was found. */
  #known: { dialect: Dialect; at: number } | null = null
  /** Rounds in a row in which the broker hung up. */
  #hangUps = 0

  /**
   * @param only this version and no other
   * @param isTrial there is one round, in which everything is tried
   */
  constructor(only?: ProtocolVersion, { isTrial = false } = {}) {
    this.#only = only
    this.#isTrial = isTrial
  }

  /** @throws what the last dialect that was tried failed with */
  async open(open: OpenDialect, signal: AbortSignal): Promise<Connection> {
    const isKnown = this.#known !== null && performance.now() - this.#known.at < trustMs
    const first: Dialect = isKnown ? this.#known!.dialect : { version: this.#only ?? 5, retain: true, qos: 1 }
    const tried: Dialect[] = []
    let next: Dialect | undefined = first
    let failure: unknown
    while (next !== undefined) {
      const dialect: Dialect = next
      tried.push(dialect)
      try {
        const connection = await open(dialect, signal)
        if (!isKnown || dialect !== first) this.#known = { dialect, at: performance.now() }
        this.#hangUps = 0
        return connection
      } catch (error) {
        failure = error
        next = signal.aborted ? undefined : this.#afterFailure(dialect, explainConnectError(error).code, tried)
      }
    }
    if (mayBeVersion(explainConnectError(failure).code)) this.#known = null
    if (explainConnectError(failure).code === 'PL-BROKER-HUNG-UP') this.#hangUps++
    else this.#hangUps = 0
    throw failure
  }

  #afterFailure(dialect: Dialect, code: ErrorCode, tried: readonly Dialect[]): Dialect | undefined {
    const isNew = (one: Dialect) =>
      !tried.some(({ version, retain, qos }) => version === one.version && retain === one.retain && qos === one.qos)
    if (code === 'PL-BROKER-NO-RETAIN') return [{ ...dialect, retain: false }].find(isNew)
    if (code === 'PL-BROKER-NO-QOS') return [{ ...dialect, qos: 0 as const }].find(isNew)
    if (!mayBeVersion(code)) return undefined
    const otherVersion: Dialect = { ...dialect, version: dialect.version === 5 ? 4 : 5 }
    const isOther = this.#only === undefined && !tried.some(({ version }) => version === otherVersion.version)
    if (isOther) return otherVersion
    const { version } = dialect
    const isHangUp = code === 'PL-BROKER-HUNG-UP' && version === 4
    // By 3.1.1 it cannot be said what a broker does not like. Most hang up for another reason.
    const isDue = this.#isTrial || this.#hangUps % roundsBetweenTrials === 1
    if (!isHangUp || !isDue) return undefined
    const lesser: Dialect[] = [
      { version, retain: false, qos: 1 },
      { version, retain: true, qos: 0 },
      { version, retain: false, qos: 0 }
    ]
    return lesser.find(isNew)
  }
}

/** Some brokers answer a version that they do not know with a code, some just hang up. */
const mayBeVersion = (code: ErrorCode): boolean => code === 'PL-BROKER-VERSION' || code === 'PL-BROKER-HUNG-UP'

/** What a broker does not have, in the place of which painlens does with less. */
export interface Lack {
  code: ErrorCode
  what: string
  fix: string
}

const lack = (code: ErrorCode, what: string): Lack => ({ code, what, fix: fixOf(code) })
const noRetain = lack('PL-BROKER-NO-RETAIN', 'the broker keeps no retained messages')
const noQos = lack('PL-BROKER-NO-QOS', 'the broker takes messages of QoS 0 only, and confirms none')

/** What a connection does without. */
export function lacksOf({ retains, maximumQos }: Pick<Connection, 'retains' | 'maximumQos'>): Lack[] {
  return [...(retains ? [] : [noRetain]), ...(maximumQos === 0 ? [noQos] : [])]
}
