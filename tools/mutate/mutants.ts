/** Small changes to a source, each of which a test should notice. */

export interface Mutant {
  /** Of what is replaced in the source, in UTF-16 units. */
  start: number
  end: number
  text: string
  /** `12: against: 0.2 → 0.3` */
  name: string
}

const comparisons: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>'],
  '<=': ['<', '>'],
  '>': ['>=', '<'],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '&&': ['||'],
  '||': ['&&']
}
const functions: Readonly<Record<string, readonly string[]>> = {
  'Math.min': ['Math.max'],
  'Math.max': ['Math.min'],
  'Math.floor': ['Math.ceil'],
  'Math.ceil': ['Math.floor'],
  'Math.round': ['Math.floor']
}

/** A number as it may stand in for another: its neighbours when it is a small whole one, else half as much again and half. */
function otherNumbers(literal: string): string[] {
  const value = Number(literal.replaceAll('_', ''))
  if (Number.isInteger(value) && value < 10) return [value + 1, ...(value > 0 ? [value - 1] : [])].map(String)
  return [value * 1.5, value / 2].map((other) => String(Number(other.toPrecision(6))))
}

const kinds: readonly { pattern: RegExp; others: (found: string) => readonly string[] }[] = [
  { pattern: /(?<![\w.$])\d[\d_]*(?:\.\d+)?(?:e-?\d+)?(?![\w.])/g, others: otherNumbers },
  // biome puts spaces round operators and none round type arguments.
  { pattern: /(?<= )(?:[<>]=?|[!=]==|&&|\|\|)(?= )/g, others: (found) => comparisons[found] ?? [] },
  { pattern: /\bMath\.(?:min|max|floor|ceil|round)\b/g, others: (found) => functions[found] ?? [] }
]

/** Each constant, comparison and rounding of a TypeScript source, changed one at a time; texts and comments are left alone. */
export function mutantsOf(source: string): Mutant[] {
  const code = withoutTexts(source)
  const mutants = kinds.flatMap(({ pattern, others }) =>
    [...code.matchAll(pattern)].flatMap(({ index: start, 0: found }) =>
      others(found).map((text) => ({
        start,
        end: start + found.length,
        text,
        name: nameOf(source, start, found, text)
      }))
    )
  )
  return mutants.sort((a, b) => a.start - b.start)
}

export function mutated(source: string, { start, end, text }: Mutant): string {
  return source.slice(0, start) + text + source.slice(end)
}

function nameOf(source: string, start: number, found: string, text: string): string {
  const before = source.slice(0, start).split('\n')
  const line = source.split('\n')[before.length - 1]!.trim()
  return `${before.length}: ${found} → ${text}   ${line}`
}

/** The source with each character of its texts, regular expressions and comments blank; what stands in `${}` of a template stays. */
function withoutTexts(source: string): string {
  const pattern =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|(?<=[(,=:[!&|?{};\s]\s*)\/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*|`(?:\\.|[^`\\])*`/g
  return source.replace(pattern, (found) => (found.startsWith('`') ? template(found) : blank(found)))
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ')

function template(text: string): string {
  const parts = text.split(/(\$\{[^}]*\})/)
  return parts.map((part) => (part.startsWith('${') ? `  ${part.slice(2, -1)} ` : blank(part))).join('')
}
