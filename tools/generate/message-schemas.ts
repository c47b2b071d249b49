import { z } from 'zod'
import { contractSchemas } from '#painlens/contract/schemas.js'

type Node = Record<string, unknown>

/** Where a message's schema lies, for files of `config/`. */
export const schemaFile = (name: string): string => `messages/${name}.schema.json`

/**
 * A message as JSON Schema (draft 7, which AsyncAPI 3 takes as it is). What painlens publishes allows unknown keys, since a later
 * version may add some; a command with one is refused.
 * @param name of contractSchemas
 */
function messageJsonSchema(name: string): Node {
  const isCommand = name.startsWith('command-')
  return z.toJSONSchema(contractSchemas[name]!, {
    target: 'draft-07',
    io: 'input',
    override: ({ jsonSchema: node }) => {
      if (!isCommand && node.additionalProperties === false) delete node.additionalProperties
      // What zod adds for JavaScript's sake and says nothing about the message.
      if (node.format) delete node.pattern
      if (node.contentEncoding) delete node.format
      if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum
      delete node.propertyNames
      // For painlens's own answers.
      delete node.allowed
    }
  }) as Node
}

/** Text by file of the package. */
export const messageFiles: Readonly<Record<string, () => string>> = Object.fromEntries(
  Object.keys(contractSchemas).map((name) => [
    `config/${schemaFile(name)}`,
    () => `${JSON.stringify(messageJsonSchema(name), null, 2)}\n`
  ])
)
