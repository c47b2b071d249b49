import { z } from 'zod'
import { configSchema } from './schema.js'

/** The part of JSON Schema (draft 7, which editors know best) that the config schema becomes. */
export interface SchemaNode {
  type?: string
  description?: string
  default?: unknown
  properties?: Record<string, SchemaNode>
  required?: string[]
  items?: SchemaNode | SchemaNode[]
  anyOf?: SchemaNode[]
  enum?: unknown[]
  const?: unknown
  minItems?: number
  minimum?: number
  maximum?: number
  minLength?: number
  pattern?: string
  /** Shown by Visual Studio Code's YAML extension, and by painlens, where the pattern does not match. */
  patternErrorMessage?: string
  /** What is allowed, in words, where the keywords above do not express it. */
  allowed?: string
  /** Must never be shown. */
  writeOnly?: boolean
}

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

/** The kinds of value that a schema allows, without null; the schema itself where it allows one kind. */
export const alternatives = (node: SchemaNode): SchemaNode[] =>
  node.anyOf ? node.anyOf.flatMap(alternatives).filter(({ type }) => type !== 'null') : [node]

/** The schema without "or null"; where several kinds of value are allowed, its `anyOf` has them and it has no type. */
export function nonNull(node: SchemaNode): SchemaNode {
  const options = alternatives(node)
  return options.length === 1 ? { ...node, ...options[0], anyOf: undefined } : { ...node, anyOf: options }
}

export const isNullable = (node: SchemaNode): boolean =>
  node.anyOf?.some((option) => option.type === 'null' || isNullable(option)) ?? false

/** The allowed values, in words: `a number from 0.2 to 30`. */
export function allowedBy(schema: SchemaNode): string {
  const node = nonNull(schema)
  const words = node.allowed ?? node.patternErrorMessage ?? wordsByType(node)
  return isNullable(schema) ? `${words} or null` : words
}

function wordsByType(node: SchemaNode): string {
  if (node.anyOf) return node.anyOf.map(allowedBy).join(' or ')
  if (node.const !== undefined) return String(node.const)
  if (node.enum) return node.enum.join(', ').replace(/, ([^,]*)$/, ' or $1')
  switch (node.type) {
    case 'number':
      return `a number from ${node.minimum} to ${node.maximum}`
    case 'integer':
      return `a whole number from ${node.minimum} to ${node.maximum}`
    case 'boolean':
      return 'true or false'
    case 'string':
      return 'text'
    case 'array':
      if (node.minItems === 1) return 'a list with at least one item'
      return node.items && 'allowed' in node.items ? `a list, each item ${node.items.allowed}` : 'a list'
    default:
      return `a section with the keys ${Object.keys(node.properties ?? {}).join(', ')}`
  }
}
