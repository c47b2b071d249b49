import {
  type Alias,
  Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar
} from 'yaml'
import { alternatives, isNullable, type SchemaNode } from '../core/allowed.js'
import type { ErrorCode } from '../core/errors.js'
import { schemaAt } from './json-schema.js'
import { fillIn, placeholdersIn, type Substitute, unterminatedIn } from './substitute.js'

export type Path = readonly (string | number)[]

/** Something wrong in the config file. */
export interface ConfigProblem {
  /** Offset in the text. */
  at: number
  path: Path
  code: ErrorCode
  message: string
}

/** The place of a value in the text. */
export interface SourcePosition {
  key: number
  value: number
  /** The text as written, where it has placeholders. */
  template?: string
}

/** The file's values without zod's defaults, and the place of each. */
export interface Tree {
  value: unknown
  places: Map<string, SourcePosition>
  problems: ConfigProblem[]
  /** Values of placeholders that must never be shown. */
  secrets: string[]
}

export const placeKey = (path: Path): string => JSON.stringify(path)

/** More than any config has; without a limit, a file full of aliases would not end. */
const maxDepth = 30
/** For a password that is not needed: long enough for each key that has a least length. */
const standIn = 'x'.repeat(16)
const maxNodes = 30_000

/** YAML 1.2 by the yaml package. Problems are its errors and warnings (an unknown tag is one) in painlens's words. */
export function parseYaml(text: string): { document: Document; lines: LineCounter; problems: ConfigProblem[] } {
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
    private readonly substitutes: ReadonlyMap<string, Substitute>,
    /** Whether a password that cannot be had is a problem. */
    private readonly needsPasswords = true
  ) {}

  read(): Tree {
    this.#tree.value = this.#read(this.document.contents as Node | null, [], 0)
    return this.#tree
  }

  #read(node: Node | null, path: Path, key: number): unknown {
    const value = node?.range?.[0] ?? key
    this.#tree.places.set(placeKey(path), { key, value })
    const isDeep = path.length > maxDepth
    if (isDeep || ++this.#nodes > maxNodes) {
      const allowed = isDeep ? `nested values, allowed are ${maxDepth} levels` : `values, allowed are ${maxNodes}`
      if (this.#nodes <= maxNodes + 1) this.#complain(value, path, 'PL-CONFIG-NESTED', `found too many ${allowed}`)
      return undefined
    }
    if (isAlias(node)) return this.#readAlias(node, path, key)
    if (isMap(node)) return this.#readMap(node.items, path)
    if (isSeq(node)) return node.items.map((item, i) => this.#read(item as Node, [...path, i], value))
    return isScalar(node) ? this.#readScalar(node, path, value) : null
  }

  /** The yaml package takes an alias of nothing for an empty value: a mask that is misspelt would hide nothing. */
  #readAlias(node: Alias, path: Path, key: number): unknown {
    const target = node.resolve(this.document)
    if (target) return this.#read(target, path, key)
    const message = 'found an alias (*) whose anchor (&) is not above it; correct the name, or put the text in quotes'
    this.#complain(node.range?.[0] ?? key, path, 'PL-CONFIG-YAML', message)
    return undefined
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
    const cut = typeof value === 'string' ? unterminatedIn(value) : null
    if (cut !== null)
      this.#complain(
        at,
        path,
        'PL-CONFIG-PLACEHOLDER',
        `found \${${cut}: without its }, so it would be the value itself; close it`
      )
    if (typeof value === 'string' && placeholdersIn(value).length > 0) return this.#fill(value, path, at, schema)
    // room: 012 means the text 012.
    const unquoted = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    if (unquoted && schema && alternatives(schema).every(({ type }) => type === 'string'))
      return node.source ?? String(value)
    return value
  }

  #fill(template: string, path: Path, at: number, schema: SchemaNode | null): unknown {
    const place = this.#tree.places.get(placeKey(path))!
    place.template = template
    const values = new Map<string, string>()
    for (const text of placeholdersIn(template)) {
      const substitute = this.substitutes.get(text)!
      if ('value' in substitute) values.set(text, substitute.value)
      else if (!this.needsPasswords && schema?.writeOnly) values.set(text, standIn)
      else this.#complain(at, path, substitute.code, `found ${text}, but ${substitute.problem}`)
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
  const types = schema ? alternatives(schema).map(({ type }) => type) : []
  const isNumber = types.includes('number') || types.includes('integer')
  if (isNumber && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text)
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** YAML's syntax errors in plain words; keys are the yaml package's codes. */
const explanations: Record<string, string> = {
  ALIAS_PROPS: 'found an alias (*) with an anchor or a tag, allowed is the alias alone',
  BAD_ALIAS: 'found * or & without a usable name; put text that begins so in quotes',
  BAD_COLLECTION_TYPE: 'found a tag (!) that does not fit, allowed are values without tags',
  BAD_DIRECTIVE: 'found a line that begins with % in an unknown meaning; remove it',
  BAD_DQ_ESCAPE: 'found a backslash in double quotes that escapes nothing; use single quotes',
  BAD_INDENT: 'found a line that is indented otherwise than its neighbours',
  BAD_PROP_ORDER: 'found an anchor (&) or a tag (!) in a wrong place; remove it',
  BAD_SCALAR_START: 'found text that begins with @ or `; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'found two "key:" on one line; put the second on its own line, or text with ": " in quotes',
  BLOCK_IN_FLOW: 'found a list or a section of several lines between brackets',
  DUPLICATE_KEY: 'found a key for the second time; keep one of them',
  KEY_OVER_1024_CHARS: 'found a key of more than 1024 letters',
  MISSING_CHAR: 'found a quote, bracket, comma or colon missing (or no space after a colon)',
  MULTILINE_IMPLICIT_KEY: 'found a key that goes over several lines; is there a colon missing, or a quote?',
  MULTIPLE_ANCHORS: 'found two anchors (&) on one value',
  MULTIPLE_DOCS: 'found a second document (a line of ---), allowed is one',
  MULTIPLE_TAGS: 'found two tags (!) on one value',
  NON_STRING_KEY: 'found a key that is no text',
  RESOURCE_EXHAUSTION: 'found values nested too deeply',
  TAB_AS_INDENT: 'found a tab in the indentation, allowed are spaces',
  TAG_RESOLVE_FAILED: 'found an unknown tag (a word that begins with !); put text that begins so in quotes',
  UNEXPECTED_TOKEN:
    'found something that does not belong here; is there a quote, bracket or indentation wrong before it?'
}

/**
 * A YAML syntax error in words. The yaml package's own message is not used: it may quote the text, hence a password.
 * @param code the yaml package's error code
 */
function syntaxProblem(code: string): string {
  return explanations[code] ?? 'found text that is no YAML'
}
