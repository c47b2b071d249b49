declare module 'opentype.js' {
  /** As SVG has them, absolute. */
  type PathCommand =
    | { type: 'M' | 'L'; x: number; y: number }
    | { type: 'Q'; x1: number; y1: number; x: number; y: number }
    | { type: 'C'; x1: number; y1: number; x2: number; y2: number; x: number; y: number }
    | { type: 'Z' }
  interface Path {
    commands: PathCommand[]
  }
  interface Font {
    hasChar(character: string): boolean
    /** With kerning; `y` is the baseline. */
    getPath(text: string, x: number, y: number, fontSize: number): Path
    getAdvanceWidth(text: string, fontSize: number): number
  }
  /** Takes TrueType, OpenType and WOFF 1. */
  function parse(buffer: ArrayBuffer): Font
  const opentype: { parse: typeof parse }

  export type { Font, Path }
  export default opentype
}
