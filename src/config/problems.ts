import type { LineCounter } from 'yaml'
import type { z } from 'zod'
import { allowedBy, kindOf } from '../core/allowed.js'
import type { ErrorCode } from '../core/errors.js'
import { schemaAt } from './json-schema.js'
import { type ConfigProblem, type Path, placeKey, type SourcePosition, type Tree } from './tree.js'

type Issue = z.core.$ZodIssue

/** zod's issues in words: what was found, what is allowed, and where in the text that is. */
export function issueProblems(issues: readonly Issue[], tree: Tree): ConfigProblem[] {
  const known = new Set(tree.problems.map(({ path }) => placeKey(path)))
  return issues
    .filter(({ path }) => !known.has(placeKey(path as Path)))
    .flatMap((issue) => (issue.code === 'unrecognized_keys' ? unknownKeys(issue, tree) : [valueProblem(issue, tree)]))
}

function unknownKeys(issue: Issue & { code: 'unrecognized_keys' }, tree: Tree): ConfigProblem[] {
  const known = Object.keys(schemaAt(issue.path)?.properties ?? {})
  const taken = Object.keys((valueAt(tree.value, issue.path as Path) ?? {}) as object)
  return issue.keys.map((key) => {
    const path = [...(issue.path as Path), key]
    const near = suggest(
      key,
      known.filter((name) => !taken.includes(name))
    )
    const hint = near ? `, did you mean ${near}?` : `, allowed here: ${known.join(', ')}`
    return { at: positionOf(path, tree).key, path, code: 'PL-CONFIG-KEY', message: `found an unknown key${hint}` }
  })
}

function valueProblem(issue: Issue, tree: Tree): ConfigProblem {
  const path = issue.path as Path
  const place = positionOf(path, tree)
  const value = valueAt(tree.value, path)
  const at = value === undefined ? place.key : place.value
  if (issue.code === 'custom' && value !== undefined)
    return { at, path, code: codeOfIssue(issue), message: withTemplate(issue.message, place) }
  return {
    at,
    path,
    code: 'PL-CONFIG-VALUE',
    message: `${found(value, path, place)}, allowed is ${allowedAt(path)}`
  }
}

/** A field kind that knows its own code hands it over with its issue (fields.ts). */
const codeOfIssue = ({ params }: Issue & { code: 'custom' }): ErrorCode =>
  (params as { problem?: ErrorCode } | undefined)?.problem ?? 'PL-CONFIG-VALUE'

/** The place of a path; for a missing key that of its section. */
export function positionOf(path: Path, tree: Tree): SourcePosition {
  for (let length = path.length; length >= 0; length--) {
    const place = tree.places.get(placeKey(path.slice(0, length)))
    if (place) return length === path.length ? place : { key: place.key, value: place.key }
  }
  return { key: 0, value: 0 }
}

export function valueAt(root: unknown, path: Path): unknown {
  let value = root
  for (const key of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string | number, unknown>)[key]
  }
  return value
}

function allowedAt(path: Path): string {
  const schema = schemaAt(path)
  return schema ? allowedBy(schema) : 'something else'
}

const withTemplate = (message: string, { template }: SourcePosition): string =>
  template ? `${message} (the value comes from ${template})` : message

/** Of a URL that a slip of the hand has moved into another value, and may have damaged, this remains; it may have a password. */
const likeAddress = /\/\/|@/

/** The value there, without secrets and values of placeholders. */
function found(value: unknown, path: Path, place: SourcePosition): string {
  if (value === undefined) return 'missing'
  if (place.template) return `found what ${place.template} stands for`
  if (value === '' || typeof value === 'object') return `found ${kindOf(value)}`
  const schema = schemaAt(path)
  const wantsText = schema && schema.properties === undefined && schema.items === undefined
  return wantsText && !schema.writeOnly && !likeAddress.test(String(value))
    ? `found ${quoted(value)}`
    : 'found a single value'
}

function quoted(value: unknown): string {
  // As YAML writes them; JSON would call them null.
  const text = typeof value === 'number' ? numberText(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text
}

const numberText = (value: number): string =>
  Number.isNaN(value) ? '.nan' : Number.isFinite(value) ? String(value) : value > 0 ? '.inf' : '-.inf'

/** `cameras[0].location.room`; a key that is not a plain word may be a misplaced secret and is not shown. */
function pathText(path: Path): string {
  return path
    .map((key, i) => {
      if (typeof key === 'number') return `[${key}]`
      const name = /^[\w-]{1,60}$/.test(key) ? key : '"…"'
      return i === 0 ? name : `.${name}`
    })
    .join('')
}

/** The lines of a ConfigError, in the file's order, each once: `12:5 cameras[0].fps: found "fast", allowed is … [PL-CONFIG-VALUE]`. */
export function problemLines(problems: readonly ConfigProblem[], lines: LineCounter): string[] {
  const sorted = [...problems].sort((a, b) => a.at - b.at)
  return [
    ...new Set(
      sorted.map(({ at, path, code, message }) => {
        const { line, col } = lines.linePos(at)
        return `${Math.max(line, 1)}:${Math.max(col, 1)} ${path.length > 0 ? `${pathText(path)}: ` : ''}${message} [${code}]`
      })
    )
  ]
}

/**
 * The candidate that a misspelt word most likely means, or null when none is near: at most one edit for each three
 * letters (Damerau-Levenshtein: insert, delete, replace, swap neighbours), case and `-` for `_` aside.
 */
export function suggest(word: string, candidates: readonly string[]): string | null {
  const plain = (text: string): string => text.toLowerCase().replaceAll('-', '_')
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(plain(word), plain(candidate))
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Optimal string alignment distance of two words; words beyond 60 letters are cut. */
export function editDistance(a: string, b: string): number {
  const [s, t] = [a.slice(0, 60), b.slice(0, 60)]
  const rows = [Array.from({ length: t.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= s.length; i++) {
    const row = [i]
    for (let j = 1; j <= t.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (s[i - 1] === t[j - 1] ? 0 : 1)
      row[j] = Math.min(replaced, rows[i - 1]![j]! + 1, row[j - 1]! + 1)
      const swapped = i > 1 && j > 1 && s[i - 1] === t[j - 2] && s[i - 2] === t[j - 1]
      if (swapped) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1)
    }
    rows.push(row)
  }
  return rows[s.length]![t.length]!
}
