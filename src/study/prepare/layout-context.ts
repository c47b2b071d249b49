import type { Findings } from './clips.js'
import type { UnitRule } from './rules.js'

/** What a layout finds its rows with. */
export interface LayoutContext {
  root: string
  /** All files below the root, relative to it, sorted. */
  files: readonly string[]
  /** @throws InputError */
  read(file: string): Promise<string>
  /** In seconds. @throws InputError where the video does not say */
  durationOf(file: string): Promise<number>
  findings: Findings
  /** Heat levels that count as pain (BioVid). */
  levels: readonly number[]
  /** From which PSPI on a face shows pain (UNBC-McMaster). */
  pspi: number
  rules: readonly UnitRule[]
  /** In seconds; thins sequences of pictures. */
  everyS: number
}
