import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secrets } from '../../src/core/secrets.js'

/** A second, naive implementation: tries every way to read each secret at each place of the text. */
function naive(values: readonly string[], text: string): string {
  const spans: [number, number][] = []
  for (let i = 0; i < text.length; i++) {
    const ends = values.flatMap((value) => endsOf(value, text, i))
    if (ends.length > 0) spans.push([i, Math.max(...ends)])
  }
  // Spans that overlap are one.
  const joined: [number, number][] = []
  for (const [from, to] of spans) {
    const last = joined.at(-1)
    if (last && from < last[1]) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  let clean = ''
  let done = 0
  for (const [from, to] of joined) {
    clean += `${text.slice(done, from)}***`
    done = to
  }
  return clean + text.slice(done)
}

function endsOf(value: string, text: string, i: number): number[] {
  const characters = [...value]
  if (characters.length < 4)
    return text[i - 1] === ':' ? spelt(characters, text, i).filter((end) => text[end] === '@') : []
  const literal = literalsOf(value).filter((one) => text.startsWith(one, i))
  const hex = Buffer.from(value).toString('hex')
  return [
    ...spelt(characters, text, i),
    ...literal.map((one) => i + one.length),
    ...(text.slice(i, i + hex.length).toLowerCase() === hex ? [i + hex.length] : [])
  ]
}

function spelt(characters: readonly string[], text: string, i: number): number[] {
  let places = [i]
  for (const character of characters)
    places = [...new Set(places.flatMap((place) => characterEnds(character, text, place)))]
  return places
}

function characterEnds(character: string, text: string, i: number): number[] {
  const ends = [...percentEnds(Buffer.from(character), text, i), ...unicodeEnds(character, text, i)]
  const plain = (at: number): number[] => (text.startsWith(character, at) ? [at + character.length] : [])
  if (character === '\\') ends.push(...slashes(text, i))
  else if (`"'/\``.includes(character))
    for (const at of [i, ...slashes(text, i)]) ends.push(...plain(at), ...percentEnds(Buffer.from(character), text, at))
  else ends.push(...plain(i))
  if (character === ' ' && text[i] === '+') ends.push(i + 1)
  const letter = { '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f' }[character]
  if (letter) for (const at of slashes(text, i)) if (text[at] === letter) ends.push(at + 1)
  return [...ends, ...entityEnds(character, text, i)]
}

function percentEnds(bytes: Uint8Array, text: string, i: number): number[] {
  let places = [i]
  for (const byte of bytes)
    places = places.flatMap((place) => {
      const ends: number[] = []
      if (text[place] !== '%') return ends
      for (let at = place + 1; ; at += 2) {
        const digits = text.slice(at, at + 2)
        if (/^[0-9a-f]{2}$/i.test(digits) && Number.parseInt(digits, 16) === byte) ends.push(at + 2)
        if (digits !== '25') return ends
      }
    })
  return places
}

/** Behind one backslash, two, three … */
function slashes(text: string, i: number): number[] {
  const once = [...(text[i] === '\\' ? [i + 1] : []), ...percentEnds(Buffer.from('\\'), text, i)]
  return once.flatMap((end) => [end, ...slashes(text, end)])
}

function unicodeEnds(character: string, text: string, i: number): number[] {
  let places = [i]
  for (const unit of character.split(''))
    places = places.flatMap((place) =>
      slashes(text, place).flatMap((at) => {
        const digits = /^u([0-9a-f]{4})/i.exec(text.slice(at, at + 5))?.[1]
        return text[at] === 'u' && digits && Number.parseInt(digits, 16) === unit.charCodeAt(0) ? [at + 5] : []
      })
    )
  return places
}

function entityEnds(character: string, text: string, i: number): number[] {
  const entity = /^&(?:amp;)*?(?:#(\d+)|#x([0-9a-f]+)|(amp|lt|gt|quot|apos));/i.exec(text.slice(i))
  if (!entity) return []
  const ends: number[] = []
  for (let at = i + 1; ; at += 4) {
    const [whole, decimal, hex, name] =
      /^(?:#(\d+)|#[xX]([0-9a-fA-F]+)|(amp|lt|gt|quot|apos));/.exec(text.slice(at)) ?? []
    const code = decimal ? Number(decimal) : hex ? Number.parseInt(hex, 16) : undefined
    const said = name ? { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[name] : undefined
    if (whole && (said === character || code === character.codePointAt(0))) ends.push(at + whole.length)
    if (!text.startsWith('amp;', at)) return ends
  }
}

/** In base64 what stays the same, whatever stands around it. */
function literalsOf(value: string): string[] {
  const pieces = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)].flatMap((whole) =>
    [0, 1, 2].flatMap((before) => {
      const [a, b] = [0x00, 0xff].map((around) =>
        Buffer.concat([Buffer.alloc(before, around), Buffer.from(whole), Buffer.alloc(3, around)])
      )
      const [x, y] = [a!.toString('base64'), b!.toString('base64')]
      const length = Math.floor(((before + Buffer.byteLength(whole)) * 8) / 6)
      const same = [...x.slice(0, length)].map((c, i) => (c === y[i] ? c : ' ')).join('')
      const known = same.slice(same.lastIndexOf(' ') + 1)
      return [known, known.replaceAll('+', '-').replaceAll('/', '_')]
    })
  )
  return [inspect(value).slice(1, -1), ...pieces.filter((piece) => piece.length >= 6)]
}

const spellings: readonly ((value: string) => string)[] = [
  (value) => value,
  encodeURIComponent,
  (value) => encodeURIComponent(encodeURIComponent(value)),
  (value) => JSON.stringify(value).slice(1, -1),
  (value) => JSON.stringify(JSON.stringify(value)).slice(3, -3),
  (value) => encodeURIComponent(JSON.stringify(value).slice(1, -1)),
  (value) => [...Buffer.from(value)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  (value) =>
    value
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  (value) => [...value].map((character) => `&#${character.codePointAt(0)};`).join(''),
  (value) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;'),
  (value) => inspect(value).slice(1, -1),
  (value) => Buffer.from(`u:${value}`).toString('base64'),
  (value) => Buffer.from(value).toString('base64url'),
  (value) => Buffer.from(value).toString('hex')
]

const secret = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'\\%25u"&#a;n '), minLength: 1, maxLength: 8 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }).filter((text) => !/\*|\p{Cs}/u.test(text))
)
const noise = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.string({ unit: fc.constantFrom(...'\\%25uc"&#amp;x0:@ '), maxLength: 15 })
)
const anyText = (values: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        noise,
        fc.tuple(fc.constantFrom(...values), fc.constantFrom(...spellings)).map(([value, spell]) => spell(value)),
        fc.tuple(fc.constantFrom(...values), fc.nat(8)).map(([value, length]) => value.slice(0, length)),
        fc.constantFrom(...values).map((value) => `:${value}@`)
      ),
      { maxLength: 8 }
    )
    .map((parts) => parts.join(''))
