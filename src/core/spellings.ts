import { inspect } from 'node:util'
import { afterColon, anywhere, type Drawing, found, foundBeforeAt, type State } from './span-scanner.js'

/** Shorter ones are in too many innocent words, and blotting those out would tell what they are. */
export const shortest = 4
/** Shorter pieces of base64 stand in other base64 by chance. */
const shortestBase64 = 6

/**
 * Draws a secret in whatever spelling a program puts it into a text: raw, percent-encoded (once or more often, all of it or
 * some), escaped in JSON (within JSON, percent-encoded), JavaScript or HTML, in base64 or in hexadecimal. One of less than
 * 4 characters only where it stands as a URL's password, `:pw@`.
 */
export function drawSecret(drawing: Drawing, value: string): void {
  const characters = [...value]
  const spelt = (from: State): State =>
    characters.reduce((at, character) => drawCharacter(drawing, at, character), from)
  if (characters.length < shortest) {
    drawing.join(spelt(afterColon), foundBeforeAt)
    return
  }
  drawing.join(spelt(anywhere), found)
  drawing.join(drawing.hex(anywhere, Buffer.from(value).toString('hex')), found)
  // A JSON text or an address may be in base64 as a whole.
  const whole = new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(Buffer.from(value).toString())])
  for (const literal of new Set([inspect(value).slice(1, -1), ...[...whole].flatMap(base64Of)]))
    drawing.join(drawing.text(anywhere, literal), found)
}

const entities: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' }
/** What stands behind a backslash. */
const named: Record<string, string> = { '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f' }

/** One character as it is, percent-encoded, or escaped, however often. */
function drawCharacter(drawing: Drawing, from: State, character: string): State {
  const ends = [
    ...drawPlain(drawing, from, character),
    drawPercent(drawing, from, character),
    drawUnicode(drawing, from, character),
    drawEntity(drawing, from, character)
  ]
  if (named[character]) ends.push(drawing.text(drawBackslashes(drawing, from), named[character]))
  return drawing.meet(ends)
}

function drawPlain(drawing: Drawing, from: State, character: string): State[] {
  if (character === '\\') return [drawBackslashes(drawing, from)]
  if (character === ' ') return [drawing.text(from, ' '), drawing.text(from, '+')]
  if (!/["'/`]/.test(character)) return [drawing.text(from, character)]
  const at = drawing.meet([from, drawBackslashes(drawing, from)])
  return [drawing.text(at, character), drawPercent(drawing, at, character)]
}

/** `%40`, `%2540`, … for each byte of its UTF-8. */
function drawPercent(drawing: Drawing, from: State, character: string): State {
  let at = from
  for (const byte of Buffer.from(character)) {
    const again = drawing.many(drawing.text(at, '%'), (more) => drawing.text(more, '25'))
    at = drawing.hex(again, byte.toString(16).padStart(2, '0'))
  }
  return at
}

/** One or more, each as it is or percent-encoded: JSON may stand in an address. */
function drawBackslashes(drawing: Drawing, from: State): State {
  const one = (at: State): State => drawing.meet([drawing.text(at, '\\'), drawPercent(drawing, at, '\\')])
  return drawing.many(one(from), one)
}

/** `\u00e4`, `\\u00e4`, … for each of its UTF-16 units. */
function drawUnicode(drawing: Drawing, from: State, character: string): State {
  let at = from
  for (let i = 0; i < character.length; i++) {
    const digits = character.charCodeAt(i).toString(16).padStart(4, '0')
    at = drawing.hex(drawing.text(drawBackslashes(drawing, at), 'u'), digits)
  }
  return at
}

/** `&#38;`, `&#x26;`, `&amp;`, `&amp;amp;`, … */
function drawEntity(drawing: Drawing, from: State, character: string): State {
  const code = character.codePointAt(0)!
  const zeros = (at: State): State => drawing.many(at, (more) => drawing.text(more, '0'))
  const start = drawing.many(drawing.text(from, '&'), (more) => drawing.text(more, 'amp;'))
  const number = drawing.text(start, '#')
  const ends = [
    drawing.text(zeros(number), String(code)),
    drawing.hex(zeros(drawing.unit(number, 'xX')), code.toString(16))
  ]
  if (entities[character]) ends.push(drawing.text(start, entities[character]))
  return drawing.text(drawing.meet(ends), ';')
}

/** What a value looks like within base64, by where in a group of three bytes it begins; both alphabets. */
function base64Of(value: string): string[] {
  const bytes = Buffer.from(value)
  const known = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // Characters that hold bits of what stands before or behind are not known.
    const from = Math.ceil((before * 8) / 6)
    const to = Math.floor(((before + bytes.length) * 8) / 6)
    const standard = text.slice(from, to)
    return [standard, standard.replaceAll('+', '-').replaceAll('/', '_')]
  })
  return [...new Set(known)].filter((text) => text.length >= shortestBase64)
}
