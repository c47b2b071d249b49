import { UsageError } from '../../core/errors.js'
import { type PlainCompositeName, plainCompositeNames } from '../../lib/lrp/index.js'

/** The columns of figures 3 and 4 in Weitz et al. 2018, in their order. */
const figure: readonly PlainCompositeName[] = [
  'lrp.z',
  'lrp.epsilon',
  'lrp.sequential_preset_a_flat',
  'lrp.sequential_preset_b_flat'
]

/**
 * The composites of `--composite`: one, several separated by commas, or `all`, those of the paper's figures.
 * @throws UsageError for an unknown name, or a composite that needs parameters
 */
export function compositesOf(text: string): PlainCompositeName[] {
  const parts = text.split(',').map((part) => part.trim())
  return [...new Set(parts.flatMap((part) => (part === 'all' ? figure : [compositeNamed(part)])))]
}

function compositeNamed(text: string): PlainCompositeName {
  const name = plainCompositeNames.find((known) => known === text)
  if (name) return name
  throw new UsageError('PL-OPTION-COMPOSITE', `there is no composite "${text}" here`, '--composite', {
    fix: `Use all, or one or more of ${plainCompositeNames.join(', ')}.`
  })
}

/** iNNvestigate's name for a composite, as its papers print it: `LRP-SequentialPresetAFlat`. */
export function titleOf(composite: string): string {
  const parts = composite.replace(/^lrp\./, '').split('_')
  return `LRP-${parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join('')}`
}
