import type { Finding } from './finding.js'

/** A language: one file in this folder, and one row in index.ts. */
export interface Language {
  /**
   * One sentence on what an explanation found, which claims no more than the finding does.
   * @param label the label that was explained, as the model's manifest has it
   */
  sentence(label: string, finding: Finding): string
}

/** `A`, `A and B`, `A, B and C`. */
export function listed(parts: readonly string[], and: string): string {
  if (parts.length < 2) return parts.join('')
  return `${parts.slice(0, -1).join(', ')} ${and} ${parts.at(-1)}`
}
