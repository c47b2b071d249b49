declare module 'opentype.js' {
  interface Path {
    /** An SVG path's `d`. */
    toPathData(decimals: number): string
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

  export { type Font }
  export default opentype
}
