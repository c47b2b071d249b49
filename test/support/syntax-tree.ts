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
