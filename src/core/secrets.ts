/**
 * Knows every secret of the config by value and blots it out of any text. A password turns up raw, percent-encoded in a
 * URL, or escaped inside JSON; all three spellings are blotted out.
 */
export class Secrets {
  readonly #values = new Set<string>()

  /** Empty strings are ignored. */
  add(value: string | undefined): void {
    if (!value) return
    for (const spelling of spellingsOf(value)) this.#values.add(spelling)
  }

  /** Registers user name and password as they stand in a URL, in each spelling that a program might log. */
  addUrl(url: string): void {
    const credentials = /^[a-z0-9+.-]+:\/\/(.*)@/i.exec(url)?.[1]
    if (!credentials) return
    const password = credentials.slice(credentials.indexOf(':') + 1)
    this.add(password)
    try {
      this.add(decodeURIComponent(password))
    } catch {
      // Not percent-encoded after all; the raw spelling is registered.
    }
  }

  redact(text: string): string {
    let clean = text
    for (const value of [...this.#values].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(value, '***')
    return clean
  }
}

function spellingsOf(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1)
  const encoded = encodeURIComponent(value)
  // encodeURIComponent lets !'()* pass; other programs do not.
  const strict = encoded.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  const lowerCase = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())
  const nested = JSON.stringify(json).slice(1, -1)
  return [value, json, nested, encoded, strict, lowerCase(encoded), lowerCase(strict), encodeURI(value)]
}
