import type { RandomisationVerdict } from '../../../stages/explain/checks/index.js'

/** What a report says of explanations; names of labels, regions and composites are in its language already. */
export interface FindingWords {
  gate: {
    title: string
    what: string
    /** Which composites pass, of how many persons. */
    outcome(passed: readonly string[], failed: readonly string[], persons: number): string
    figure: string
    follows: string
    lies: string
    note: string
  }
  regions: {
    title: string
    what(pictures: number, subjects: number): string
    figure: Record<'own' | 'alarm' | 'contrast', string>
    /** How a difference is marked that is not of what each picture is called. */
    explained: Record<'alarm' | 'contrast', string>
    axis: string
    note: string
    /** `A − B` */
    pair(label: string, other: string): string
    /** Where all composites that pass agree. */
    agree(said: {
      label: string
      other: string
      subjects: number
      more: readonly NamedDifference[]
      less: readonly NamedDifference[]
    }): string
    nothing(label: string, other: string, subjects: number): string
    tooFew(label: string, other: string, subjects: number): string
    /** A region where they contradict each other. */
    disagree(said: {
      label: string
      other: string
      region: string
      more: readonly string[]
      less: readonly string[]
    }): string
    noGate: string
    misread(said: { label: string; other: string; subjects: number; pictures: number }): string
    table: string
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
    /** Columns whose p is below 0.05, the strongest first. */
    inData(said: {
      columns: readonly { column: string; correlation: number; p: number }[]
      of: number
      subjects: number
      label: string
    }): string
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
    fine(labels: readonly string[]): string
    tooFew: string
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
    note: string
    greyed: string
  }
}

export interface NamedDifference {
  region: string
  /** Smallest and largest under the composites, in percentage points, without sign. */
  low: number
  high: number
  /** The largest. */
  p: number
}
