/** What each command takes, over MQTT. */
import { z } from 'zod'
import { type SchemaNode, valueRefusal } from '../core/allowed.js'
import type { WithUnits } from '../core/clock.js'
import { referenceSeconds } from '../core/types.js'
import { priorities } from './conditions.js'
import type { CommandName } from './messages.js'

/** Echoed in the answer, to tell answers apart. */
export const transaction = z.union([z.string().max(200), z.number()]).optional()
const camera = z.string().min(1).max(100)
/** Staff read it where they look for who has gone: a blank name is none. */
export const who = z.string().min(1).max(100).regex(/\S/).meta({
  description: 'Who does it; not only spaces.',
  allowed: 'text of 1 to 100 characters, not only spaces'
})

/** For how many days after its end an alarm can be acknowledged. */
export const acknowledgeableDays = 14

/** What each command takes. Unknown keys are refused: a misspelt one would be silently without effect. */
export const commandSchemas = {
  ack: z.strictObject({
    transaction,
    alarm_id: z.string().min(1).max(100),
    by: who,
    kind: z.enum(['seen', 'coming', 'false_alarm']).default('seen')
  }),
  pause: z.strictObject({
    transaction,
    camera,
    duration_s: z.number().int().min(1).max(86_400).default(900),
    by: who.optional()
  }),
  resume: z.strictObject({ transaction, camera, by: who.optional() }),
  test_alarm: z.strictObject({
    transaction,
    camera,
    seconds: z.number().int().min(1).max(600).default(30),
    priority: z.enum(priorities).optional()
  }),
  refresh: z.strictObject({ transaction }),
  reference: z.strictObject({
    transaction,
    camera,
    zone: z.string().min(1).max(100).optional(),
    seconds: z.number().int().min(referenceSeconds.least).max(referenceSeconds.most).default(referenceSeconds.usual),
    by: who,
    remove: z.boolean().default(false),
    not_after: z.iso
      .datetime()
      .optional()
      .describe(
        'Refused after this time: a broker keeps commands for a box that is off, and the face may be another by then.'
      )
  })
} satisfies Record<CommandName, z.ZodType>

/**
 * What is wrong with a command's arguments, by the names of the schema and in the words of the config's errors. Nothing of what was sent is
 * quoted: of values only their kind, of unknown keys only that there are some.
 * @param issues  what zod found in it
 * @param message an object
 */
export function argumentProblems(
  name: CommandName,
  issues: readonly z.core.$ZodIssue[],
  message: Readonly<Record<string, unknown>>
): string {
  const { properties = {} } = z.toJSONSchema(commandSchemas[name], { target: 'draft-07', io: 'input' }) as SchemaNode
  const told = issues.map((issue) => {
    if (issue.code === 'unrecognized_keys')
      return `has a key that ${name} does not take; known are ${Object.keys(properties).join(', ')}`
    const key = String(issue.path[0])
    return `${key}: ${valueRefusal(message[key], properties[key] ?? null)}`
  })
  return [...new Set(told)].join('; ')
}

export type CommandArguments = { [Name in CommandName]: WithUnits<z.infer<(typeof commandSchemas)[Name]>> }
