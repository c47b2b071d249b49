import type { Size } from '../../core/types.js'
import type { Span } from './masks.js'

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

/** The coarse picture: so many cells across and down. */
const cells = { across: 16, down: 9 } as const

/** About how many pixels are read across and down: several of each 16x16 block that an encoder may code or skip. */
const wanted = { across: 142, down: 103 }
/** Cameras write their clock at the top or at the bottom, and it goes on over a picture that stands still. */
const clockShare = 0.1
/** Grey levels up to this are the black of bars beside the picture. */
const blackUpTo = 3

/** The grey levels at the grid's places, and the part of the grid that is not black bars. */
export interface GridSample {
  /** 0..255, one per place. */
  readonly grey: Uint8Array
  /** First and last row and column of the grid with anything but black; empty (last < first) in a black picture. */
  top: number
  bottom: number
  left: number
  right: number
}

/** Sparse places of a frame, without masks (constant by nature) and without its top and bottom tenth. */
export class SampleGrid {
  /** Per place: where its pixel begins in the RGB24 frame, its row and column of the grid, and its cell. */
  readonly #offset: Uint32Array
  readonly row: Uint16Array
  readonly column: Uint16Array
  readonly cell: Uint8Array
  readonly #places: number

  /** @param masks as `maskSpans` gives them: sorted, without overlap */
  constructor(size: Size, masks: readonly Span[]) {
    const places = placesOf(size, masks)
    this.#offset = Uint32Array.from(places, ({ x, y }) => (y * size.width + x) * 3)
    this.row = Uint16Array.from(places, ({ row }) => row)
    this.column = Uint16Array.from(places, ({ column }) => column)
    this.cell = Uint8Array.from(places, ({ x, y }) => cellOf(size, x, y))
    const last = (index: Uint16Array): number => index.reduce((most, value) => Math.max(most, value), 0)
    this.#places = (last(this.row) + 1) * (last(this.column) + 1)
  }

  get length(): number {
    return this.#offset.length
  }

  newSample(): GridSample {
    return { grey: new Uint8Array(this.length), top: 0, bottom: -1, left: 0, right: -1 }
  }

  /** The part of the grid that is not black bars, 0..1. */
  shareOf({ top, bottom, left, right }: GridSample): number {
    return (Math.max(0, bottom - top + 1) * Math.max(0, right - left + 1)) / this.#places
  }

  /** @param frame RGB24 of the size that the grid is for */
  read(frame: Uint8Array, into: GridSample): void {
    const [offset, { grey }] = [this.#offset, into]
    let [top, bottom, left, right] = [0xffff, -1, 0xffff, -1]
    for (let i = 0; i < offset.length; i++) {
      const at = offset[i]!
      const value = (frame[at]! + 2 * frame[at + 1]! + frame[at + 2]!) >> 2
      grey[i] = value
      if (value <= blackUpTo) continue
      const column = this.column[i]!
      if (column < left) left = column
      if (column > right) right = column
      if (bottom < 0) top = this.row[i]!
      bottom = this.row[i]!
    }
    Object.assign(into, { top, bottom, left, right })
  }
}

interface Place {
  x: number
  y: number
  row: number
  column: number
}

/** Row by row; each row begins a little further right, so that all places within an encoder's block have their turn. */
function placesOf({ width, height }: Size, masks: readonly Span[]): Place[] {
  const stepX = Math.max(1, Math.round(width / wanted.across))
  const stepY = Math.max(1, Math.round(height / wanted.down))
  const places: Place[] = []
  let mask = 0
  for (let y = Math.ceil(height * clockShare), row = 0; y < height * (1 - clockShare); y += stepY, row++)
    for (let x = (row * 4) % stepX, column = 0; x < width; x += stepX, column++) {
      const at = (y * width + x) * 3
      while (mask < masks.length && masks[mask]![1] <= at) mask++
      if (mask === masks.length || masks[mask]![0] > at) places.push({ x, y, row, column })
    }
  return places
}

function cellOf({ width, height }: Size, x: number, y: number): number {
  return Math.floor((y * cells.down) / height) * cells.across + Math.floor((x * cells.across) / width)
}
