/**
 * Characters that steer a terminal or turn the order of what is read instead of being shown: C0 and C1 controls (ESC and CSI
 * among them), line and paragraph separators, Unicode's marks, embeddings, overrides and isolates of direction, and halves of
 * surrogate pairs.
 */
const steering = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
const shortForms: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  const code = character.charCodeAt(0)
  return (
    shortForms[character] ??
    (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`)
  )
}

/** A name from outside (a file's, a folder's) on one line, with escapes such as `\x1b` for what would steer a terminal. */
export const printable = (name: string): string => name.replace(steering, escaped)

/**
 * JSON on one line with nothing in it that steers a terminal: what would is written as JSON's own escapes, so that a reader
 * of the JSON gets it unchanged. A line break at its end stays.
 */
export const printableJson = (json: string): string =>
  json.replace(steering, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  )

/** What `printable` makes of a name, for a whole message, whose own line breaks and tabs stay. */
export const printableLines = (message: string): string =>
  message.replace(steering, (character) => (character === '\n' || character === '\t' ? character : escaped(character)))
