/** The browsers that show the page, over server-sent events: changes are encoded once, and sent to all. */
import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { BeatEvent, Row, RowsEvent } from './wire.js'

export type Stream = ServerResponse | Http2ServerResponse

export interface PageViewersOptions {
  rows: () => ReadonlyMap<string, Row>
  /** ISO 8601. */
  at: () => string
  build: string
  limits?: Partial<ViewerLimits>
}

export interface ViewerLimits {
  viewers: number
  /** Of what a viewer has not taken yet; one that reads nothing is cut off there. */
  unreadBytes: number
}

const defaultLimits: ViewerLimits = { viewers: 256, unreadBytes: 256 * 1024 }
/** Browsers take a lamp for unknown after 10 s without an event. */
const beatMs = 3000
/** Changes within this time are sent together, in ms. */
const gatherMs = 100
/** After which a browser reconnects, in ms (`retry` of server-sent events). */
const retryMs = 2000

export class PageViewers {
  readonly #options: PageViewersOptions
  readonly #limits: ViewerLimits
  readonly #streams = new Set<Stream>()
  /** The rows as they were last sent, encoded, by key. */
  #told = new Map<string, string>()
  readonly #beat: NodeJS.Timeout
  #gathering: NodeJS.Timeout | null = null

  constructor(options: PageViewersOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#beat = setInterval(() => this.#sendBeat(), beatMs)
  }

  get count(): number {
    return this.#streams.size
  }

  get full(): boolean {
    return this.#streams.size >= this.#limits.viewers
  }

  /** Tells everything, and from then on what changes, until the stream is closed. */
  add(stream: Stream): void {
    this.#flush()
    const rows = Object.fromEntries([...this.#options.rows()])
    this.#streams.add(stream)
    stream.on('close', () => this.#streams.delete(stream))
    stream.on('error', () => this.#cut(stream))
    const whole: RowsEvent = { at: this.#options.at(), whole: true, rows }
    this.#write(stream, `retry: ${retryMs}\n\n${eventText('beat', this.#beatEvent())}${eventText('rows', whole)}`)
  }

  /** Something may be different. */
  changed(): void {
    this.#gathering ??= setTimeout(() => this.#flush(), gatherMs)
  }

  close(): void {
    clearInterval(this.#beat)
    clearTimeout(this.#gathering ?? undefined)
    for (const stream of this.#streams) this.#cut(stream)
  }

  #flush(): void {
    clearTimeout(this.#gathering ?? undefined)
    this.#gathering = null
    const now = new Map([...this.#options.rows()].map(([key, row]) => [key, JSON.stringify(row)]))
    const changes = [...now].filter(([key, text]) => this.#told.get(key) !== text)
    const gone = [...this.#told.keys()].filter((key) => !now.has(key)).map((key) => [key, 'null'] as const)
    this.#told = now
    if (changes.length + gone.length === 0 || this.#streams.size === 0) return
    const rows = [...changes, ...gone].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')
    this.#sendAll(`event: rows\ndata: {"at":"${this.#options.at()}","whole":false,"rows":{${rows}}}\n\n`)
  }

  #sendBeat(): void {
    // Ages and silences are rows that change without a message.
    this.#flush()
    this.#sendAll(eventText('beat', this.#beatEvent()))
  }

  #beatEvent(): BeatEvent {
    return { at: this.#options.at(), build: this.#options.build }
  }

  #sendAll(text: string): void {
    for (const stream of this.#streams) this.#write(stream, text)
  }

  #write(stream: Stream, text: string): void {
    if (stream.writableLength + text.length > this.#limits.unreadBytes && stream.writableLength > 0) this.#cut(stream)
    else (stream as ServerResponse).write(text)
  }

  #cut(stream: Stream): void {
    this.#streams.delete(stream)
    stream.destroy()
  }
}

const eventText = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
