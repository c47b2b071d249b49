import type { IPublishPacket } from 'mqtt'
import type { z } from 'zod'
import { type CommandArguments, commandSchemas, transaction } from '../../contract/commands.js'
import { type CommandName, commandNames, type ResponseMessage } from '../../contract/messages.js'
import { commandOf, topicOf, trialCommand } from '../../contract/topics.js'
import { messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { maxCommandBytes } from './payload.js'

/** What a handler resolves with goes into the answer's `data`; what it throws, into its `error`. */
export type CommandHandlers = { [Name in CommandName]: (args: CommandArguments[Name]) => Promise<object | undefined> }

export interface CommandQueueOptions {
  base: string
  handlers: CommandHandlers
  /** Publishes an answer. */
  answer(topic: string, message: ResponseMessage, properties: IPublishPacket['properties']): Promise<void>
  log: Log
}

/** Commands that may wait for their turn; a flood beyond it is left unanswered and counted. */
const maxWaiting = 64

/** Takes commands one after the other, checks them, hands them to their handlers and answers each. Nothing that comes in can throw. */
export class CommandQueue {
  readonly #options: CommandQueueOptions
  #turn: Promise<void> = Promise.resolve()
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
      log.warn({ command: name.slice(0, 64) }, 'a retained command was ignored; publish commands without retain')
      return
    }
    if (this.#waiting >= maxWaiting) {
      if (this.#flooded++ === 0) log.warn({}, 'too many commands at once; some are left unanswered')
      return
    }
    this.#waiting++
    this.#turn = this.#turn.then(async () => {
      await this.#handle(name, payload, packet)
      this.#waiting--
    })
  }

  /** Resolves when every command taken so far is answered. */
  async idle(): Promise<void> {
    await this.#turn
  }

  async #handle(name: string, payload: Buffer, packet: IPublishPacket): Promise<void> {
    const { base, answer, log } = this.#options
    const response = await this.#run(name, payload)
    log.info({ command: name.slice(0, 64), status: response.status, error: response.error }, 'command')
    const { responseTopic, correlationData } = packet.properties ?? {}
    const own = topicOf(base, 'response', /^[\w-]{1,64}$/.test(name) ? name : 'unknown')
    const topic = responseTopic !== undefined && mayAnswerTo(base, responseTopic) ? responseTopic : own
    await answer(topic, response, correlationData && { correlationData }).catch((error: unknown) =>
      log.debug({ error: messageOf(error) }, 'an answer was not delivered')
    )
  }

  async #run(name: string, payload: Buffer): Promise<ResponseMessage> {
    if (!isCommand(name)) {
      return {
        status: 'error',
        error: `there is no command ${JSON.stringify(name.slice(0, 64))}; known are ${commandNames.join(', ')}`
      }
    }
    if (payload.length > maxCommandBytes) {
      return { status: 'error', error: `${payload.length} bytes are too many; a command may have ${maxCommandBytes}` }
    }
    let message: unknown
    try {
      message = payload.length === 0 ? {} : JSON.parse(payload.toString('utf8'))
    } catch (error) {
      return { status: 'error', error: `no JSON: ${messageOf(error)}` }
    }
    const echo = transactionOf(message)
    const parsed = commandSchemas[name].safeParse(message)
    if (!parsed.success) return { ...echo, status: 'error', error: problems(parsed.error) }
    try {
      const handler = this.#options.handlers[name] as (args: unknown) => Promise<object | undefined>
      const data = await handler(parsed.data)
      return { ...echo, status: 'ok', ...(data === undefined ? {} : { data }) }
    } catch (error) {
      return { ...echo, status: 'error', error: messageOf(error) }
    }
  }
}

function isCommand(name: string): name is CommandName {
  return (commandNames as readonly string[]).includes(name)
}

function transactionOf(message: unknown): Pick<ResponseMessage, 'transaction'> {
  const found = transaction.safeParse((message as { transaction?: unknown } | null)?.transaction)
  return found.success && found.data !== undefined ? { transaction: found.data } : {}
}

function problems(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
    .join('; ')
}

/** A requester may name where it wants the answer, but must not make painlens write its own alarms, states or commands. */
function mayAnswerTo(base: string, topic: string): boolean {
  if (topic === '' || /[+#\0]/.test(topic) || topic.startsWith('$')) return false
  return !topic.startsWith(`${base}/`) || topic.startsWith(`${base}/response/`)
}
