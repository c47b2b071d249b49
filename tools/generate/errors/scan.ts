import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type CallExpression, type NewExpression, type Node, type ObjectExpression, parse } from 'acorn'
import * as errors from '#painlens/core/errors.js'
import { packageRoot } from '#painlens/core/version.js'
import { type Resolver, textsOf } from './text.js'
import { parameterIndex, walk } from './walk.js'

/** A message that a user may see, as the code has it. */
export interface Message {
  /** `…` where something is filled in. */
  pattern: string
  /** What to do, where the code says it beside the message. */
  fix: string | null
  /** `src/lib/model/manifest.ts` */
  file: string
}

export interface Scan {
  messages: Message[]
  /** Where the text cannot be told from the code: `src/stages/camera/check.ts: new CameraError(what)`. */
  unresolved: string[]
}

/** Which arguments are the message and its fix, by the name that is called. */
interface Shape {
  message: number
  fix: number | null
  /** Only in files below this folder of src. */
  within?: string
}

/** Those for the user; a NotSent never gets to one. */
const errorNames = Object.entries(errors)
  .filter(([, value]) => typeof value === 'function' && value.prototype instanceof Error && value !== errors.NotSent)
  .map(([name]) => name)

const constructors: Readonly<Record<string, Shape>> = {
  ...Object.fromEntries(errorNames.map((name) => [name, { message: 0, fix: 2 }])),
  ConfigError: { message: 1, fix: 2 },
  // Becomes a ModelError with "Export or copy the model again."
  WireError: { message: 0, fix: null }
}

/** Functions of this code that take a message. */
const calls: Readonly<Record<string, Shape>> = {
  trouble: { message: 1, fix: 2, within: 'stages/mqtt' },
  fail: { message: 1, fix: 2, within: 'commands/check' },
  warn: { message: 1, fix: 2, within: 'commands/check' },
  unsupported: { message: 1, fix: null, within: 'lib/lrp' },
  refused: { message: 0, fix: null, within: 'lib/lrp/graph' }
}

/** Objects that carry a message: the keys, and where. */
const carriers: readonly { key: string; fix?: string; within: string }[] = [
  { key: 'what', fix: 'fix', within: '' },
  { key: 'message', within: 'config' },
  { key: 'problem', within: 'config' }
]

/** What is for developers of painlens only. */
const leftOut = ['show/render/']

/** Every message in the compiled sources, which have the sources' names. */
export function scanSources(root = packageRoot): Scan {
  const scan: Scan = { messages: [], unresolved: [] }
  for (const file of sourcesBelow(join(root, 'src'))) {
    const path = relative(join(root, 'src'), file)
    if (leftOut.some((folder) => path.startsWith(folder))) continue
    scanText(readFileSync(join(root, 'dist', path.replace(/\.ts$/, '.js')), 'utf8'), path, scan)
  }
  return scan
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return sourcesBelow(path)
      return entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts') ? [path] : []
    })
}

/**
 * Adds what one file has.
 * @param text JavaScript
 * @param path below src
 */
export function scanText(text: string, path: string, scan: Scan): void {
  const tree = parse(text, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true })
  const resolver = resolverOf(tree)
  const add = (message: Node | undefined, fix: Node | undefined, site: string): void => {
    if (!message) return
    const list =
      message.type === 'ArrayExpression' ? (message as unknown as { elements: Node[] }).elements[0]! : message
    const patterns = textsOf(list, resolver)?.filter((pattern) => /[a-z]{3}/i.test(pattern)) ?? []
    if (patterns.length === 0) scan.unresolved.push(`src/${path}: ${site}(${text.slice(list.start, list.end)})`)
    const fixes = fix ? textsOf(fix, resolver) : null
    for (const pattern of patterns)
      scan.messages.push({ pattern, fix: fixes?.join(' Or: ') ?? null, file: `src/${path}` })
  }
  walk(tree, (node) => {
    if (node.type === 'NewExpression' || node.type === 'CallExpression') {
      const { callee, arguments: args } = node as NewExpression | CallExpression
      const name = calledName(callee)
      const shape = (node.type === 'NewExpression' ? constructors : calls)[name]
      if (
        shape &&
        Object.hasOwn(node.type === 'NewExpression' ? constructors : calls, name) &&
        isWithin(path, shape.within)
      )
        add(args[shape.message], shape.fix === null ? undefined : args[shape.fix], name)
    }
    if (node.type === 'ObjectExpression') addCarried(node as ObjectExpression, path, add)
  })
  if (path.startsWith('config/')) addReturned(tree, path, resolver, scan)
}