const worlds = fc
  .array(secret, { minLength: 1, maxLength: 4 })
  .chain((values) => fc.record({ values: fc.constant(values), text: anyText(values) }))

function knowing(values: readonly string[]): Secrets {
  const secrets = new Secrets()
  for (const value of values) secrets.add(value)
  return secrets
}

describe('redaction, against a naive one', () => {
  it('redaction removes exactly what the naive redaction removes', () => {
    let changed = 0
    let unchanged = 0
    fc.assert(
      fc.property(worlds, ({ values, text }) => {
        const clean = knowing(values).redact(text)
        expect(clean).toBe(naive(values, text))
        if (clean === text) unchanged++
        else changed++
      }),
      { numRuns: 500 }
    )
    expect(Math.min(changed, unchanged)).toBeGreaterThan(50)
  })

  it('a secret is redacted in every spelling, whatever text surrounds it', () => {
    const long = secret.filter((value) => [...value].length >= 4)
    fc.assert(
      fc.property(long, noise, noise, fc.constantFrom(...spellings), (value, before, after, spell) => {
        const text = spell(value)
        // Of base64 so short that it is in other base64 by chance nothing is known.
        fc.pre(naive([value], text) !== text)
        const clean = knowing([value]).redact(`${before}${text}${after}`)
        expect(clean).toContain('***')
        expect(knowing([value]).redact(clean)).toBe(clean)
      }),
      { numRuns: 500 }
    )
  })

  it('text without secrets is unchanged by redaction', () => {
    fc.assert(
      fc.property(fc.array(secret, { maxLength: 4 }), fc.string({ unit: 'binary', maxLength: 200 }), (values, text) => {
        fc.pre(naive(values, text) === text)
        expect(knowing(values).redact(text)).toBe(text)
      })
    )
  })
})

describe('an excerpt', () => {
  it('an excerpt shows no part of a secret at which it is cut', () => {
    fc.assert(
      fc.property(
        secret.filter((value) => [...value].length >= 4),
        fc.constantFrom(...spellings.slice(0, 11)),
        fc.string({ unit: fc.constantFrom('.', ',') }),
        fc.nat(60),
        (value, spell, before, cut) => {
          const text = `${before}${spell(value)}${'.'.repeat(100)}`
          const clean = knowing([value]).excerpt(text, before.length + cut)
          expect(clean.endsWith('…')).toBe(true)
          const kept = clean.slice(0, -1)
          expect(before.startsWith(kept) || kept.startsWith(`${before}***`)).toBe(true)
        }
      ),
      { numRuns: 500 }
    )
  })

  it('an excerpt of a short text is that text, and a surrogate pair is never split', () => {
    const secrets = knowing(['hunter2'])
    expect(secrets.excerpt('abc', 3)).toBe('abc')
    expect(secrets.excerpt('abcd', 3)).toBe('abc…')
    expect(secrets.excerpt('ab🔑d', 3)).toBe('ab…')
    expect(secrets.excerpt('x hunter2', 9)).toBe('x ***')
  })

  it('an excerpt shows no part of a short password or of a Digest hash at which it is cut', () => {
    const secrets = knowing(['pw'])
    for (let length = 7; length < 30; length++) {
      expect(secrets.excerpt(`rtsp://u:pw@camera/${'1'.repeat(40)}`, length)).not.toContain('pw')
      const digest = secrets.excerpt(`response="${'0123456789abcdef'.repeat(2)}", x`, length + 4)
      expect(digest).not.toMatch(/="?[0-9a-f]/)
    }
  })
})
