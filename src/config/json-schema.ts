import { z } from 'zod'
import { alternatives, type SchemaNode } from '../core/allowed.js'
import { configSchema } from './schema.js'

/** The config schema as JSON Schema: what users may write, so a key with a default is not required. */
export const jsonSchema: SchemaNode = z.toJSONSchema(configSchema, {
  io: 'input',
  target: 'draft-07',
  override: ({ jsonSchema: node }) => {
    // A section's default is {}: its own keys have the defaults.
    if (node.type === 'object') delete node.default
  }
}) as SchemaNode

/** The schema of a value by its path, or null where the schema has no such path. */
export function schemaAt(path: readonly PropertyKey[]): SchemaNode | null {
  let node: SchemaNode | undefined = jsonSchema
  for (const key of path) {
    if (typeof key === 'number') {
      const items: SchemaNode['items'] = alternatives(node).find((option) => option.items)?.items
      node = Array.isArray(items) ? items[key] : items
    } else node = node.properties && Object.hasOwn(node.properties, key) ? node.properties[String(key)] : undefined
    if (!node) return null
  }
  return node
}
