import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OverlayOptions } from 'sharp'
import { Lettering, type TextStyle } from '../../lib/lettering/index.js'
import { loadSharp } from '../../lib/picture/sharp.js'
import { heatmapPng, writeAtomically } from '../../stages/explain/index.js'
import { decodeNpy } from './results.js'

/** One picture in the figure. */
export interface FigureRow {
  /** Above the row: true and predicted label. */
  head: string
  /** The picture's name, small, at the right. */
  name: string
  /** The crop's PNG. */
  crop: string
  /** The .npy file for each column after the first; null where there is none. */
  relevance: readonly (string | null)[]
}

export interface Figure {
  rows: readonly FigureRow[]
  /** Titles of the columns after the first, which shows the crop. */
  columns: readonly string[]
  /** The folder for the pages. */
  out: string
  signal: AbortSignal
}

const rowsPerPage = 8
/** Width of a cell in pixels; small crops are enlarged to about this. */
const cellWidth = 224
const margin = 28
const gap = 10
const headHeight = 36
const rowHeadHeight = 34
const legendHeight = 58
const bar = { width: 240, height: 12 }

const columnStyle: TextStyle = { size: 18, weight: 'bold', anchor: 'middle' }
const rowStyle: TextStyle = { size: 18 }
const smallStyle: TextStyle = { size: 14, colour: '#555' }

/**
 * Draws figures 3 and 4 of Weitz et al. 2018 for the given pictures, page by page: a row for each picture, the crop and
 * then its heatmap under each composite, each scaled by its own robust maximum. Reads the maps back from their files.
 * @returns the files' names: `grid.png`, or `grid-1.png` and on; none for no rows
 * @throws DiskError, InputError (a .npy file changed meanwhile)
 */
export async function writeFigure({ rows, columns, out, signal }: Figure): Promise<string[]> {
  const lettering = await Lettering.load()
  const pages = Math.ceil(rows.length / rowsPerPage)
  const names: string[] = []
  for (let page = 0; page < pages && !signal.aborted; page++) {
    const name = pages === 1 ? 'grid.png' : `grid-${page + 1}.png`
    const own = rows.slice(page * rowsPerPage, (page + 1) * rowsPerPage)
    await writeAtomically(join(out, name), await drawPage(own, columns, lettering))
    names.push(name)
  }
  return names
}

/** The layout of a page. */
interface Layout {
  cell: { width: number; height: number; scale: number }
  width: number
  height: number
  /** Left edge of a column, the crop's being 0. */
  x(column: number): number
  /** Upper edge of a row's pictures. */
  y(row: number): number
}

async function layoutOf(rows: readonly FigureRow[], columns: number): Promise<Layout> {
  const { width, height } = await loadSharp()(rows[0]!.crop).metadata()
  const scale = Math.max(1, Math.round(cellWidth / width))
  const cell = { width: width * scale, height: height * scale, scale }
  return {
    cell,
    width: 2 * margin + (columns + 1) * (cell.width + gap) - gap,
    height: margin + headHeight + rows.length * (rowHeadHeight + cell.height + gap) + legendHeight,
    x: (column) => margin + column * (cell.width + gap),
    y: (row) => margin + headHeight + row * (rowHeadHeight + cell.height + gap) + rowHeadHeight
  }
}

