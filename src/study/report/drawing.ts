/** Figures as SVG by Observable Plot, and the same with letters as outlines, which need no fonts, for files and PNGs. */

import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { Lettering } from '../../lib/lettering/index.js'
import { loadSharp } from '../../lib/picture/sharp.js'

export const ink = { own: '#1f5a9e', paper: '#8a8f98', for: '#d61010', against: '#1040d6', faint: '#c9ced6' } as const

/** Room for names at an axis, in pixels: at 12 px a letter takes some 7. */
export const marginFor = (names: readonly string[]): number => 20 + 7 * Math.max(...names.map(({ length }) => length))

/** Numbers of an axis as the language of the report writes them, with the digits that each needs. */
export const ticksIn =
  (number: (value: number, digits: number) => string) =>
  (value: number): string =>
    number(value, String(Number(value.toFixed(4))).split('.')[1]?.length ?? 0)

interface Element {
  tagName: string
  textContent: string
  outerHTML: string
  children: Iterable<Element>
  parentElement: Element | null
  getAttribute(name: string): string | null
  replaceWith(other: unknown): void
  querySelector(selector: string): Element | null
  querySelectorAll(selector: string): Iterable<Element>
}

// The compiler has no types of browsers here; this is the part of a document that is used.
const parse = parseHTML as unknown as (text: string) => { document: Element }

const documentWith = (body: string): Element => parse(`<!doctype html><html><body>${body}</body></html>`).document

/** Plots a figure without a browser. @returns SVG, texts as text */
export function plotted(options: Plot.PlotOptions): string {
  // Plot's types are a browser's. Its style has to be an object: linkedom has no setter for a text.
  const place = {
    document: documentWith(''),
    style: { fontSize: '12px' },
    marginBottom: 40
  } as unknown as Plot.PlotOptions
  // The same for what it returns.
  const { outerHTML } = Plot.plot({ ...place, ...options, ...withoutArrows(options) }) as unknown as Element
  return outerHTML.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')
}

/** The font for files has no arrows. */
const withoutArrows = ({ x, y }: Plot.PlotOptions): Plot.PlotOptions => ({
  x: { labelArrow: 'none', ...x },
  y: { labelArrow: 'none', ...y }
})

/** Figures as they are kept in files. */
export class Outliner {
  private constructor(private readonly lettering: Lettering) {}

  static async open(): Promise<Outliner> {
    return new Outliner(await Lettering.load())
  }

  /** The figure with each text as outlines: it looks the same on a machine without fonts. */
  svg(figure: string): string {
    const document = documentWith(figure)
    for (const text of [...document.querySelectorAll('text')])
      text.replaceWith(documentWith(`<svg>${this.#outlined(text)}</svg>`).querySelector('g'))
    return document.querySelector('svg')!.outerHTML
  }

  /** The figure at twice its size, on white. */
  png(figure: string): Promise<Uint8Array> {
    return loadSharp()(Buffer.from(this.svg(figure).replaceAll('currentColor', '#1a1d21')), { density: 144 })
      .flatten({ background: 'white' })
      .png({ compressionLevel: 9 })
      .toBuffer()
  }

  width(text: string, size: number, bold = false): number {
    return this.lettering.width(text, { size, weight: bold ? 'bold' : 'regular' })
  }

  #outlined(text: Element): string {
    const size = sizeOf(text)
    const style = {
      size,
      colour: inherited(text, 'fill') ?? '#1a1d21',
      weight: /bold|[67]00/.test(inherited(text, 'font-weight') ?? '') ? ('bold' as const) : ('regular' as const),
      anchor: (inherited(text, 'text-anchor') ?? 'start') as 'start' | 'middle' | 'end'
    }
    const spans = [...text.children].filter(({ tagName }) => tagName.toLowerCase() === 'tspan')
    let y = lengthOf(text.getAttribute('y'), size) + lengthOf(text.getAttribute('dy'), size)
    const lines = (spans.length > 0 ? spans : [text]).map((line, i) => {
      if (line !== text) y = i === 0 && !line.getAttribute('y') ? y : nextLine(line, y, size)
      return this.lettering.draw(line.textContent, lengthOf(text.getAttribute('x'), size), y, style)
    })
    return `<g transform="${text.getAttribute('transform') ?? ''}">${lines.join('')}</g>`
  }
}

function nextLine(line: Element, y: number, size: number): number {
  const own = line.getAttribute('y')
  return (own === null ? y : lengthOf(own, size)) + lengthOf(line.getAttribute('dy'), size)
}

function inherited(element: Element, name: string): string | null {
  for (let at: Element | null = element; at; at = at.parentElement) {
    const value = at.getAttribute(name)
    if (value !== null) return value
  }
  return null
}

/** Plot gives the whole figure's size as style, that of single texts as attribute. */
function sizeOf(element: Element): number {
  for (let at: Element | null = element; at; at = at.parentElement) {
    const own = at.getAttribute('font-size') ?? /font-size:\s*([\d.]+)px/.exec(at.getAttribute('style') ?? '')?.[1]
    // The style of the figure stands over its attribute.
    if (own && at.tagName.toLowerCase() !== 'svg') return Number.parseFloat(own)
    if (at.tagName.toLowerCase() === 'svg')
      return Number.parseFloat(/font-size:\s*([\d.]+)px/.exec(at.getAttribute('style') ?? '')?.[1] ?? own ?? '10')
  }
  return 10
}

const lengthOf = (value: string | null, em: number): number =>
  value === null ? 0 : value.endsWith('em') ? Number.parseFloat(value) * em : Number.parseFloat(value)
