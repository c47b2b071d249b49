/** Texts in pictures, drawn as outlines. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import opentype, { type Font, type Path } from 'opentype.js'

export type FontWeight = 'regular' | 'bold'

export interface TextStyle {
  /** In pixels of the picture: the font's em. */
  size: number
  weight?: FontWeight
  /** An SVG colour; black unless given. */
  colour?: string
  /** Which part of the text lies at x. */
  anchor?: 'start' | 'middle' | 'end'
}

/** A part of a text whose characters are all in one font. */
interface Run {
  font: Font
  text: string
}

/** Lato (SIL Open Font License) as @fontsource/lato brings it: one file for each range of characters. */
const fontFiles: Record<FontWeight, readonly string[]> = {
  regular: ['lato-latin-400-normal.woff', 'lato-latin-ext-400-normal.woff'],
  bold: ['lato-latin-700-normal.woff', 'lato-latin-ext-700-normal.woff']
}

/**
 * Text as outlines: SVG's <text> needs fonts of the system, and a Jetson or a container may have none. Characters
 * beyond Lato's are drawn as its box for missing ones.
 */
export class Lettering {
  private constructor(private readonly fonts: Record<FontWeight, readonly Font[]>) {}

  /** Reads the fonts. */
  static async load(): Promise<Lettering> {
    const { resolve } = createRequire(import.meta.url)
    const read = async (name: string): Promise<Font> => {
      const bytes = await readFile(resolve(`@fontsource/lato/files/${name}`))
      return opentype.parse(Uint8Array.from(bytes).buffer)
    }
    const [regular, bold] = await Promise.all(
      [fontFiles.regular, fontFiles.bold].map((names) => Promise.all(names.map(read)))
    )
    return new Lettering({ regular: regular!, bold: bold! })
  }

  /** How far the text reaches, in pixels. */
  width(text: string, { size, weight = 'regular' }: TextStyle): number {
    return this.#runs(text, weight).reduce((sum, run) => sum + run.font.getAdvanceWidth(run.text, size), 0)
  }

  /** An SVG path element. @param y the baseline */
  draw(text: string, x: number, y: number, style: TextStyle): string {
    const { size, weight = 'regular', colour = 'black', anchor = 'start' } = style
    const share = { start: 0, middle: 0.5, end: 1 }[anchor]
    let at = x - share * this.width(text, style)
    const outlines = this.#runs(text, weight).map((run) => {
      const path = svgData(run.font.getPath(run.text, at, y, size))
      at += run.font.getAdvanceWidth(run.text, size)
      return path
    })
    return `<path fill="${colour}" d="${outlines.join('')}"/>`
  }

  /** Whether Lato has every character of the text, so that none is drawn as a box. */
  covers(text: string, { weight = 'regular' }: Pick<TextStyle, 'weight'> = {}): boolean {
    return [...text].every((character) => this.fonts[weight].some((font) => font.hasChar(character)))
  }

  /** The text, cut and ended by an ellipsis where it is wider than that. */
  fitted(text: string, width: number, style: TextStyle): string {
    if (this.width(text, style) <= width) return text
    const characters = [...text]
    while (characters.length > 1 && this.width(`${characters.join('')}…`, style) > width) characters.pop()
    return `${characters.join('')}…`
  }

  #runs(text: string, weight: FontWeight): Run[] {
    const fonts = this.fonts[weight]
    const runs: Run[] = []
    for (const character of text) {
      const font = fonts.find((candidate) => candidate.hasChar(character)) ?? fonts[0]!
      const last = runs.at(-1)
      if (last?.font === font) last.text += character
      else runs.push({ font, text: character })
    }
    return runs
  }
}

/** Replaces the library's `toPathData`, which (2.0.0) writes NaN for numbers very close to whole ones. */
function svgData({ commands }: Path): string {
  return commands
    .map(({ type, ...numbers }) => {
      const { x1, y1, x2, y2, x, y } = numbers as Record<string, number | undefined>
      const values = [x1, y1, x2, y2, x, y].filter((value) => value !== undefined)
      return type + values.map((value) => value.toFixed(2)).join(' ')
    })
    .join('')
}
