/** How far each part of a report's work is, told as lines; a run that goes on counts what is left. */
import { progressLine } from '../../core/progress-line.js'

export interface PartProgress {
  /** Rows that an earlier run has kept. */
  kept(rows: number): void
  /** One more is done. */
  step(): void
}

/** @param total what the part makes in all, for a run that begins */
export type BeginPart = (name: PartName, total: number) => PartProgress

/** In the order in which they are done. */
export type PartName =
  | 'explanations'
  | 'pixel flipping'
  | 'shuffled weights'
  | 'rendered faces'
  | 'examples'
  | 'faces to judge'

export function progressOf(write: (line: string) => void): BeginPart {
  return (name, total) => {
    const line = progressLine(name, write)
    let [done, left] = [0, total]
    return {
      kept: (rows) => {
        left -= rows
      },
      step: () => line(++done, left)
    }
  }
}
