import type { ExplanationMessage, ObservationMessage } from '../../contract/messages.js'
import type { Secrets } from '../../core/secrets.js'

/** Largest accepted command, in bytes. */
export const maxCommandBytes = 16 * 1024

/** Longer free texts are cut: they come from outside, and screens at the nurses' have no room for them. */
const maxText = 4000

/** The contract's own words, which no password may blot out, though it be `pain`. */
const vocabulary = new Set([
  'alarm_id',
  'at',
  'composite',
  'condition',
  'engine',
  'heatmap',
  'kind',
  'onset',
  'phase',
  'priority',
  'published',
  'reason',
  'region',
  'session',
  'sha256',
  'since',
  'state',
  'status',
  'target',
  'transaction',
  'type',
  'updated'
])

/** JSON with every free text redacted and bounded: an error's message may quote what a program said. */
export function encode(payload: object, secrets: Secrets): string {
  return JSON.stringify(payload, (key, value: unknown) =>
    typeof value === 'string' && !vocabulary.has(key) ? secrets.excerpt(value, maxText) : value
  )
}

export interface Privacy {
  /** privacy.publish_emotions */
  publishEmotions: boolean
  /** privacy.publish_heatmap */
  publishHeatmap: boolean
}

/** The last gate before the network: whatever a stage hands over, emotions leave only where the config says so. */
export function withoutEmotions(message: ObservationMessage, privacy: Privacy): ObservationMessage {
  if (privacy.publishEmotions) return message
  const { emotions: _, ...rest } = message
  return rest
}

/** As `withoutEmotions`: of the classes' uncertainties only that of what is explained. */
export function withoutOtherClasses(message: ExplanationMessage, privacy: Privacy): ExplanationMessage {
  if (privacy.publishEmotions) return message
  const { target, uncertainty } = message
  const classes = Object.fromEntries(Object.entries(uncertainty.classes).filter(([label]) => label === target))
  return { ...message, uncertainty: { ...uncertainty, classes } }
}

/** As `withoutEmotions`, for the picture. */
export function withoutHeatmap(message: ExplanationMessage, privacy: Privacy): ExplanationMessage {
  if (privacy.publishHeatmap) return message
  const { heatmap: _, ...rest } = message
  return rest
}
