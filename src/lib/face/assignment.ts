/**
 * Assigns rows to columns at the least total cost (the assignment problem), by the Hungarian method of H. W. Kuhn ("The
 * Hungarian method for the assignment problem", Naval Research Logistics Quarterly 2, 1955) with potentials and shortest
 * augmenting paths, in O(n²·(n + m)) for n rows and m columns.
 */

/**
 * @param costs costs[row][column], all rows of one length; infinite for a pair that must not be
 * @param most  what a row costs that is left without a column; a pair that costs as much or more is never made
 * @returns for each row its column, or null; no column twice. The same costs give the same answer.
 */
export function assign(costs: readonly (readonly number[])[], most: number): (number | null)[] {
  const columns = costs[0]?.length ?? 0
  // A column of its own for each row, for being left without one.
  const cost = (row: number, column: number): number =>
    column < columns ? Math.min(costs[row]![column]!, most * 2) : most
  const matching = new Matching(costs.length, columns + costs.length, cost)
  for (const row of costs.keys()) matching.add(row)
  const found = costs.map((): number | null => null)
  for (const [column, row] of matching.rowOf.slice(0, columns).entries())
    if (row !== none && costs[row]![column]! < most) found[row] = column
  return found
}

const none = -1

/** What a search knows of each column: how long the way to it is, over which column it leads, whether it has been taken. */
interface Search {
  distance: Float64Array
  before: Int32Array
  isTaken: Uint8Array
}

/** Rows that have columns at the least total cost; it stays least as one row after the other is added. */
class Matching {
  /** The row of each column. */
  readonly rowOf: number[]
  readonly #rowPotential: Float64Array
  readonly #columnPotential: Float64Array

  constructor(
    rows: number,
    private readonly columns: number,
    private readonly cost: (row: number, column: number) => number
  ) {
    this.rowOf = new Array<number>(columns).fill(none)
    this.#rowPotential = new Float64Array(rows)
    this.#columnPotential = new Float64Array(columns)
  }

  /** Gives a row a column, by the cheapest exchange among those before. There has to be a column left. */
  add(row: number): void {
    const { columns } = this
    const search: Search = {
      distance: new Float64Array(columns).fill(Number.POSITIVE_INFINITY),
      before: new Int32Array(columns).fill(none),
      isTaken: new Uint8Array(columns)
    }
    let column = this.#reach(row, none, search)
    while (this.rowOf[column] !== none) {
      search.isTaken[column] = 1
      column = this.#reach(this.rowOf[column]!, column, search)
    }
    this.#settle(row, search.distance[column]!, search)
    this.#exchange(row, column, search)
  }

  /** Looks from a row at all columns. @param over the row's column @returns the nearest column that is not taken */
  #reach(row: number, over: number, { distance, before, isTaken }: Search): number {
    const soFar = over === none ? 0 : distance[over]!
    let nearest = none
    for (let column = 0; column < this.columns; column++) {
      if (isTaken[column]) continue
      const length = soFar + this.cost(row, column) - this.#rowPotential[row]! - this.#columnPotential[column]!
      if (length < distance[column]!) {
        distance[column] = length
        before[column] = over
      }
      if (nearest === none || distance[column]! < distance[nearest]!) nearest = column
    }
    return nearest
  }

  /** Keeps the reduced costs from falling below zero. */
  #settle(row: number, shortest: number, { distance, isTaken }: Search): void {
    this.#rowPotential[row]! += shortest
    for (let column = 0; column < this.columns; column++) {
      if (!isTaken[column]) continue
      this.#rowPotential[this.rowOf[column]!]! += shortest - distance[column]!
      this.#columnPotential[column]! -= shortest - distance[column]!
    }
  }

  /** Each column on the way gets the row of the one before it, and the first one the new row. */
  #exchange(row: number, last: number, { before }: Search): void {
    let column = last
    while (before[column] !== none) {
      this.rowOf[column] = this.rowOf[before[column]!]!
      column = before[column]!
    }
    this.rowOf[column] = row
  }
}
