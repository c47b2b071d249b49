import type { RandomisationVerdict } from '../../../stages/explain/checks/index.js'
import type { ExplainedFor } from '../comparisons.js'

/** What a report says of explanations; names of labels, regions and composites are in its language already. */
export interface FindingWords {
  /** Which pictures a section's means and groups are without; none for none. @param lacking what their maps lack: what speaks for the output, or all */
  leftOut(said: readonly LeftOut[], lacking: 'positive' | 'all'): string[]
  gate: {
    title: string
    what: string
    /** Which composites pass, of how many persons. */
    outcome(passed: readonly string[], failed: readonly string[], persons: number): string
    /** Where that is too few persons for their intervals to say much. */
    few(persons: number): string
    figure: string
    follows: string
    lies: string
    note: string
  }
  regions: {
    title: string
    what(pictures: number, subjects: number): string
    figure: Record<ExplainedFor, string>
    /** How a difference is marked that is not of what each picture is called. */
    explained: Record<Exclude<ExplainedFor, 'own'>, string>
    axis: string
    note: string
    /** `A − B` */
    pair(label: string, other: string): string
    /** Where all composites that pass agree. */
    agree(
      said: ComparedPair & { subjects: Range; more: readonly NamedDifference[]; less: readonly NamedDifference[] }
    ): string
    nothing(said: ComparedPair & { subjects: Range }): string
    /** Composites that pass and cannot be tested, though others can. */
    untested(said: ComparedPair & { composites: readonly string[] }): string
    /** In the figure, in the place of a composite's differences. */
    noSubject: string
    tooFew(said: ComparedPair & { subjects: number }): string
    /** A region where they contradict each other. */
    disagree(said: ComparedPair & { region: string; more: readonly string[]; less: readonly string[] }): string
    noGate: string
    misread(said: { label: string; other: string; subjects: number; pictures: number }): string
    table: string
    /** A row that stands for no rows. */
    none: string
    head: {
      composite: string
      question: string
      reading: string
      region: string
      difference: string
      interval: string
      p: string
      subjects: string
    }
  }
  maps: {
    title: string
    what: string
    figure: string
    note: string
    /** @param said.region one or more of them, listed */
    cluster(said: {
      composite: string
      label: string
      other: string
      region: string
      isMore: boolean
      p: number
      subjects: number
    }): string
    none(composites: readonly string[]): string
    /** @param subjects that have pictures of two labels, at most */
    tooFew(subjects: number): string
  }
  units: {
    title: string
    what(persons: number): string
    figure: string
    output: string
    relevance: string
    pain: string
    strongest(said: { units: readonly { unit: string; points: number }[]; label: string }): string
    nothing(label: string): string
    note: string
    /** Columns whose p is below 0.05, the strongest first. @param said.of those that are tested */
    inData(said: {
      columns: readonly { column: string; correlation: number; p: number }[]
      of: number
      subjects: Range
      label: string
    }): string
    /** Columns of too few subjects for a test. @param said.of all columns */
    untestedColumns(said: { columns: readonly string[]; of: number }): string
    columns: string
    columnsNote: string
    columnsHead: string[]
    beside(said: { composite: string; agree: number; of: number }): string
  }
  strategies: {
    title: string
    what: string
    table: string
    figure(composite: string): string
    head: {
      composite: string
      label: string
      cluster: string
      pictures: string
      subject: string
      source: string
      fold: string
    }
    warning(said: {
      composite: string
      label: string
      pictures: number
      of: 'subject' | 'source'
      name: string
      share: number
    }): string
    /** @param sources of all pictures: of one source every group is */
    fine(labels: readonly string[], sources: number): string
    /** @param labels of which no composite's maps are grouped */
    tooFew(labels: readonly string[]): string
  }
  checks: {
    title: string
    what: string
    table: string
    figure: string
    head: {
      composite: string
      maps: string
      notFinite: string
      conserved: string
      shuffled: string
      agreement: string
      gain: string
      flipping: string
    }
    note: string
    outcome: Record<RandomisationVerdict['outcome'], string>
    curves: { most: string; least: string; random: string; probability: string; removed: string }
    yes: string
    no: string
    finite(maps: number, notFinite: number): string
    flipping(passed: readonly string[], failed: readonly string[], pictures: number): string
    shuffling(unchanged: readonly string[], insensitive: readonly string[]): string
    agreement(said: readonly { composite: string; mean: number; lowest: number }[]): string
  }
  quiz: {
    title: string
    lead: string
    rendered: string
    persons: string
    keys: string
    page: Record<
      | 'question'
      | 'face'
      | 'heatmap'
      | 'shown'
      | 'you'
      | 'model'
      | 'toggle'
      | 'next'
      | 'finish'
      | 'done'
      | 'label'
      | 'faces'
      | 'yours'
      | 'models'
      | 'all'
      | 'again'
      | 'caution',
      string
    >
  }
  examples: {
    title: string
    what: Record<'rendered' | 'persons', string>
    figure: Record<'right' | 'wrong' | 'all', string>
    shown: string
    called: string
    none: Record<'right' | 'wrong', string>
    /** Of these labels no face can be drawn; then no picture of a person is shown. */
    notDrawn: (labels: readonly string[]) => string
    /** Labels without an example, though others have one. */
    noneOf: Record<'right' | 'wrong', (labels: readonly string[]) => string>
    note: string
    greyed: string
  }
}

/** Two labels that are compared, and what relevance was asked about. */
export interface ComparedPair {
  explained: ExplainedFor
  label: string
  other: string
}

/** From the smallest to the largest, which may be the same. */
export interface Range {
  low: number
  high: number
}

/** Pictures that a composite's means or groups are without, since their maps have nothing to share out. */
export interface LeftOut {
  composite: string
  /** What of the composite's: `pain − disgust`; empty where the label says it. */
  of: string
  counts: readonly { label: string; pictures: number; leftOut: number }[]
  /** That remain; null where subjects do not matter. */
  subjects: number | null
}

export interface NamedDifference {
  region: string
  /** Smallest and largest under the composites, in percentage points, without sign. */
  low: number
  high: number
  /** From the lowest bound to the highest of the intervals, in the direction of the difference: below zero is the other direction. */
  interval: Range
  /** The largest. */
  p: number
}
