import { UsageError } from '../../core/errors.js'

const compare = {
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
  '=': (a: number, b: number) => a === b
} as const

/** A label for frames of which all terms hold. */
export interface UnitRule {
  label: string
  terms: readonly { unit: number | 'all'; operator: keyof typeof compare; value: number }[]
}

/**
 * Reads a rule over action units: `happiness=AU6>=2&AU12>=2`, `neutral=all<=0`.
 * @throws UsageError
 */
export function parseRule(text: string): UnitRule {
  const at = text.indexOf('=')
  const label = text.slice(0, Math.max(0, at)).trim()
  const terms = text
    .slice(at + 1)
    .split('&')
    .map((term) => {
      const [, unit, operator, value] =
        /^\s*(?:AU0*(\d{1,2})|all)\s*(>=|<=|>|<|=)\s*(\d+(?:\.\d+)?)\s*$/i.exec(term) ?? []
      return operator === undefined
        ? undefined
        : {
            unit: unit === undefined ? ('all' as const) : Number(unit),
            operator: operator as keyof typeof compare,
            value: Number(value)
          }
    })
  if (!/^[^<>&\s]+$/.test(label) || terms.some((term) => term === undefined))
    throw new UsageError('PL-OPTION-VALUE', `"${text}" is no rule such as happiness=AU6>=2&AU12>=2`, '--rule')
  return { label: label.toLowerCase(), terms: terms.flatMap((term) => term ?? []) }
}

/** @param units the action units of a frame; one that is missing was not coded, and no term over it holds */
export function holds({ terms }: UnitRule, units: ReadonlyMap<number, number>): boolean {
  return terms.every(({ unit, operator, value }) => {
    const coded = unit === 'all' ? [...units.values()] : [units.get(unit)]
    return coded.length > 0 && coded.every((own) => own !== undefined && compare[operator](own, value))
  })
}
