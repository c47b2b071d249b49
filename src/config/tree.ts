import { Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar } from 'yaml'
import type { ErrorCode } from '../core/errors.js'
import { isNullable, nonNull, type SchemaNode, schemaAt } from './json-schema.js'
import { fillIn, placeholdersIn, type Substitute } from './substitute.js'
import { syntaxProblem } from './syntax.js'

export type Path = readonly (string | number)[]

/** Something wrong in the config file. */
export interface Problem {
  /** Offset in the text. */
  at: number
  path: Path
  code: ErrorCode
  message: string
}

/** The place of a value in the text. */
export interface Place {
  key: number
  value: number
  /** The text as written, where it has placeholders. */
  template?: string
}

/** The file's values without zod's defaults, and the place of each. */
export interface Tree {
  value: unknown
  places: Map<string, Place>
  problems: Problem[]
  /** Values of placeholders that must never be shown. */
  secrets: string[]
}

export const placeKey = (path: Path): string => JSON.stringify(path)

/** More than any config has; without a limit, a file full of aliases would not end. */
const maxDepth = 30
const maxNodes = 30_000

/** YAML 1.2 by the yaml package. Problems are its errors and warnings (an unknown tag is one) in painlens's words. */
export function parseYaml(text: string): { document: Document; lines: LineCounter; problems: Problem[] } {
  const lines = new LineCounter()
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
    const problems = [...document.errors, ...document.warnings].map(({ code, pos }) => ({
      at: pos[0],
      path: [],
      code: 'PL-CONFIG-YAML' as const,
      message: syntaxProblem(code)
    }))
    return { document, lines, problems }
  } catch {
    // Thousands of nested brackets overflow the parser's stack.
    return {
      document: new Document(),
      lines,
      problems: [{ at: 0, path: [], code: 'PL-CONFIG-YAML', message: syntaxProblem('RESOURCE_EXHAUSTION') }]
    }
  }
}

/** Turns a document into plain values: placeholders filled in, empty keys left out, numbers as text where text is expected. */
export class TreeReader {
  readonly #tree: Tree = { value: undefined, places: new Map(), problems: [], secrets: [] }
  #nodes = 0

  constructor(
    private readonly document: Document,
    private readonly substitutes: ReadonlyMap<string, Substitute>
  ) {}

  read(): Tree {
    this.#tree.value = this.#read(this.document.contents as Node | null, [], 0)
    return this.#tree
  }

  #read(node: Node | null, path: Path, key: number): unknown {
    const value = node?.range?.[0] ?? key
    this.#tree.places.set(placeKey(path), { key, value })
    if (path.length > maxDepth || ++this.#nodes > maxNodes) {
      if (this.#nodes <= maxNodes + 1)
        this.#complain(value, path, 'PL-CONFIG-NESTED', 'found too many nested values, allowed are 30 levels')
      return undefined
    }
    if (isAlias(node)) return this.#read(node.resolve(this.document) ?? null, path, key)
    if (isMap(node)) return this.#readMap(node.items, path)
    if (isSeq(node)) return node.items.map((item, i) => this.#read(item as Node, [...path, i], value))
    return isScalar(node) ? this.#readScalar(node, path, value) : null
  }

  #readMap(items: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const entries: [string, unknown][] = []
    for (const { key, value } of items) {
      const at = (key as Node | null)?.range?.[0] ?? 0
      if (!isScalar(key)) {
        this.#complain(at, path, 'PL-CONFIG-LIST-KEY', 'found a list or a section as a key, allowed is a word')
        continue
      }
      const name = String(key.value)
      const child = this.#read(value as Node | null, [...path, name], at)
      // "zones:" without a value means the default, not null.
      const schema = schemaAt([...path, name])
      if (child !== null || !schema || isNullable(schema)) entries.push([name, child])
    }
    return Object.fromEntries(entries)
  }

  #readScalar(node: Scalar, path: Path, at: number): unknown {
    const schema = schemaAt(path)
    const { value } = node
    if (typeof value === 'string' && placeholdersIn(value).length > 0) return this.#fill(value, path, at, schema)
    // room: 012 means the text 012.
    const unquoted = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    if (unquoted && schema && nonNull(schema).type === 'string') return node.source ?? String(value)
    return value
  }

  #fill(template: string, path: Path, at: number, schema: SchemaNode | null): unknown {
    const place = this.#tree.places.get(placeKey(path))!
    place.template = template
    const values = new Map<string, string>()
    for (const text of placeholdersIn(template)) {
      const substitute = this.substitutes.get(text)!
      if ('problem' in substitute) this.#complain(at, path, substitute.code, `found ${text}, but ${substitute.problem}`)
      else values.set(text, substitute.value)
      const secret = !text.startsWith('${env:') || schema?.writeOnly
      if (secret && 'value' in substitute) this.#tree.secrets.push(substitute.value)
    }
    return asType(fillIn(template, values), schema)
  }

  #complain(at: number, path: Path, code: ErrorCode, message: string): void {
    this.#tree.problems.push({ at, path, code, message })
  }
}

/** `fps: ${env:FPS}` gives text where a number is expected. */
function asType(text: string, schema: SchemaNode | null): unknown {
  const type = schema && nonNull(schema).type
  if ((type === 'number' || type === 'integer') && text.trim() !== '' && Number.isFinite(Number(text)))
    return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}
