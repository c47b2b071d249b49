import { compositeNames } from '../../config/index.js'
import { UsageError } from '../../core/errors.js'

/** The columns of figures 3 and 4 in Weitz et al. 2018, in their order. */
const figure = ['lrp.z', 'lrp.epsilon', 'lrp.sequential_preset_a_flat', 'lrp.sequential_preset_b_flat'] as const

/**
 * What `--composite` names: one composite, several behind commas, or `all`, which are those of the paper's figures.
 * @throws UsageError for a name that is unknown, or of a composite that needs more than its name
 */
export function compositesOf(text: string): string[] {
  const names = text.split(',').flatMap((part) => (part.trim() === 'all' ? figure : [part.trim()]))
  for (const name of names) {
    if ((compositeNames as readonly string[]).includes(name)) continue
    throw new UsageError('PL-OPTION-COMPOSITE', `there is no composite "${name}" here`, '--composite', {
      fix: `Use all, or one or more of ${compositeNames.join(', ')}.`
    })
  }
  return [...new Set(names)]
}

/** iNNvestigate's name for a composite, as its papers print it: `LRP-SequentialPresetAFlat`. */
export function titleOf(composite: string): string {
  const parts = composite.replace(/^lrp\./, '').split('_')
  return `LRP-${parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join('')}`
}
