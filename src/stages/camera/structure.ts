import { cells, type GridSample, type SampleGrid } from './sample-grid.js'

/** What a picture shows when it is looked at very coarsely, in grey levels 0..255. */
export interface Structure {
  /** The brightest parts. */
  brightness: number
  /** How far parts stand out from the middle between their neighbours: a smooth gradient, as of a cloth, has none of it. */
  contrast: number
}

/** A few parts of the picture are enough, but one lamp is not. */
const quantile = 0.98
/** Less of a cell, beside a mask or a bar, is left out: its average would be noise. */
const leastOfCell = 0.3

/** Averages over cells of some hundred places, so that sensor noise is averaged away, and their contrast. */
export class StructureMeter {
  readonly #grid: SampleGrid
  readonly #sums = new Float64Array(cells.across * cells.down)
  readonly #counts = new Uint32Array(cells.across * cells.down)
  readonly #least: number

  constructor(grid: SampleGrid) {
    this.#grid = grid
    const perCell = new Uint32Array(this.#counts.length)
    for (const cell of grid.cell) perCell[cell]!++
    this.#least = leastOfCell * Math.max(1, ...perCell)
  }

  measure(sample: GridSample): Structure {
    this.#average(sample)
    const seen: number[] = []
    const contrasts: number[] = []
    for (let cell = 0; cell < this.#sums.length; cell++) {
      const average = this.#at(cell)
      if (average === undefined) continue
      seen.push(average)
      const column = cell % cells.across
      const beside = column > 0 && column < cells.across - 1
      if (beside) this.#contrast(average, this.#at(cell - 1), this.#at(cell + 1), contrasts)
      this.#contrast(average, this.#at(cell - cells.across), this.#at(cell + cells.across), contrasts)
    }
    return { brightness: quantileOf(seen), contrast: quantileOf(contrasts) }
  }

  /** Of what lies between the bars: their edge is no structure. */
  #average({ grey, top, bottom, left, right }: GridSample): void {
    const { row, column, cell } = this.#grid
    const [sums, counts] = [this.#sums.fill(0), this.#counts.fill(0)]
    for (let i = 0; i < grey.length; i++) {
      if (row[i]! < top || row[i]! > bottom || column[i]! < left || column[i]! > right) continue
      sums[cell[i]!]! += grey[i]!
      counts[cell[i]!]!++
    }
  }

  #at(cell: number): number | undefined {
    const count = this.#counts[cell]
    return count === undefined || count < this.#least ? undefined : this.#sums[cell]! / count
  }

  #contrast(own: number, before: number | undefined, after: number | undefined, into: number[]): void {
    if (before !== undefined && after !== undefined) into.push(Math.abs(own - (before + after) / 2))
  }
}

/** 0 of nothing. */
function quantileOf(values: number[]): number {
  values.sort((a, b) => a - b)
  return values[Math.floor((values.length - 1) * quantile)] ?? 0
}
