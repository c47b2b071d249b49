/** Pictures in rows and columns as one SVG: mean maps on the aligned face, and figures 3 and 4. */
import type { Size } from '../../core/types.js'
import { heatmapPng } from '../../stages/explain/index.js'
import { regionPolygons } from '../../stages/explain/regions.js'
import { escaped } from './parts.js'
import { gridSide } from './reduced-map.js'

export interface PictureCell {
  /** PNGs, one over the other. */
  layers: readonly Uint8Array[]
  /** Drawn over them, in the units of the cell. */
  lines?: string
}

export interface PictureRow {
  /** Left of the row, a line each. */
  title: readonly string[]
  grey?: boolean
  cells: readonly (PictureCell | null)[]
}

const gap = 8
const textSize = 12
/** Of the titles of columns, which are bold: a line, and a letter at most. */
const titleLine = 14
const titleLetter = 6.6

export interface PictureGrid {
  columns: readonly string[]
  rows: readonly PictureRow[]
  /** Width and height of a cell. */
  cell: Size
  /** Room for the rows' titles. */
  left: number
}

/** @returns SVG with the pictures in it */
export function pictureGrid({ columns, rows, cell, left }: PictureGrid): string {
  const titles = columns.map((title) => linesOf(title, Math.floor(cell.width / titleLetter)))
  const top = 10 + titleLine * Math.max(1, ...titles.map(({ length }) => length))
  const width = left + columns.length * (cell.width + gap)
  const height = top + rows.length * (cell.height + gap)
  const x = (column: number): number => left + column * (cell.width + gap)
  const y = (row: number): number => top + row * (cell.height + gap)
  const text = (at: [number, number], words: string, more: string): string =>
    `<text x="${at[0]}" y="${at[1]}" ${more}>${escaped(words)}</text>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" style="font-size: ${textSize}px" fill="#1a1d21">`,
    ...titles.flatMap((lines, i) =>
      lines.map((line, below) =>
        text(
          [x(i) + cell.width / 2, top - 9 - titleLine * (lines.length - 1 - below)],
          line,
          'text-anchor="middle" font-size="11" font-weight="bold"'
        )
      )
    ),
    ...rows.flatMap(({ title, grey, cells }, row) => [
      ...title.map((line, i) =>
        text([0, y(row) + cell.height / 2 + 16 * i - 8 * (title.length - 1)], line, grey ? 'fill="#8a8f98"' : '')
      ),
      ...cells.map((one, column) => (one ? drawn(one, [x(column), y(row)], cell) : ''))
    ]),
    '</svg>'
  ].join('')
}

/** Broken behind blanks, dots and underscores, since a long name would run into the next column's. */
function linesOf(title: string, most: number): string[] {
  const lines: string[] = []
  for (const piece of title.split(/(?<=[ ._])/))
    if (lines.length > 0 && lines.at(-1)!.length + piece.length <= most) lines[lines.length - 1] += piece
    else lines.push(piece)
  return lines
}

function drawn({ layers, lines = '' }: PictureCell, [x, y]: [number, number], { width, height }: Size): string {
  const place = `width="${width}" height="${height}"`
  const pictures = layers.map(
    (png) =>
      `<image ${place} preserveAspectRatio="none" href="data:image/png;base64,${Buffer.from(png).toString('base64')}"/>`
  )
  // An inner svg cuts off what reaches beyond the crop, such as the forehead.
  return `<svg x="${x}" y="${y}" ${place}>${pictures.join('')}${lines}<rect ${place} fill="none" stroke="#c9ced6"/></svg>`
}

/** A map of cells on the aligned face: its colours, the face's regions, and the outlines of clusters. */
export async function mapCell(
  map: Float64Array,
  {
    cell,
    crop,
    landmarks,
    clusters = []
  }: { cell: Size; crop: Size; landmarks: Float32Array; clusters?: readonly (readonly number[])[] }
): Promise<PictureCell> {
  const scale = Math.max(1, Math.round(cell.width / gridSide))
  const png = await heatmapPng(Float32Array.from(map), { width: gridSide, height: gridSide }, { scale })
  const face = regionPolygons(landmarks).map(({ polygon }) =>
    polygon
      .map(
        ({ x, y }) => `${((x * cell.width) / crop.width).toFixed(1)},${((y * cell.height) / crop.height).toFixed(1)}`
      )
      .join(' ')
  )
  return {
    layers: [png],
    lines: [
      ...face.map(
        (points) => `<polygon points="${points}" fill="none" stroke="#70757d" stroke-width="0.5" stroke-opacity="0.7"/>`
      ),
      ...clusters.map((cells) => `<path d="${outline(cells, cell)}" fill="none" stroke="#000" stroke-width="1.5"/>`)
    ].join('')
  }
}

/** The edges between cells of a cluster and others. */
function outline(cells: readonly number[], { width, height }: Size): string {
  const inside = new Set(cells)
  const [w, h] = [width / gridSide, height / gridSide]
  const at = (value: number): string => value.toFixed(1)
  return cells
    .flatMap((cell) => {
      const [row, column] = [Math.floor(cell / gridSide), cell % gridSide]
      const [x, y] = [column * w, row * h]
      return [
        ...(inside.has(cell - gridSide) ? [] : [`M${at(x)} ${at(y)}h${at(w)}`]),
        ...(inside.has(cell + gridSide) ? [] : [`M${at(x)} ${at(y + h)}h${at(w)}`]),
        ...(column > 0 && inside.has(cell - 1) ? [] : [`M${at(x)} ${at(y)}v${at(h)}`]),
        ...(column < gridSide - 1 && inside.has(cell + 1) ? [] : [`M${at(x + w)} ${at(y)}v${at(h)}`])
      ]
    })
    .join('')
}
