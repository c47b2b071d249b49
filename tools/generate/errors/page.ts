import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { packageRoot } from '#painlens/core/version.js'
import { type Message, type Scan, scanSources } from './scan.js'

const reason = { cause: z.string().min(1), fix: z.string().min(1).optional() }
const partSchema = z.strictObject({
  title: z.string(),
  about: z.string().optional(),
  files: z.array(z.string()),
  by_file: z.array(z.strictObject({ file: z.string(), ...reason })).default([]),
  messages: z.array(z.strictObject({ message: z.string(), ...reason })).default([])
})
type Part = z.infer<typeof partSchema>

export interface Row {
  pattern: string
  cause: string
  fix: string
}

export interface ErrorIndex {
  parts: { title: string; about?: string; rows: Row[] }[]
  /** Messages of the code without a cause or a fix, as an entry of docs/operate/errors.yaml that somebody has to fill in. */
  missing: string[]
  /** Entries of docs/operate/errors.yaml that no code has (any more). */
  stale: string[]
  unresolved: string[]
}

/** The messages of the code, each with its cause from docs/operate/errors.yaml. */
export function errorIndex(
  scan: Scan = scanSources(),
  text = readFileSync(join(packageRoot, 'docs/operate/errors.yaml'), 'utf8')
): ErrorIndex {
  const parts = z.array(partSchema).parse(parse(text))
  const left = new Map(parts.map((part) => [part, new Set(part.messages.map(({ message }) => message))]))
  const rows = new Map(parts.map((part) => [part, [] as Row[]]))
  const missing: string[] = []
  for (const { pattern, fixes, file } of merged(scan.messages)) {
    const part = partOf(parts, file)
    if (!part) {
      missing.push(`- title: …\n  files: [${file}] # belongs to no part yet`)
      continue
    }
    const entry =
      part.messages.find(({ message }) => message === pattern) ?? part.by_file.find((row) => row.file === file)
    left.get(part)!.delete(pattern)
    const fix = entry?.fix ?? fixes.join(' Or: ')
    if (!entry || fix === '')
      missing.push(`    - message: ${JSON.stringify(pattern)} # ${part.title}, ${file}\n      cause: …`)
    else rows.get(part)!.push({ pattern, cause: entry.cause, fix })
  }
  return {
    parts: parts.map((part) => ({ title: part.title, about: part.about, rows: rows.get(part)! })),
    missing,
    stale: [...left].flatMap(([{ title }, messages]) => [...messages].map((message) => `${title}: ${message}`)),
    unresolved: scan.unresolved
  }
}

/** The part whose longest folder the file is in. */
function partOf(parts: readonly Part[], file: string): Part | undefined {
  const closeness = (part: Part): number =>
    Math.max(
      0,
      ...part.files.filter((folder) => file === folder || file.startsWith(`${folder}/`)).map(({ length }) => length)
    )
  const best = parts.reduce((a, b) => (closeness(b) > closeness(a) ? b : a), parts[0]!)
  return closeness(best) > 0 ? best : undefined
}

/** One for each pattern and file, with all the fixes that the code has for it. */
function merged(messages: readonly Message[]): { pattern: string; fixes: string[]; file: string }[] {
  const found = new Map<string, { pattern: string; fixes: string[]; file: string }>()
  for (const { pattern, fix, file } of messages) {
    const key = `${file} ${pattern}`
    const one = found.get(key) ?? { pattern, fixes: [], file }
    if (fix !== null && !one.fixes.includes(fix)) one.fixes.push(fix)
    found.set(key, one)
  }
  return [...found.values()]
}

/** docs/operate/errors.md */
export function errorsPage(index: ErrorIndex = errorIndex()): string {
  const chapters = index.parts.flatMap(({ title, about, rows }) => [
    '',
    `## ${title}`,
    '',
    ...(about ? [about, ''] : []),
    '| message | cause | what to do |',
    '|---|---|---|',
    ...unique(rows).map(
      ({ pattern, cause, fix }) => `| ${[`\`\` ${pattern} \`\``, cause, fix].map(cell).join(' | ')} |`
    )
  ])
  return `${introduction}${chapters.join('\n')}\n`
}

const introduction = `# Every message, its cause, and what to do

\`…\` stands for what is filled in: a name, a number, or what the system said. A message is preceded by where it happened (a file and line, a
camera, an address) and followed by what to do, which is the third column here. Search this page for a part of it that has no \`…\`.

\`npm run generate\` makes this page of the messages in the code and the causes in [errors.yaml](errors.yaml).
`

function unique(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()]
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
