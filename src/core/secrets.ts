import { inspect } from 'node:util'

/** Shorter ones are in too many innocent words, and blotting those out would tell what they are. */
const shortest = 4
/** Shorter pieces of base64 stand in other base64 by chance. */
const shortestBase64 = 6
/**
 * What a password was hashed into for one request (Digest, RFC 7616). It differs each time, so it is known by its place:
 * whoever has it, with the nonce beside it, can try passwords on it at leisure.
 */
const digestResponse = /(\b(?:response|rspauth)\s*=\s*(?:\\*["'])?)[0-9a-f]{32,128}/gi

/**
 * Knows every secret of the config by value and blots it out of any text, in whatever spelling a program puts it there:
 * raw, percent-encoded (once or twice, all of it or some), escaped in JSON, JavaScript or HTML, in base64 (as in a Basic
 * header, whatever the user's name) or in hexadecimal. A secret of less than 4 characters is blotted out only where it
 * stands as a URL's password, `:pw@`. The hash of a Digest response is blotted out as well, whatever the secrets.
 */
export class Secrets {
  readonly #values = new Set<string>()
  #pattern: RegExp | null = null

  /** Empty strings are ignored. */
  add(value: string | undefined): void {
    if (!value || this.#values.has(value)) return
    this.#values.add(value)
    this.#pattern = null
  }

  /** Registers the password as it stands in a URL. */
  addUrl(url: string): void {
    const credentials = /^[a-z0-9+.-]+:\/\/(.*)@/is.exec(url)?.[1]
    if (!credentials) return
    const password = credentials.slice(credentials.indexOf(':') + 1)
    this.add(password)
    try {
      this.add(decodeURIComponent(password))
    } catch {
      // Not percent-encoded after all; the raw spelling is registered.
    }
  }

  /** Whether one of them is too short to be blotted out wherever it stands. */
  get tooShort(): boolean {
    return [...this.#values].some((value) => [...value].length < shortest)
  }

  redact(text: string): string {
    return this.#withoutValues(text).replace(digestResponse, '$1***')
  }

  /** Takes secrets out of an error's text and stack, and out of what caused it, for whoever prints it. */
  clean(error: unknown): unknown {
    const seen = new Set<unknown>()
    for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
      seen.add(at)
      for (const key of ['message', 'stack'] as const) {
        const text = at[key]
        if (text) Object.defineProperty(at, key, { value: this.redact(text), configurable: true, writable: true })
      }
    }
    return typeof error === 'string' ? this.redact(error) : error
  }

  #withoutValues(text: string): string {
    if (this.#values.size === 0) return text
    this.#pattern ??= patternOf([...this.#values])
    return text.replace(this.#pattern, '***')
  }
}

/** The longest first: one secret may be a part of another. */
function patternOf(values: readonly string[]): RegExp {
  const sorted = [...values].sort((a, b) => b.length - a.length)
  return new RegExp(sorted.flatMap(spellingsOf).join('|'), 'gu')
}

function spellingsOf(value: string): string[] {
  const characters = [...value].map(spellingsOfCharacter).join('')
  if ([...value].length < shortest) return [`(?<=:)${characters}(?=@)`]
  const hex = Buffer.from(value).toString('hex')
  // A JSON text or an address may be in base64 as a whole.
  const whole = new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)])
  const literal = [inspect(value).slice(1, -1), ...[...whole].flatMap(base64Of)].map(escaped)
  return [characters, ...literal, hex, hex.toUpperCase()]
}

const entities: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' }

/** A pattern for one character as it is, percent-encoded, or escaped, JSON within JSON included. */
function spellingsOfCharacter(character: string): string {
  const percent = [...Buffer.from(character)].map((byte) => `%(?:25)*${caseless(byte.toString(16).padStart(2, '0'))}`)
  const units = Array.from({ length: character.length }, (_, i) =>
    character.charCodeAt(i).toString(16).padStart(4, '0')
  )
  const unicode = units.map((unit) => String.raw`\\+u${caseless(unit)}`)
  const code = character.codePointAt(0)!
  const html = `&(?:amp;)*(?:#0*${code}|#[xX]0*${caseless(code.toString(16))}${entity(character)});`
  const named = { '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f' }[character]
  const more = character === ' ' ? [String.raw`\+`] : named ? [String.raw`\\+${named}`] : []
  const plain =
    character === '\\'
      ? String.raw`\\+`
      : /["'/`]/.test(character)
        ? String.raw`\\*${escaped(character)}`
        : escaped(character)
  return `(?:${[plain, percent.join(''), unicode.join(''), html, ...more].join('|')})`
}

const entity = (character: string): string => (entities[character] ? `|${entities[character]}` : '')

/** Hexadecimal digits in either case. */
const caseless = (digits: string): string => digits.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)

/** What a value looks like within base64, by where in a group of three bytes it begins; both alphabets. */
function base64Of(value: string): string[] {
  const bytes = Buffer.from(value)
  const found = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // Characters that hold bits of what stands before or behind are not known.
    const from = Math.ceil((before * 8) / 6)
    const to = Math.floor(((before + bytes.length) * 8) / 6)
    const known = text.slice(from, to)
    return [known, known.replaceAll('+', '-').replaceAll('/', '_')]
  })
  return [...new Set(found)].filter((text) => text.length >= shortestBase64)
}
