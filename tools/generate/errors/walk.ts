import type { Node } from 'acorn'

/** A node's parents, the nearest last. */
export type Visit = (node: Node, parents: readonly Node[]) => void

/** Visits every node of a syntax tree. */
export function walk(node: Node, visit: Visit, parents: readonly Node[] = []): void {
  visit(node, parents)
  const inner = [...parents, node]
  for (const child of childrenOf(node)) walk(child, visit, inner)
}

function childrenOf(node: Node): Node[] {
  return Object.values(node)
    .flat()
    .filter((value): value is Node => typeof (value as Node | null)?.type === 'string')
}

/** What a function calls its parameter `name`: its place, or null. */
export function parameterIndex(node: Node, name: string): number | null {
  const { params } = node as unknown as { params?: Node[] }
  const index = (params ?? []).findIndex((param) => nameOf(param) === name)
  return index < 0 ? null : index
}

const nameOf = (param: Node): string | null => {
  const { type, name, left } = param as unknown as { type: string; name?: string; left?: Node }
  if (type === 'AssignmentPattern') return left ? nameOf(left) : null
  return type === 'Identifier' ? (name ?? null) : null
}
