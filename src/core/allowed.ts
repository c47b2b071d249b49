/** JSON Schemas in words: what a value may be. */

/** The part of JSON Schema (draft 7, which editors know best) that painlens's own schemas become. */
export interface SchemaNode {
  type?: string
  description?: string
  default?: unknown
  properties?: Record<string, SchemaNode>
  required?: string[]
  items?: SchemaNode | SchemaNode[]
  anyOf?: SchemaNode[]
  oneOf?: SchemaNode[]
  additionalProperties?: SchemaNode | boolean
  enum?: unknown[]
  const?: unknown
  minItems?: number
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  minLength?: number
  maxLength?: number
  format?: string
  pattern?: string
  /** Shown by Visual Studio Code's YAML extension, and by painlens, where the pattern does not match. */
  patternErrorMessage?: string
  /** What is allowed, in words, where the keywords above do not express it. */
  allowed?: string
  /** Must never be shown. */
  writeOnly?: boolean
}

/** The kinds of value that a schema allows, without null; the schema itself where it allows one kind. */
export function alternatives(node: SchemaNode): SchemaNode[] {
  const options = node.anyOf ?? node.oneOf
  return options ? options.flatMap(alternatives).filter(({ type }) => type !== 'null') : [node]
}

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
      return `a number${boundsOf(node)}`
    case 'integer':
      return `a whole number${boundsOf(node)}`
    case 'boolean':
      return 'true or false'
    case 'string':
      return textBy(node)
    case 'array':
      if (node.minItems === 1) return 'a list with at least one item'
      return node.items && 'allowed' in node.items ? `a list, each item ${node.items.allowed}` : 'a list'
    case 'null':
      return 'null'
    default:
      return node.properties ? `a section with the keys ${Object.keys(node.properties).join(', ')}` : 'a section'
  }
}

/** Those that zod gives each integer, which are JavaScript's, say nothing. */
function boundsOf({ minimum, maximum, exclusiveMinimum }: SchemaNode): string {
  const [low, high] = [minimum, maximum].map((bound) =>
    Math.abs(bound ?? 0) === Number.MAX_SAFE_INTEGER ? undefined : bound
  )
  const above = exclusiveMinimum === undefined ? '' : ` above ${exclusiveMinimum}`
  const from = low === undefined ? above : ` from ${low}`
  return high === undefined ? from : `${from}${from === '' ? ' up' : ''} to ${high}`
}

function textBy({ format, pattern, minLength = 0, maxLength }: SchemaNode): string {
  if (format === 'date-time') return 'a time in UTC, written YYYY-MM-DDThh:mm:ssZ'
  if (pattern !== undefined) return `text of the form ${pattern}`
  return maxLength === undefined ? 'text' : `text of ${minLength} to ${maxLength} characters`
}

/**
 * What is wrong with a value, in words: `found text, allowed is a number from 0.2 to 30`.
 * @param value of which no more is told than what kind it is of
 */
export function valueRefusal(value: unknown, schema: SchemaNode | null): string {
  return `${value === undefined ? 'missing' : `found ${kindOf(value)}`}, allowed is ${schema ? allowedBy(schema) : 'something else'}`
}

/** `a list`, `text`; nothing of what the value is. */
export function kindOf(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'string') return value === '' ? 'empty text' : /\S/.test(value) ? 'text' : 'blank text'
  if (typeof value === 'number') return 'a number'
  return typeof value === 'boolean' ? 'true or false' : 'a section'
}