const isWithin = (path: string, folder: string | undefined): boolean => !folder || path.startsWith(`${folder}/`)

function calledName(callee: Node): string {
  const { name, property } = callee as unknown as { name?: string; property?: { name?: string } }
  return name ?? property?.name ?? ''
}

function addCarried(
  node: ObjectExpression,
  path: string,
  add: (message: Node | undefined, fix: Node | undefined, site: string) => void
): void {
  const values = new Map(
    node.properties.flatMap((property) =>
      property.type === 'Property' && property.key.type === 'Identifier' && !property.shorthand
        ? [[property.key.name, property.value as Node] as const]
        : []
    )
  )
  for (const { key, fix, within } of carriers) {
    const message = values.get(key)
    if (!message || !isWithin(path, within) || (fix && !values.has(fix))) continue
    // A number, a function or a name that is passed on is no message of its own.
    if (['Literal', 'TemplateLiteral', 'ConditionalExpression', 'BinaryExpression'].includes(message.type))
      add(message, fix ? values.get(fix) : undefined, `{ ${key} }`)
  }
}

/** The config's checks answer with sentences that begin with "found", as functions or tables. */
function addReturned(tree: Node, path: string, resolver: Resolver, scan: Scan): void {
  walk(tree, (node, parents) => {
    if (node.type !== 'Literal' && node.type !== 'TemplateLiteral') return
    const parent = parents.at(-1)!
    const carried =
      parent.type === 'Property' && ['message', 'problem'].includes(calledName((parent as never as { key: Node }).key))
    if (carried || parent.type === 'TemplateLiteral' || parent.type === 'NewExpression') return
    for (const pattern of textsOf(node, resolver) ?? [])
      if (/^found .*[a-z]{3}/i.test(pattern)) scan.messages.push({ pattern, fix: null, file: `src/${path}` })
  })
}

/** Follows constants, and parameters of functions that the file itself calls. */
function resolverOf(tree: Node): Resolver {
  const constants: { name: string; init: Node; scope: Node }[] = []
  const functions: { node: Node; name: string }[] = []
  const callsOf = new Map<string, Node[][]>()
  walk(tree, (node, parents) => {
    const parent = parents.at(-1)
    if (node.type === 'VariableDeclarator') {
      const { id, init } = node as unknown as { id: { name?: string }; init: Node | null }
      const scope = parents.findLast(({ type }) => type === 'BlockStatement') ?? tree
      if (id.name && init) constants.push({ name: id.name, init, scope })
    }
    if (/Function/.test(node.type)) functions.push({ node, name: functionName(node, parent) })
    if (node.type === 'CallExpression') {
      const { callee, arguments: args } = node as CallExpression
      const name = calledName(callee)
      callsOf.set(name, [...(callsOf.get(name) ?? []), args])
    }
  })
  return {
    follow(node, name) {
      const holders = functions.filter((f) => holds(f.node, node)).reverse()
      for (const holder of holders) {
        const index = parameterIndex(holder.node, name)
        if (index !== null)
          return (callsOf.get(holder.name) ?? []).flatMap((args) => (args[index] ? [args[index]] : []))
      }
      const seen = constants.filter(({ scope, ...constant }) => constant.name === name && holds(scope, node))
      // The innermost scope wins; a name has one constant in it.
      const [nearest] = seen.sort((a, b) => b.scope.start - a.scope.start)
      return nearest ? [nearest.init] : null
    }
  }
}

const holds = (outer: Node, inner: Node): boolean => outer.start <= inner.start && inner.end <= outer.end

function functionName(node: Node, parent: Node | undefined): string {
  const own = (node as unknown as { id?: { name?: string } | null }).id?.name
  const { id, key } = (parent ?? {}) as unknown as { id?: { name?: string }; key?: { name?: string } }
  return own ?? id?.name ?? key?.name ?? ''
}
