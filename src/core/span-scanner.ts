/** A state of the automaton. */
export type State = number

/** Where a match may begin: anywhere, or right behind a colon. */
export const anywhere: State = 0
export const afterColon: State = 1
/** A match ends here, or ends here where an @ follows. */
export const found: State = 2
export const foundBeforeAt: State = 3
const firstFree = 4

const colon = 0x3a
const at = 0x40

/** What a scan has found; both in UTF-16 code units. */
export interface Scan {
  /** From and to (exclusive), alternately, in order; no two overlap. */
  spans: number[]
  /** Where the longest match begins that the end of the text may have cut short; the text's length if there is none. */
  open: number
}

/**
 * Finds every match of a set of patterns in one pass from left to right: a nondeterministic automaton whose states are
 * followed all at once (Thompson 1968), so that the time is at most the text's length times the number of states, whatever
 * the text. Each state remembers only the earliest place that it has been reached from, which is enough for the union of
 * all matches.
 */
export class SpanScanner {
  /** For each state its edges, from `#firstEdge[s]` to `#firstEdge[s + 1]`; edges without a unit are resolved by then. */
  readonly #firstEdge: number[] = Array.from({ length: firstFree + 1 }, () => 0)
  readonly #unit: number[] = []
  readonly #target: State[] = []
  /** The edges of `anywhere` and `afterColon`, by unit: they are many, and looked at for each unit of a text. */
  readonly #begin = new Map<number, State[]>()
  readonly #beginAfterColon = new Map<number, State[]>()
  #now = new Threads()
  #next = new Threads()

  /** Adds the patterns that `draw` draws; those that were added before stay. */
  add(draw: (drawing: Drawing) => void): void {
    const drawing = new Drawing(this.#firstEdge.length - 1)
    draw(drawing)
    for (let state = drawing.first; state < drawing.end; state++) {
      for (const [unit, target] of drawing.edgesOf(state)) this.#addEdges(unit, drawing.reached(target))
      this.#firstEdge.push(this.#unit.length)
    }
    for (const [root, begin] of [
      [anywhere, this.#begin],
      [afterColon, this.#beginAfterColon]
    ] as const)
      for (const state of drawing.reached(root))
        for (const [unit, target] of drawing.edgesOf(state)) {
          const targets = begin.get(unit) ?? []
          begin.set(unit, [...new Set([...targets, ...drawing.reached(target)])])
        }
    this.#now.resize(drawing.end)
    this.#next.resize(drawing.end)
  }

  #addEdges(unit: number, targets: readonly State[]): void {
    for (const target of targets) {
      this.#unit.push(unit)
      this.#target.push(target)
    }
  }

  scan(text: string): Scan {
    const spans: number[] = []
    this.#now.clear()
    let before = -1
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      this.#next.clear()
      this.#step(unit)
      for (const target of this.#begin.get(unit) ?? none) this.#next.enter(target, i)
      if (before === colon) for (const target of this.#beginAfterColon.get(unit) ?? none) this.#next.enter(target, i)
      const start = Math.min(
        this.#next.startOf(found),
        text.charCodeAt(i + 1) === at ? this.#next.startOf(foundBeforeAt) : Infinity
      )
      if (start <= i) addSpan(spans, start, i + 1)
      const past = this.#now
      this.#now = this.#next
      this.#next = past
      before = unit
    }
    return { spans, open: this.#now.earliest(text.length) }
  }

  /** Every thread takes the edges that the unit opens. */
  #step(unit: number): void {
    const { count, states, starts } = this.#now
    for (let k = 0; k < count; k++) {
      const state = states[k]!
      const end = this.#firstEdge[state + 1]!
      for (let edge = this.#firstEdge[state]!; edge < end; edge++)
        if (this.#unit[edge] === unit) this.#next.enter(this.#target[edge]!, starts[state]!)
    }
  }
}

const none: readonly State[] = []

/** A span that overlaps those before it takes them in; each is taken in once, so this stays linear. */
function addSpan(spans: number[], from: number, to: number): void {
  let start = from
  while (spans.length > 0 && spans.at(-1)! > start) {
    spans.pop()
    start = Math.min(start, spans.pop()!)
  }
  spans.push(start, to)
}

/** The states that are reached, each with the earliest place from which. */
class Threads {
  count = 0
  states = new Int32Array(firstFree)
  starts = new Int32Array(firstFree)
  /** The turn in which a state was entered last; in doubles, which count for longer than any daemon runs. */
  #entered = new Float64Array(firstFree)
  #turn = 1

  resize(states: number): void {
    this.states = new Int32Array(states)
    this.starts = new Int32Array(states)
    this.#entered = new Float64Array(states)
    this.count = 0
  }

  clear(): void {
    this.count = 0
    this.#turn++
  }

  /** Starts come in ascending order, since threads are followed in the order in which they began: the first is the earliest. */
  enter(state: State, start: number): void {
    if (this.#entered[state] === this.#turn) return
    this.#entered[state] = this.#turn
    this.starts[state] = start
    this.states[this.count++] = state
  }

  startOf(state: State): number {
    return this.#entered[state] === this.#turn ? this.starts[state]! : Infinity
  }

  /** Matches that are complete do not count. */
  earliest(otherwise: number): number {
    const first = this.states.subarray(0, this.count).find((state) => state !== found)
    return first === undefined ? otherwise : this.starts[first]!
  }
}

/** Patterns as states with edges, drawn from left to right: a method takes the state to go on from and gives the one reached. */
export class Drawing {
  readonly #edges = new Map<State, [unit: number, target: State][]>()
  readonly #empty = new Map<State, State[]>()
  readonly #reached = new Map<State, State[]>()
  end: State

  constructor(readonly first: State) {
    this.end = first
  }

  /** Any one of these units, `aA`. */
  unit(from: State, units: string): State {
    const to = this.end++
    const edges = this.#edges.get(from) ?? []
    for (let i = 0; i < units.length; i++) edges.push([units.charCodeAt(i), to])
    this.#edges.set(from, edges)
    return to
  }

  /** One unit after the other, as they stand. */
  text(from: State, text: string): State {
    let at = from
    for (let i = 0; i < text.length; i++) at = this.unit(at, text[i]!)
    return at
  }

  /** Hexadecimal digits in either case. */
  hex(from: State, digits: string): State {
    let at = from
    for (const digit of digits)
      at = this.unit(
        at,
        digit.toLowerCase() === digit.toUpperCase() ? digit : digit.toLowerCase() + digit.toUpperCase()
      )
    return at
  }

  /** Nothing: goes on from `to` as well. */
  join(from: State, to: State): void {
    this.#empty.set(from, [...(this.#empty.get(from) ?? []), to])
  }

  /** Where several ways meet again. */
  meet(ends: readonly State[]): State {
    const to = this.end++
    for (const end of ends) this.join(end, to)
    return to
  }

  /** As often as wanted, not at all included. */
  many(from: State, once: (from: State) => State): State {
    const loop = this.end++
    this.join(from, loop)
    this.join(once(loop), loop)
    return loop
  }

  edgesOf(state: State): readonly [unit: number, target: State][] {
    return this.#edges.get(state) ?? []
  }

  /** The states that a state stands for: those with edges, and ends of matches, that nothing more is needed for. */
  reached(from: State): readonly State[] {
    const known = this.#reached.get(from)
    if (known) return known
    const seen = new Set([from])
    for (const state of seen) for (const to of this.#empty.get(state) ?? none) seen.add(to)
    const useful = [...seen].filter((state) => this.#edges.has(state) || state === found || state === foundBeforeAt)
    this.#reached.set(from, useful)
    return useful
  }
}
