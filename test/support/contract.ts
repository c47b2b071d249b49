import { readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'
import * as formats from 'ajv-formats'
import type { MqttClient } from 'mqtt'
import { afterEach, expect } from 'vitest'
import { messageFile, messageSchemas } from '../../src/contract/schemas.js'
import { type Kind, topics } from '../../src/contract/topics.js'
import { packageRoot } from '../../src/core/version.js'

/**
 * Holds what painlens really publishes against the contract: each message of a watched client has to be valid by the
 * schema that users get (config/messages), and must have no key that it does not know. A test that hears another one fails.
 */

const violations: string[] = []
afterEach(() => expect(violations.splice(0), 'messages that break the contract').toEqual([]))

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true })
formats.default.default(ajv)

/** The schema as it lies in config/messages. */
export function schemaOf(name: string): object {
  return JSON.parse(readFileSync(`${packageRoot}config/messages/${name}.schema.json`, 'utf8')) as object
}

const kinds = Object.keys(topics) as Kind[]
const validators = new Map<Kind, ValidateFunction>(
  kinds.map((kind) => [kind, ajv.compile(schemaOf(messageFile(kind)))])
)

/** What the topic's messages are, or null where painlens has no business (`base/command/…`, `base/check`). */
export function kindOf(topic: string): Kind | null {
  const [root, , ...rest] = topic.split('/')
  if (root !== 'painlens') return null
  const pattern = (kind: Kind) => new RegExp(`^${topics[kind].topic.replace('+', '[^/]+')}$`)
  return kinds.find((kind) => pattern(kind).test(rest.join('/'))) ?? null
}

/** What is wrong with a message, or an empty list. */
export function problemsOf(kind: Kind, payload: string): string[] {
  const message: unknown = JSON.parse(payload)
  const validate = validators.get(kind)!
  const byFile = validate(message)
    ? []
    : validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`)
  const strictly = messageSchemas[kind].safeParse(message)
  const bySource = strictly.success
    ? []
    : strictly.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  return [...byFile, ...bySource]
}

/** From now on every message that the client hears is checked, until the end of the test. */
export function holdToContract(client: MqttClient): void {
  client.on('message', (topic, bytes, packet) => {
    const text = bytes.toString()
    if (!topic.startsWith('painlens/')) return
    const kind = kindOf(topic)
    if (kind === null) {
      if (!/^painlens\/[^/]+\/(command\/|check$)/.test(topic)) violations.push(`${topic} is no topic of the contract`)
      return
    }
    // Nothing, retained, takes away what was retained.
    if (text === '' && topics[kind].retain) return
    if (packet.retain && !topics[kind].retain) violations.push(`${topic} is retained`)
    for (const problem of problemsOf(kind, text)) violations.push(`${topic}: ${problem} in ${text.slice(0, 1000)}`)
  })
}
