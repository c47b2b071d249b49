import { SpanScanner } from './span-scanner.js'
import { drawSecret, shortest } from './spellings.js'

/**
 * The hash of a password for one request (Digest, RFC 7616). It differs each time, so it is recognised by its place. It has
 * to be redacted because, with the nonce beside it, passwords can be tried on it offline.
 */
const digestResponse = /(\b(?:response|rspauth)\s*=\s*(?:\\*["'])?)[0-9a-f]{32,128}/gi
/** The same where a text was cut. */
const digestAtEnd = /(\b(?:response|rspauth)\s*=\s*(?:\\*["'])?)[0-9a-f]{1,128}$/i

/**
 * Knows every secret of the config by value and redacts it from any text, in every spelling that a program may use (see
 * `drawSecret`), in time linear in the text. The hash of a Digest response is redacted as well, independent of the secrets.
 */
export class Secrets {
  readonly #values = new Set<string>()
  readonly #scanner = new SpanScanner()

  /** Empty strings are ignored. */
  add(value: string | undefined): void {
    if (!value || this.#values.has(value)) return
    this.#values.add(value)
    this.#scanner.add((drawing) => drawSecret(drawing, value))
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

  /** Whether one of them is too short to be redacted everywhere. */
  get tooShort(): boolean {
    return [...this.#values].some((value) => [...value].length < shortest)
  }

  redact(text: string): string {
    return this.#withoutValues(text, false).replace(digestResponse, '$1***')
  }

  /**
   * For text of unknown length: at most its first `length` UTF-16 units, redacted, and `…` where it was cut. What remains of
   * a secret that the cut goes through is left out.
   */
  excerpt(text: string, length: number): string {
    if (text.length <= length) return this.redact(text)
    const splitsPair = /[\ud800-\udbff]/.test(text[length - 1] ?? '')
    const head = this.#withoutValues(text.slice(0, splitsPair ? length - 1 : length), true)
    return `${head.replace(digestResponse, '$1***').replace(digestAtEnd, '$1***')}…`
  }

  /** Redacts an error's text and stack, and those of its causes, before it is printed. */
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

  /** @param cut whether the text was cut, so that a secret may continue beyond its end */
  #withoutValues(text: string, cut: boolean): string {
    const { spans, open } = this.#scanner.scan(text)
    const end = cut ? open : text.length
    let clean = ''
    let done = 0
    for (let i = 0; i < spans.length && spans[i]! < end; i += 2) {
      clean += `${text.slice(done, spans[i])}***`
      done = spans[i + 1]!
    }
    return done === 0 && end === text.length ? text : clean + text.slice(done, end)
  }
}
