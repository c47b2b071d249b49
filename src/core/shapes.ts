/** What files hold that people may have changed: read by a schema, and refused in painlens's words. */
import { z } from 'zod'
import { allowedBy, alternatives, isNullable, kindOf, nonNull, type SchemaNode } from './allowed.js'
import { printable } from './printable.js'

/** Problems of one value that are told; a file that is wrong throughout would fill the screen. */
const mostTold = 5
const longestShown = 40

/**
 * Reads a value by a schema.
 * @param value as JSON or YAML gives it
 * @returns what the schema makes of it; or what is wrong, each with its place, in one line: `folds[0].accuracy: found 1.4, allowed is a number
 * from 0 to 1`
 */
export function readShape<T>(schema: z.ZodType<T>, value: unknown): { value: T } | { problem: string } {
  const read = schema.safeParse(value)
  if (read.success) return { value: read.data }
  const root = z.toJSONSchema(schema, { target: 'draft-07', io: 'input', unrepresentable: 'any' }) as SchemaNode
  const problems = [...new Set(read.error.issues.map((issue) => problemOf(issue, root, value)))]
  const rest = problems.length > mostTold ? `; and ${problems.length - mostTold} more` : ''
  return { problem: problems.slice(0, mostTold).join('; ') + rest }
}

function problemOf(issue: z.core.$ZodIssue, root: SchemaNode, value: unknown): string {
  const { path } = issue
  const place = pathText(path)
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => pathText([...path, key]))
    return `${keys.join(' and ')}: found an unknown key`
  }
  if (issue.code === 'invalid_key') return `${place}: this key is not allowed`
  if (issue.code === 'custom') return `${place}: ${issue.message}`
  return `${place}: ${foundIn(path.reduce(childOf, value))}, allowed is ${allowedAt(path.reduce(nodeBelow, root))}`
}

const childOf = (value: unknown, key: PropertyKey): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined

function foundIn(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'number' || typeof value === 'boolean') return `found ${value}`
  const isShort = typeof value === 'string' && value.trim() !== '' && value.length <= longestShown
  return `found ${isShort ? printable(JSON.stringify(value)) : kindOf(value)}`
}

function allowedAt(node: SchemaNode | undefined): string {
  if (!node) return 'something else'
  if (nonNull(node).type !== 'object') return allowedBy(node)
  return isNullable(node) ? 'a section or null' : 'a section'
}

function nodeBelow(node: SchemaNode | undefined, key: PropertyKey): SchemaNode | undefined {
  for (const { items, properties, additionalProperties: others } of node ? alternatives(node) : []) {
    if (typeof key === 'number') {
      const found = Array.isArray(items) ? items[key] : items
      if (found) return found
    } else if (properties && Object.hasOwn(properties, key)) return properties[String(key)]
    else if (typeof others === 'object') return others
  }
  return undefined
}

/** `folds[0].accuracy`; `the file` for the whole. */
function pathText(path: readonly PropertyKey[]): string {
  const texts = path.map((key) =>
    typeof key === 'number' ? `[${key}]` : `.${printable(String(key)).slice(0, longestShown)}`
  )
  return texts.join('').replace(/^\./, '') || 'the file'
}
