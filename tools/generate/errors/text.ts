import type { Expression, Node } from 'acorn'

/** Stands in a pattern for what is only known when the message is written. */
export const gap = '…'

/** How names are followed to what they stand for. */
export interface Resolver {
  /** The expressions that a name or a call may stand for, or null where that cannot be told from the file. */
  follow(node: Node, name: string): Node[] | null
}

/**
 * The texts that an expression may come to, with `…` for what is filled in: both branches of a condition, every argument that
 * a helper is called with. Null where there is no text in it at all.
 */
export function textsOf(node: Node, resolver: Resolver, depth = 0): string[] | null {
  if (depth > 8) return null
  const next = (other: Node): string[] | null => textsOf(other, resolver, depth + 1)
  const expression = node as Expression
  switch (expression.type) {
    case 'Literal':
      return typeof expression.value === 'string' ? [expression.value] : null
    case 'TemplateLiteral':
      return [tidy(expression.quasis.map(({ value }) => value.cooked ?? '').join(gap))]
    case 'ConditionalExpression':
      return union([expression.consequent, expression.alternate].map(next))
    case 'LogicalExpression':
      return union([expression.left, expression.right].map(next))
    case 'BinaryExpression': {
      const [left, right] = [expression.left as Node, expression.right].map(next)
      return left && right ? left.flatMap((a) => right.map((b) => tidy(a + b))) : null
    }
    case 'Identifier': {
      const found = resolver.follow(node, expression.name)
      return found && union(found.map(next))
    }
    default:
      return null
  }
}

function union(texts: readonly (string[] | null)[]): string[] | null {
  const found = texts.flatMap((list) => list ?? [])
  return found.length > 0 ? [...new Set(found)] : null
}

/** Two gaps side by side are one; a text is one line. */
const tidy = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll(/…(…)+/g, gap)
