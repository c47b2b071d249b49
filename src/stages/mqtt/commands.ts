import type { IPublishPacket } from 'mqtt'
import { argumentProblems, type CommandArguments, commandSchemas, transaction } from '../../contract/commands.js'
import { type CommandName, commandNames, type ResponseMessage } from '../../contract/messages.js'
import { commandOf, isOfAnyDevice, topicOf, trialCommand } from '../../contract/topics.js'
import { fixOf } from '../../core/error-codes/index.js'
import { codeOf, errorFields, messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { printable } from '../../core/printable.js'
import type { Secrets } from '../../core/secrets.js'
import { maxCommandBytes } from './delivery.js'
import { PublishRefused } from './reason-codes.js'

/** What a handler resolves with goes into the answer's `data`; what it throws, into its `error`. */
export type CommandHandlers = { [Name in CommandName]: (args: CommandArguments[Name]) => Promise<object | undefined> }

export interface CommandQueueOptions {
  base: string
  handlers: CommandHandlers
  /** A handler's error may quote what a program said, and the log what a sender wrote: either may hold any of these. */
  secrets: Secrets
  /** Publishes an answer. */
  answer(topic: string, message: ResponseMessage, properties: IPublishPacket['properties']): Promise<void>
  log: Log
}

/** Commands that may wait for their turn; a flood beyond it is left unanswered and counted. */
const maxWaiting = 64
/** Commands that others do not wait for: these look at a face for a while. */
const lasting: ReadonlySet<string> = new Set<CommandName>(['reference'])
/** Characters of an answer's error; of a name and of a payload that a sender has chosen, in the log. */
const most = { error: 1000, name: 64, payload: 200 }

/**
 * Takes commands one after the other (but for those that last), checks them, hands them to their handlers and answers each. Nothing that
 * comes in can throw. An answer's error has no text of the sender, and no number that it has chosen (a length, a position): what is
 * redacted there would tell the sender of a guess whether it is a password. What identifies the command (`transaction`, correlation data,
 * response topic) goes back as it came.
 */
export class CommandQueue {
  readonly #options: CommandQueueOptions
  #turn: Promise<void> = Promise.resolve()
  readonly #answering = new Set<Promise<void>>()
  #waiting = 0
  #flooded = 0

  constructor(options: CommandQueueOptions) {
    this.#options = options
  }

  /** Commands left unanswered because too many were waiting. */
  get flooded(): number {
    return this.#flooded
  }

  take(topic: string, payload: Buffer, packet: IPublishPacket): void {
    const { base, log } = this.#options
    const name = commandOf(base, topic)
    if (name === null || name === trialCommand) return
    if (packet.retain) {
      log.warn({ command: this.#shortened(name) }, 'a retained command was ignored; publish commands without retain')
      return
    }
    if (this.#waiting >= maxWaiting) {
      if (this.#flooded++ === 0) log.warn({}, 'too many commands at once; some are left unanswered')
      return
    }
    this.#waiting++
    // While it waits, of one that is too long only its length is kept.
    const given = payload.length > maxCommandBytes ? payload.length : payload
    const { properties } = packet
    this.#turn = this.#turn.then(async () => {
      const run = this.#run(name, given)
      if (!lasting.has(name)) await run
      // The next one does not wait for this answer, which may have to wait for alarms.
      const answered = run
        .then((response) => this.#answer(name, withoutSteering(response), properties))
        .finally(() => {
          this.#waiting--
          this.#answering.delete(answered)
        })
      this.#answering.add(answered)
    })
  }

  /** Resolves when every command taken so far is answered. */
  async idle(): Promise<void> {
    await this.#turn
    await Promise.all(this.#answering)
  }

  async #answer(name: string, response: ResponseMessage, properties: IPublishPacket['properties']): Promise<void> {
    const { base, answer, log } = this.#options
    const { status, code, error: problem } = response
    log.info({ command: this.#shortened(name), status, code, error: problem }, 'command')
    const { responseTopic, correlationData } = properties ?? {}
    const own = topicOf(base, 'response', /^[\w-]{1,64}$/.test(name) ? name : 'unknown')
    const topic = responseTopic !== undefined && mayAnswerTo(base, responseTopic) ? responseTopic : own
    const deliver = (to: string) => answer(to, response, correlationData && { correlationData })
    const report = (error: unknown, message: string) =>
      log[error instanceof PublishRefused ? 'warn' : 'debug'](
        { command: this.#shortened(name), topic: this.#shortened(topic), ...this.#refusal(error) },
        message
      )
    try {
      await deliver(topic)
    } catch (error) {
      if (!(error instanceof PublishRefused) || topic === own) return report(error, 'an answer was not delivered')
      report(error, 'the broker does not take an answer to the response topic of a command; it goes to the usual topic')
      await deliver(own).catch((second: unknown) => report(second, 'an answer was not delivered'))
    }
  }

  /** Without the topic and the advice of the error: the topic is the sender's, of any length, and not painlens's to write. */
  #refusal(error: unknown): object {
    return error instanceof PublishRefused ? { code: error.code, error: error.what } : errorFields(error)
  }

  async #run(name: string, given: Buffer | number): Promise<ResponseMessage> {
    if (!isCommand(name)) {
      return {
        status: 'error',
        code: 'PL-COMMAND-UNKNOWN',
        error: `there is no command of that name; known are ${commandNames.join(', ')}`
      }
    }
    if (typeof given === 'number') {
      // A much longer one has been cut on its way in.
      const error = `too many bytes; a command may have ${maxCommandBytes}`
      return { status: 'error', code: 'PL-COMMAND-TOO-LARGE', error }
    }
    let message: unknown
    try {
      message = given.length === 0 ? {} : JSON.parse(given.toString('utf8'))
    } catch {
      this.#noteRefused(name, given)
      return { status: 'error', code: 'PL-COMMAND-JSON', error: `the payload is no JSON. ${fixOf('PL-COMMAND-JSON')}` }
    }
    const echo = transactionOf(message)
    const parsed = commandSchemas[name].safeParse(message)
    if (!parsed.success) {
      this.#noteRefused(name, given)
      const error = isObject(message)
        ? argumentProblems(name, parsed.error.issues, message)
        : `the payload is no JSON object. ${fixOf('PL-COMMAND-JSON')}`
      return { ...echo, status: 'error', code: 'PL-COMMAND-INVALID', error }
    }
    try {
      const handler = this.#options.handlers[name] as (args: unknown) => Promise<object | undefined>
      const data = await handler(parsed.data)
      return { ...echo, status: 'ok', ...(data === undefined ? {} : { data }) }
    } catch (error) {
      const told = this.#options.secrets.excerpt(messageOf(error), most.error)
      return { ...echo, status: 'error', code: codeOf(error), error: told }
    }
  }

  /** In the log, since the answer does not quote what the sender wrote. */
  #noteRefused(name: CommandName, given: Buffer): void {
    const { secrets, log } = this.#options
    if (log.isLevelEnabled('debug'))
      log.debug(
        { command: name, payload: secrets.excerpt(given.toString('utf8'), most.payload) },
        'a command is refused'
      )
  }

  #shortened(name: string): string {
    return this.#options.secrets.excerpt(name, most.name)
  }
}

/** An error may quote what a program said, and is read on screens and terminals. */
function withoutSteering({ error, ...response }: ResponseMessage): ResponseMessage {
  return error === undefined ? response : { ...response, error: printable(error) }
}

function isCommand(name: string): name is CommandName {
  return (commandNames as readonly string[]).includes(name)
}

const isObject = (message: unknown): message is Record<string, unknown> =>
  typeof message === 'object' && message !== null && !Array.isArray(message)

function transactionOf(message: unknown): Pick<ResponseMessage, 'transaction'> {
  const found = transaction.safeParse((message as { transaction?: unknown } | null)?.transaction)
  return found.success && found.data !== undefined ? { transaction: found.data } : {}
}

/** Wildcards, and what a broker may hang up on in a topic (MQTT 5, 1.5.4): control characters and Unicode's noncharacters. */
const noTopic = /[+#\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u
const mostTopicBytes = 65_535

/** A requester may name where it wants the answer, but must not make painlens write alarms, states or commands, of any device. */
function mayAnswerTo(base: string, topic: string): boolean {
  if (topic === '' || noTopic.test(topic) || topic.startsWith('$') || Buffer.byteLength(topic) > mostTopicBytes)
    return false
  if (topic.startsWith(`${base}/`)) return topic.startsWith(`${base}/response/`)
  return !isOfAnyDevice(topic)
}
