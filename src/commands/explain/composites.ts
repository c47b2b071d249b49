import { UsageError } from '../../core/errors.js'
import { type CompositeOptions, type PlainCompositeName, plainCompositeNames, usesGamma } from '../../lib/lrp/index.js'

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

/**
 * The gamma of `--gamma`: one number, or several separated by commas.
 * @throws UsageError for other text, or where none of the composites has a use for it
 */
export function gammaOf(text: string | undefined, composites: readonly string[]): CompositeOptions['gamma'] {
  if (text === undefined) return undefined
  const list = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (!list.every((value) => Number.isFinite(value) && value >= 0)) {
    throw new UsageError('PL-OPTION-GAMMA', `"${text}" is no gamma`, '--gamma', {
      fix: 'Use a number from 0, such as 0.25, or several separated by commas.'
    })
  }
  if (!composites.some(usesGamma)) {
    throw new UsageError('PL-OPTION-GAMMA', `no gamma is in ${composites.join(', ')}`, '--gamma', {
      fix: 'Add --composite lrp.gamma or lrp.epsilon_gamma_box.'
    })
  }
  return list.length === 1 ? list[0] : list
}

/** iNNvestigate's name for a composite, as its papers print it: `LRP-SequentialPresetAFlat`. */
export function titleOf(composite: string): string {
  const parts = composite.replace(/^lrp\./, '').split('_')
  return `LRP-${parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join('')}`
}