async function drawPage(
  rows: readonly FigureRow[],
  columns: readonly string[],
  lettering: Lettering
): Promise<Uint8Array> {
  const layout = await layoutOf(rows, columns.length)
  const { width, height } = layout
  const pictures = await Promise.all(rows.map((row, i) => drawRow(row, i, layout)))
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`,
    ...columnHeads(columns, layout, lettering),
    ...rows.map((row, i) => rowHead(row, i, layout, lettering)),
    ...rows.flatMap((row, i) => [null, ...row.relevance].map((_, c) => frame(c, i, layout))),
    legendText(layout, lettering),
    '</svg>'
  ].join('')
  return loadSharp()({ create: { width, height, channels: 3, background: 'white' } })
    .composite([...pictures.flat(), await legendBar(layout), { input: Buffer.from(svg), left: 0, top: 0 }])
    .removeAlpha()
    .png({ compressionLevel: 9 })
    .toBuffer()
}

/** The crop and its heatmaps. */
async function drawRow(row: FigureRow, index: number, { cell, x, y }: Layout): Promise<OverlayOptions[]> {
  const top = y(index)
  const crop = await loadSharp()(row.crop).resize(cell.width, cell.height, { kernel: 'cubic' }).png().toBuffer()
  const pictures: OverlayOptions[] = [{ input: crop, left: x(0), top }]
  for (const [i, file] of row.relevance.entries()) {
    if (file === null) continue
    const { values, shape } = decodeNpy(await readFile(file), file)
    const [height, width] = shape as [number, number]
    const heatmap = await heatmapPng(values, { width, height }, { scale: cell.scale })
    pictures.push({ input: Buffer.from(heatmap), left: x(i + 1), top })
  }
  return pictures
}

function columnHeads(columns: readonly string[], { cell, x }: Layout, lettering: Lettering): string[] {
  return ['Original', ...columns].map((title, i) => {
    // A long name in narrow columns is printed smaller instead of being cut.
    const room = 0.94 * cell.width
    const size = columnStyle.size * Math.min(1, room / lettering.width(title, columnStyle))
    return lettering.draw(title, x(i) + cell.width / 2, margin + 20, { ...columnStyle, size })
  })
}

function rowHead({ head, name }: FigureRow, index: number, layout: Layout, lettering: Lettering): string {
  const baseline = layout.y(index) - 10
  const [left, right] = [layout.x(0), layout.width - margin]
  const room = right - left - lettering.width(head, rowStyle) - 2 * gap
  const small = lettering.fitted(name, Math.max(room, 0), smallStyle)
  return (
    lettering.draw(head, left, baseline, rowStyle) +
    lettering.draw(small, right, baseline, { ...smallStyle, anchor: 'end' })
  )
}

function frame(column: number, row: number, { cell, x, y }: Layout): string {
  const edge = `x="${x(column) - 0.5}" y="${y(row) - 0.5}" width="${cell.width + 1}" height="${cell.height + 1}"`
  return `<rect ${edge} fill="none" stroke="#bbb"/>`
}

const legendTop = ({ height }: Layout): number => height - legendHeight + 12

/** The heatmaps' colour scale, from negative to positive. */
async function legendBar(layout: Layout): Promise<OverlayOptions> {
  const ramp = Float32Array.from({ length: bar.width }, (_, i) => (2 * (i + 0.5)) / bar.width - 1)
  const line = await heatmapPng(ramp, { width: bar.width, height: 1 })
  const input = await loadSharp()(line)
    .resize(bar.width, bar.height, { kernel: 'nearest', fit: 'fill' })
    .png()
    .toBuffer()
  return { input, left: Math.round((layout.width - bar.width) / 2), top: legendTop(layout) }
}

function legendText(layout: Layout, lettering: Lettering): string {
  const left = Math.round((layout.width - bar.width) / 2)
  const [baseline, below] = [legendTop(layout) + 11, legendTop(layout) + 32]
  const note = 'relevance per pixel; each heatmap is scaled by itself'
  return [
    `<rect x="${left - 0.5}" y="${legendTop(layout) - 0.5}" width="${bar.width + 1}" height="${bar.height + 1}"`,
    ' fill="none" stroke="#bbb"/>',
    lettering.draw('against the label', left - gap, baseline, { ...smallStyle, anchor: 'end' }),
    lettering.draw('for the label', left + bar.width + gap, baseline, smallStyle),
    lettering.draw(note, layout.width / 2, below, { ...smallStyle, anchor: 'middle' })
  ].join('')
}
